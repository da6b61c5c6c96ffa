//! Saved configurations: one in each area, as the commands that make it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::{Fault, FlashError};
use super::seal;
use super::store::Store;
use msm_config::area::Area;

const KIND: &str = "configuration";

/// A configuration that was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saved {
    /// Its commands.
    pub(crate) text: String,
    /// What is known about it.
    pub(crate) about: About,
}

/// What is known about a saved configuration beside its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// When it was saved.
    pub(crate) at: SystemTime,
    /// Version of the image that saved it.
    pub(crate) version: String,
    /// Size of the file.
    pub(crate) bytes: u64,
}

/// What a boot starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Loaded<T> {
    /// The configuration of an area.
    Saved(Area, About, T),
    /// None: the defaults.
    Factory,
}

/// Name of an area's file.
pub(super) fn file(area: Area) -> String {
    format!("{area}.cfg")
}

/// The file that holds `text`.
pub(super) fn encode(text: &str, at: SystemTime, version: &str) -> Result<Vec<u8>, Fault> {
    let at_ms = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    seal::seal(KIND, &format!("saved-ms {at_ms} version {version}"), text)
}

/// What the file `bytes` holds.
pub(super) fn decode(bytes: &[u8]) -> Result<Saved, Fault> {
    let (notes, text) = seal::unseal(KIND, bytes)?;
    let words: Vec<&str> = notes.split(' ').collect();
    let note = |name| words.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1]);
    let at_ms = note("saved-ms").and_then(|ms| ms.parse().ok()).unwrap_or(0);
    let about = About {
        at: UNIX_EPOCH.checked_add(Duration::from_millis(at_ms)).unwrap_or(UNIX_EPOCH),
        version: note("version").unwrap_or("?").chars().take(64).collect(),
        bytes: bytes.len() as u64,
    };
    Ok(Saved { text: text.to_owned(), about })
}

/// Saves `text` in `area`.
pub(super) fn save(store: &Store, area: Area, text: &str) -> Result<About, FlashError> {
    let name = file(area);
    let (at, version) = (SystemTime::now(), env!("CARGO_PKG_VERSION"));
    let bytes =
        encode(text, at, version).map_err(|fault| FlashError::Damaged { path: store.path(&name), fault })?;
    store.write(&name, &bytes)?;
    Ok(About { at, version: version.to_owned(), bytes: bytes.len() as u64 })
}

/// What is saved in `area`; none if nothing ever was.
pub(super) fn load(store: &Store, area: Area) -> Result<Option<Saved>, FlashError> {
    let name = file(area);
    let Some(bytes) = store.read(&name)? else { return Ok(None) };
    decode(&bytes).map(Some).map_err(|fault| FlashError::Damaged { path: store.path(&name), fault })
}

/// What to boot with: the `selected` area, else the other, else the defaults. `read` makes of a text what the caller needs, or
/// says why it is no configuration. The faults are of areas that had to be passed over.
pub(super) fn load_selected<T>(
    store: &Store,
    selected: Area,
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> (Loaded<T>, Vec<FlashError>) {
    let mut faults = Vec::new();
    for area in [selected, selected.other()] {
        let saved = match load(store, area) {
            Ok(Some(saved)) => saved,
            Ok(None) => continue,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        match read(&saved.text) {
            Ok(value) => {
                if area != selected && faults.is_empty() {
                    faults.push(FlashError::Absent(selected));
                }
                return (Loaded::Saved(area, saved.about, value), faults);
            }
            Err(why) => {
                faults
                    .push(FlashError::Damaged { path: store.path(&file(area)), fault: Fault::Meaning(why) });
            }
        }
    }
    (Loaded::Factory, faults)
}

#[cfg(test)]
#[path = "configuration_tests.rs"]
mod tests;
