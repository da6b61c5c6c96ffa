//! For tests only: the product, but a takeover moves the label of the tables (directory name and META) and nothing else. Whatever
//! watches failovers must find that out.

use std::process::ExitCode;

use msm_ctl::Takeover;

fn main() -> ExitCode {
    msm_ctl::main(Takeover::LabelOnly)
}
