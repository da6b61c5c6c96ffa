//! The master's flash comes to this slave's.

use super::{Actor, Back};
use crate::flash::Flash;
use crate::flash::parcel::Parcel;
use crate::msm::boot;

impl Actor {
    /// Looks at everything, then writes: in a task, since both take as long as they take.
    pub(super) fn store_flash(&self, bytes: Vec<u8>) {
        let (flash, back) = (self.flash.clone(), self.back.clone());
        let facts = std::sync::Arc::clone(self.own.config.facts());
        self.tasks.spawn("flash", false, async move {
            let known = std::sync::Arc::clone(&facts);
            let looked_at = tokio::task::spawn_blocking(move || {
                let _patience = crate::process::Patience::begin();
                Parcel::decode(&bytes, |text| boot::check(&known, text)).map_err(|error| error.to_string())
            });
            let parcel = looked_at.await.unwrap_or_else(|error| Err(error.to_string()));
            let stored = match parcel {
                Ok(parcel) => store(&flash, parcel).await,
                Err(why) => Err(why),
            };
            let stored = match stored {
                Ok(()) => {
                    let read = move || crate::process::patiently(|| boot::selected(&flash, &facts).0);
                    tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())
                }
                Err(why) => Err(why),
            };
            let _ = back.send(Back::FlashStored(stored)).await;
        });
    }
}

async fn store(flash: &Flash, parcel: Parcel) -> Result<(), String> {
    flash.unpack(parcel).done().await.map_err(|error| error.to_string())
}
