//! Non-volatile memory: what an MSM remembers beside its configurations.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::{Fault, FlashError};
use super::seal;
use super::store::Store;
use msm_config::area::Area;

const KIND: &str = "nvram";
const FILE: &str = "nvram";

/// Selections and the history of failovers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Nvram {
    /// Configuration to use at the next boot.
    pub(crate) configuration: Area,
    /// Configuration that this boot used; none: the defaults.
    pub(crate) configuration_booted: Option<Area>,
    /// Image to use at the next boot.
    pub(crate) image: Area,
    /// Image that this boot used.
    pub(crate) image_booted: Option<Area>,
    /// Cause of the last failover, in the words of `show msm-failover`.
    pub(crate) cause: String,
    /// Failovers so far.
    pub(crate) failovers: u64,
    /// What another version has written: it finds it again.
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

impl Default for Nvram {
    fn default() -> Self {
        Self {
            configuration: Area::Primary,
            configuration_booted: None,
            image: Area::Primary,
            image_booted: None,
            cause: "never".to_owned(),
            failovers: 0,
            others: Map::new(),
        }
    }
}

/// What was last saved. A fault means: the defaults.
pub(super) fn load(store: &Store) -> (Nvram, Option<FlashError>) {
    let bytes = match store.read(FILE) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return (Nvram::default(), None),
        Err(error) => return (Nvram::default(), Some(error)),
    };
    match decode(&bytes) {
        Ok(nvram) => (nvram, None),
        Err(fault) => (Nvram::default(), Some(FlashError::Damaged { path: store.path(FILE), fault })),
    }
}

fn decode(bytes: &[u8]) -> Result<Nvram, Fault> {
    let (_, body) = seal::unseal(KIND, bytes)?;
    serde_json::from_str(body).map_err(|error| Fault::Meaning(format!("its content makes no sense: {error}")))
}

/// Saves it.
pub(super) fn save(store: &Store, nvram: &Nvram) -> Result<(), FlashError> {
    let damaged = |fault| FlashError::Damaged { path: store.path(FILE), fault };
    let body = serde_json::to_string(nvram).map_err(|error| damaged(Fault::Meaning(error.to_string())))?;
    store.write(FILE, &seal::seal(KIND, "", &body).map_err(damaged)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let store = Store::new(dir.path().join("a"));
        store.prepare().expect("prepared");
        (dir, store)
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let (_dir, store) = store();
        assert_eq!(load(&store).0, Nvram::default());
        assert!(load(&store).1.is_none());
        let nvram = Nvram {
            configuration: Area::Secondary,
            configuration_booted: Some(Area::Primary),
            cause: "exception".to_owned(),
            failovers: 7,
            ..Nvram::default()
        };
        save(&store, &nvram).expect("saved");
        assert_eq!(load(&store).0, nvram);
    }

    #[test]
    fn any_changed_byte_means_the_defaults_and_is_reported() {
        let (_dir, store) = store();
        let nvram = Nvram { failovers: 3, ..Nvram::default() };
        save(&store, &nvram).expect("saved");
        let good = std::fs::read(store.path(FILE)).expect("there");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            std::fs::write(store.path(FILE), &bad).expect("written");
            let (loaded, fault) = load(&store);
            assert_eq!(loaded, Nvram::default(), "byte {at}");
            assert!(fault.is_some(), "byte {at}");
            std::fs::write(store.path(FILE), &good[..at]).expect("written");
            assert!(load(&store).1.is_some(), "cut at {at}");
        }
    }

    #[test]
    fn another_versions_fields_survive() {
        let (_dir, store) = store();
        let body = r#"{"failovers":2,"fan":{"speed":3}}"#;
        store.write(FILE, &seal::seal(KIND, "", body).expect("sealed")).expect("written");
        let (nvram, fault) = load(&store);
        assert!(fault.is_none());
        assert_eq!((nvram.failovers, nvram.cause.as_str()), (2, "never"));
        save(&store, &nvram).expect("saved");
        let text = std::fs::read_to_string(store.path(FILE)).expect("there");
        assert!(text.contains(r#""fan":{"speed":3}"#), "{text}");
    }
}
