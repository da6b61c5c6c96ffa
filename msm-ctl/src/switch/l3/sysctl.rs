//! Settings of a netdev below /proc/sys/net: read, and written where they differ. They are those of this process's namespace.

use std::io;
use std::path::Path;

/// Where they are.
const NET: &str = "/proc/sys/net";

/// Gives setting `path` (below /proc/sys/net) the value `wanted`; true if it was written. One that this kernel does not have is as it should be.
pub(super) fn set(path: &str, wanted: &str) -> Result<bool, String> {
    let file = Path::new(NET).join(path);
    let failed = |error: io::Error| format!("{}: {error}", file.display());
    match std::fs::read_to_string(&file) {
        Ok(has) if has.trim() == wanted => Ok(false),
        Ok(_) => std::fs::write(&file, wanted).map(|()| true).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// The same for many, on a thread that may wait; how many were written.
pub(super) async fn set_all(settings: Vec<(String, String)>) -> Result<u64, String> {
    let work = move || {
        let _patience = crate::process::Patience::begin();
        settings
            .iter()
            .try_fold(0, |written, (path, value)| set(path, value).map(|wrote| written + u64::from(wrote)))
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}
