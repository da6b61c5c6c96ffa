//! Who starts a dead backplane again, and when.

use std::time::Duration;

use crate::Role;

/// An MSM that is no master waits this long for the master to do it.
const YIELD: Duration = Duration::from_millis(300);
/// A backplane that was started and is not there after this is started again.
const AGAIN: Duration = Duration::from_secs(1);

impl Role {
    /// How long after the backplane's death (`tries` = 0), or after starting it for the `tries`th time, an MSM in this role
    /// starts it; `None` = it does not. The lock of the chassis makes two that start it at once harmless.
    #[must_use]
    pub const fn revives_backplane_after(self, tries: u32) -> Option<Duration> {
        match (self, tries) {
            (Self::Leaving, _) => None,
            (Self::Master, 0) => Some(Duration::ZERO),
            (Self::Booting | Self::Slave, 0) => Some(YIELD),
            (_, _) => Some(AGAIN),
        }
    }

    /// Whether commands that change something belong here.
    #[must_use]
    pub const fn is_master(self) -> bool {
        matches!(self, Self::Master)
    }

    /// The role in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Booting => "booting",
            Self::Slave => "slave",
            Self::Master => "master",
            Self::Leaving => "leaving",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_master_is_first_and_somebody_is_there_within_a_second() {
        let first = |role: Role| role.revives_backplane_after(0);
        assert_eq!(first(Role::Master), Some(Duration::ZERO));
        assert!(first(Role::Slave) > first(Role::Master));
        assert!(first(Role::Slave) < Some(Duration::from_secs(1)));
        assert_eq!(first(Role::Leaving), None);
        assert!(Role::Master.revives_backplane_after(1) > Some(Duration::ZERO));
    }
}
