//! The product.

use std::process::ExitCode;

use msm_ctl::Takeover;

fn main() -> ExitCode {
    msm_ctl::main(Takeover::Whole)
}
