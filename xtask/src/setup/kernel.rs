//! The running kernel's version.

use std::fs;

use anyhow::{Context, Result};

use super::need::Need;

/// 6.6 brought tcx (BPF links for tc), what ports with jumbo frames or driver offloads are attached by.
const OLDEST: (u32, u32) = (6, 6);

pub(super) fn check() -> Result<Option<Need>> {
    let path = "/proc/sys/kernel/osrelease";
    let release = fs::read_to_string(path).with_context(|| format!("setup: reading {path}"))?;
    Ok(too_old(release.trim()))
}

fn too_old(release: &str) -> Option<Need> {
    if version(release).is_some_and(|version| version >= OLDEST) {
        return None;
    }
    let (major, minor) = OLDEST;
    Some(Need {
        what: format!("kernel {release} is older than {major}.{minor}"),
        why: "the forwarding plane needs tcx links and the verifier of that release",
        mend: format!("boot a kernel of {major}.{minor} or later"),
    })
}

/// Major and minor of `6.18.44-custom`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|next: char| !next.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        for release in ["6.6", "6.6.0-rc1", "6.18.44-custom", "6.10.3+deb13-amd64", "10.0.1"] {
            assert!(too_old(release).is_none(), "{release}");
        }
        for release in ["6.5.13", "5.15.0-100-generic", "4.19", "six", ""] {
            assert!(too_old(release).is_some(), "{release}");
        }
    }

    #[test]
    fn a_refusal_is_one_line_and_names_the_kernel() {
        let line = too_old("5.10.0-8-amd64").unwrap().to_string();
        assert!(line.starts_with("kernel 5.10.0-8-amd64 is older than 6.6: "), "{line}");
        assert!(!line.contains('\n'));
    }
}
