//! Putting a built file where it belongs: whole or not at all, and untouched when nothing changed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Copies `from` to `to` by a temporary file and a rename, so that a process running the old file keeps it. Does
/// nothing when both hold the same bytes: what watches modification times then sees no change.
pub(crate) fn place(from: &Path, to: &Path) -> Result<()> {
    let new = fs::read(from).with_context(|| format!("reading {}, which was just built", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    let folder = to.parent().expect("a file's path has a folder");
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let mut temporary = to.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    fs::copy(from, &temporary)
        .and_then(|_| fs::rename(&temporary, to))
        .with_context(|| format!("copying {} to {}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_file_keeps_its_time() {
        let folder = std::env::temp_dir().join(format!("xtask-place-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("deep/to"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(&from, "one").unwrap();
        place(&from, &to).unwrap();
        let then = std::time::SystemTime::UNIX_EPOCH;
        File::options().write(true).open(&to).unwrap().set_modified(then).unwrap();
        place(&from, &to).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), then);
        fs::write(&from, "two").unwrap();
        place(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.join("deep")).unwrap().count(), 1, "no temporary file stays");
        fs::remove_dir_all(&folder).unwrap();
    }

    use std::fs::File;
}
