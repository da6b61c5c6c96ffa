//! PLANE_CONFIG: what the programs read.

use std::time::Duration;

use msm_abi::{PlaneConfig, STAMP_SHIFT};

use super::{at, join, part, put, u32_at, u64_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const LEN: usize = size_of::<PlaneConfig>();
/// A station's stamp is renewed when it is older than this part of the age.
const REFRESH: u32 = 16;
/// Renewal without ageing, for the age that operators see: that of the default age of 300 s.
const REFRESH_NO_AGE: u32 = ((300_000_000_000u64 >> STAMP_SHIFT) as u32) / REFRESH;

/// The configuration for an age; zero = never.
#[must_use]
pub fn for_age(age: Duration) -> PlaneConfig {
    if age.is_zero() {
        return PlaneConfig { fdb_refresh: REFRESH_NO_AGE, ..PlaneConfig::default() };
    }
    // Half the range at most: past it a stamp that wrapped would look young.
    let stamps = (age.as_nanos() >> STAMP_SHIFT).clamp(1, u128::from(u32::MAX / 2)) as u32;
    PlaneConfig { fdb_age: stamps, fdb_refresh: (stamps / REFRESH).max(1), ..PlaneConfig::default() }
}

/// The router's address as PLANE_CONFIG has it.
#[must_use]
pub const fn router_mac(mac: [u8; 6]) -> u64 {
    u64::from_be_bytes([0, 0, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]])
}

/// Reads it.
///
/// # Errors
/// What the kernel says.
pub fn get(store: &impl Store) -> Result<PlaneConfig, TableError> {
    let b: [u8; LEN] = at(store, Table::PlaneConfig, 0)?;
    Ok(PlaneConfig {
        fdb_age: u32_at(&b, 0),
        fdb_refresh: u32_at(&b, 4),
        capture: u32_at(&b, 8),
        mirror: u32_at(&b, 12),
        router_mac: u64_at(&b, 16),
        acl: b[24],
        routes: b[25],
        pad: part(&b, 26),
    })
}

/// Writes it.
///
/// # Errors
/// What the kernel says.
pub fn set(store: &mut impl Store, config: PlaneConfig) -> Result<(), TableError> {
    let value: [u8; LEN] = join(&[
        &config.fdb_age.to_ne_bytes(),
        &config.fdb_refresh.to_ne_bytes(),
        &config.capture.to_ne_bytes(),
        &config.mirror.to_ne_bytes(),
        &config.router_mac.to_ne_bytes(),
        &[config.acl, config.routes],
        &config.pad,
    ]);
    put(store, Table::PlaneConfig, &0u32.to_ne_bytes(), &value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_become_stamps() {
        assert_eq!(for_age(Duration::ZERO).fdb_age, 0);
        let stamps = |age| (for_age(age).fdb_age, for_age(age).fdb_refresh);
        assert_eq!(stamps(Duration::from_millis(1)), (1, 1));
        assert_eq!(stamps(Duration::from_secs(300)), (17_881, 1_117));
        assert_eq!(for_age(Duration::MAX).fdb_age, u32::MAX / 2);
    }
}
