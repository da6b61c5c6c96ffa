//! Prints docs/commands.md: `cargo xtask docs` writes it.

fn main() {
    print!("{}", msm_config::docs::reference());
}
