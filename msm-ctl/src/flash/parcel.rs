//! A flash as one string of bytes: what `synchronize` carries from the master's to the slave's.

use prost::Message;

use super::configuration::{self, Saved};
use super::error::FlashError;
use super::store::{FILE_MAX, Store};
use msm_config::area::Area;

/// Largest parcel: both files and some words.
pub(crate) const PARCEL_MAX: usize = 2 * FILE_MAX as usize + 1024;

/// On the wire. Law 7: what has no safe default is `optional`.
#[derive(Clone, PartialEq, Message)]
struct Wire {
    /// The file of an area as it is; none: nothing is saved there.
    #[prost(bytes = "vec", optional, tag = "1")]
    primary: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    secondary: Option<Vec<u8>>,
    /// Selections, by name.
    #[prost(string, optional, tag = "3")]
    configuration: Option<String>,
    #[prost(string, optional, tag = "4")]
    image: Option<String>,
}

/// Why a parcel is refused. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParcelError {
    /// Too long for one.
    #[error("synchronize: {0} bytes are more than a flash can hold ({PARCEL_MAX}); nothing was changed")]
    TooLong(usize),
    /// Not one.
    #[error("synchronize: what came is not a flash ({0}); nothing was changed; try again")]
    Garbled(String),
    /// A file of it is damaged.
    #[error(
        "synchronize: the {area} configuration is not usable: {why}; nothing was changed; save it again on the master"
    )]
    Configuration {
        /// Whose.
        area: Area,
        /// Why.
        why: String,
    },
}

/// A flash's content, each part of which was looked at and is good.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parcel {
    files: [Option<Vec<u8>>; 2],
    /// Configuration that is selected.
    pub(crate) configuration: Area,
    /// Image that is selected.
    pub(crate) image: Area,
}

impl Parcel {
    /// What `store` has. A damaged file is an error: the slave's own may be better.
    pub(super) fn pack(store: &Store, configuration: Area, image: Area) -> Result<Self, FlashError> {
        let mut files = [None, None];
        for (area, file) in Area::ALL.into_iter().zip(&mut files) {
            let name = configuration::file(area);
            *file = store.read(&name)?;
            if let Some(bytes) = file.as_ref() {
                configuration::decode(bytes)
                    .map_err(|fault| FlashError::Damaged { path: store.path(&name), fault })?;
            }
        }
        Ok(Self { files, configuration, image })
    }

    /// For the wire.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let [primary, secondary] = self.files.clone();
        Wire {
            primary,
            secondary,
            configuration: Some(self.configuration.to_string()),
            image: Some(self.image.to_string()),
        }
        .encode_to_vec()
    }

    /// From the wire. `check` says why a text is no configuration; it is asked about each.
    pub(crate) fn decode(
        bytes: &[u8],
        mut check: impl FnMut(&str) -> Result<(), String>,
    ) -> Result<Self, ParcelError> {
        if bytes.len() > PARCEL_MAX {
            return Err(ParcelError::TooLong(bytes.len()));
        }
        let wire = Wire::decode(bytes).map_err(|error| ParcelError::Garbled(error.to_string()))?;
        let selection = |name: &str, value: Option<String>| {
            value
                .ok_or_else(|| ParcelError::Garbled(format!("no selected {name}")))?
                .parse::<Area>()
                .map_err(ParcelError::Garbled)
        };
        let parcel = Self {
            configuration: selection("configuration", wire.configuration)?,
            image: selection("image", wire.image)?,
            files: [wire.primary, wire.secondary],
        };
        for (area, file) in Area::ALL.into_iter().zip(&parcel.files) {
            let Some(file) = file else { continue };
            let refused = |why| ParcelError::Configuration { area, why };
            if file.len() as u64 > FILE_MAX {
                return Err(refused(format!("it has {} bytes, at most {FILE_MAX} fit", file.len())));
            }
            let Saved { text, .. } =
                configuration::decode(file).map_err(|fault| refused(fault.to_string()))?;
            check(&text).map_err(refused)?;
        }
        Ok(parcel)
    }

    /// Makes the configurations of `store` the parcel's, each whole at any time. The selections are nvram's.
    pub(super) fn unpack(&self, store: &Store) -> Result<(), FlashError> {
        for (area, file) in Area::ALL.into_iter().zip(&self.files) {
            let name = configuration::file(area);
            match file {
                Some(bytes) => store.write(&name, bytes)?,
                None => store.remove(&name)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "parcel_tests.rs"]
mod tests;
