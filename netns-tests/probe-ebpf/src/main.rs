//! The probe's eBPF programs. On the host this is an empty program: `cargo xtask build-ebpf` builds the object.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![cfg_attr(
    target_arch = "bpf",
    expect(
        clippy::needless_pass_by_value,
        reason = "the entries that the macros make pass the context by value"
    )
)]
#![cfg_attr(
    target_arch = "bpf",
    expect(
        clippy::mut_from_ref,
        reason = "a context does not own the frame; each accessor says why it is alone with it"
    )
)]

#[cfg(target_arch = "bpf")]
mod bare;
#[cfg(target_arch = "bpf")]
mod r#gen;
#[cfg(target_arch = "bpf")]
mod rx;
#[cfg(target_arch = "bpf")]
mod sink;
#[cfg(target_arch = "bpf")]
mod watch;

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// What the kernel asks before it gives a program its helpers.
#[cfg(target_arch = "bpf")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(not(target_arch = "bpf"))]
fn main() {}
