//! The forwarding plane: what happens to a frame between the wire it came by and the wires it leaves by.
//!
//! Built for bpfel-unknown-none. For any other target this is a stub, so that `cargo build --workspace` works; clippy is
//! run for the BPF target.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
// asm: the one way to load or store a packet's unaligned words whole (see access.rs); unstable for this target only.
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

#[cfg(target_arch = "bpf")]
mod plane;

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Not reachable: the verifier refuses a program in which this loop can be entered.
    loop {}
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
