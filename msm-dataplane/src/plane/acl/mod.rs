//! The access list: compiled, and put into force whole.
//!
//! The tables have two halves, and one byte of PLANE_CONFIG says which is in force and what its rules ask for. A list is written into the
//! other half, which no run of a program uses any more (a grace period after it was last in force), and then that byte. TABLES says
//! what is in force: its digest holds if its generation is even where half 0 is in force and odd where half 1 is, so that an owner
//! that dies between the two last writes leaves nothing that is taken for what it is not.

mod blocks;
mod classes;
mod compile;
mod decide;
mod fields;
mod list;

use std::collections::{BTreeMap, BTreeSet};

use msm_abi::{
    ACL_BLOCKS, ACL_LINES, ACL_RULES, AclMacKey, PlaneConfig, TableState, acl_active, tables as sets,
};

use super::Plane;
use crate::store::{Grace, Links, Store};
use crate::tables::{acl, acl_hits, flood, plane_config, states};
use crate::{Changes, TableError};

pub use compile::Compiled;
pub use decide::{AclTables, InForce, decide};
pub use fields::{AclFields, AclIp};
pub use list::{AclFrames, AclList, AclPrefix, AclRule};

use compile::BLOCK;

/// What an owner remembers of the list.
#[derive(Debug)]
pub(super) struct Memory {
    /// Of the half that is not in force; `None`: nobody knows since when it is not.
    grace: Option<Grace>,
    /// The rules in force: digest by counter.
    rules: Option<BTreeMap<u16, u64>>,
}

impl Memory {
    pub(super) const fn new() -> Self {
        Self { grace: None, rules: None }
    }
}

/// What is in force.
struct Found {
    config: PlaneConfig,
    state: TableState,
}

impl Found {
    fn read(store: &impl Store) -> Result<Self, TableError> {
        Ok(Self { config: plane_config::get(store)?, state: states::get(store, sets::ACL)? })
    }

    const fn half(&self) -> u8 {
        self.config.acl & acl_active::HALF
    }

    /// True if TABLES speaks of the half in force.
    const fn is_whole(&self) -> bool {
        self.state.generation as u8 & 1 == self.half()
    }

    /// True if that is a list of this digest, which needs these fields.
    const fn is(&self, digest: u64, active: u8) -> bool {
        self.is_whole() && self.state.digest == digest && self.config.acl & !acl_active::HALF == active
    }

    /// True in a tree that has never had a list.
    const fn is_fresh(&self) -> bool {
        self.state.generation == 0 && self.config.acl == 0
    }
}

impl<S: Store + Links> Plane<S> {
    /// True if this list is in force. Reads two entries.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn acl_in_force(&self, list: &AclList) -> Result<bool, TableError> {
        Ok(Found::read(&self.store)?.is(list.digest(), list.needs()))
    }

    /// Makes `list` the one in force: nothing is written if it is, else it is compiled and installed. A frame sees the list before or this one.
    ///
    /// # Errors
    /// [`TableError`]: the list before is in force; call again.
    pub fn reconcile_acl(&mut self, list: &AclList) -> Result<Changes, TableError> {
        if self.acl_in_force(list)? {
            let rules = || list.rules.iter().map(|rule| (rule.counter, rule.digest())).collect();
            self.acl.rules.get_or_insert_with(rules);
            return Ok(Changes::default());
        }
        self.install_acl(&list.compile()?)
    }

    /// Puts a compiled list into force. It may have been compiled elsewhere.
    ///
    /// # Errors
    /// What the kernel says: the list before is in force; call again.
    pub fn install_acl(&mut self, compiled: &Compiled) -> Result<Changes, TableError> {
        self.counted(|plane, _| plane.install(compiled))
    }

    fn install(&mut self, compiled: &Compiled) -> Result<(), TableError> {
        let found = Found::read(&self.store)?;
        let half = 1 - found.half();
        if !compiled.actions.is_empty() {
            self.settle(&found)?;
            fill(&mut self.store, compiled, half)?;
            let fresh = self.fresh_counters(compiled, &found)?;
            acl_hits::clear(&mut self.store, &fresh)?;
        }
        // What was remembered is of the list before.
        self.acl.rules = None;
        let step = if found.is_whole() { 1 } else { 2 };
        let [blocks, classes, rules] = compiled.size().map(|n| n as u32);
        let state = TableState {
            digest: compiled.digest,
            generation: found.state.generation.wrapping_add(step),
            used: [blocks, classes, rules, 0],
        };
        states::set(&mut self.store, sets::ACL, &state)?;
        plane_config::set(&mut self.store, PlaneConfig { acl: compiled.active | half, ..found.config })?;
        self.acl.grace = Some(self.store.grace());
        self.acl.rules = Some(compiled.counters.clone());
        Ok(())
    }

    /// Waits until no program uses the half that is not in force.
    fn settle(&mut self, found: &Found) -> Result<(), TableError> {
        let grace = match self.acl.grace.take() {
            Some(grace) => grace,
            None if found.is_fresh() => Grace::Over,
            None => self.store.grace(),
        };
        if grace.wait().is_err() {
            // A write of FLOOD waits for one too.
            let nothing = flood::create(&mut self.store, 1)?;
            flood::assign(&mut self.store, &[(super::sets::NOBODY, nothing)])?;
        }
        self.acl.grace = Some(Grace::Over);
        Ok(())
    }

    /// Counters that were not these rules'.
    fn fresh_counters(&self, compiled: &Compiled, found: &Found) -> Result<BTreeSet<u16>, TableError> {
        let counters = compiled.counters.iter();
        if let Some(before) = &self.acl.rules {
            let fresh = counters.filter(|(counter, rule)| before.get(counter) != Some(rule));
            return Ok(fresh.map(|(counter, _)| *counter).collect());
        }
        let rules =
            if found.is_whole() { found.state.used[2].min(ACL_RULES as u32) } else { ACL_RULES as u32 };
        let mut before = BTreeSet::new();
        if found.config.acl & acl_active::RULES != 0 {
            acl::actions(&self.store, u32::from(found.half()) * ACL_RULES as u32, rules, &mut |action| {
                before.insert(action.counter);
            })?;
        }
        Ok(counters.map(|(counter, _)| *counter).filter(|c| !before.contains(&u32::from(*c))).collect())
    }
}

/// Writes a list into a half that is not in force.
fn fill(store: &mut impl Store, compiled: &Compiled, half: u8) -> Result<(), TableError> {
    let base = u32::from(half) * ACL_BLOCKS;
    for used in &compiled.used {
        let bytes = &compiled.blocks[used.start as usize * BLOCK..used.end as usize * BLOCK];
        acl::set_blocks(store, base + used.start, bytes)?;
    }
    acl::set_lines(store, u32::from(half) * ACL_LINES, &compiled.lines)?;
    acl::set_actions(store, u32::from(half) * ACL_RULES as u32, &compiled.actions)?;
    macs(store, compiled, half)
}

/// An address that stays from an earlier list would have a class of that list.
fn macs(store: &mut impl Store, compiled: &Compiled, half: u8) -> Result<(), TableError> {
    let wanted = |key: &AclMacKey| compiled.macs.contains_key(&AclMacKey { half: 0, ..*key });
    let stale = acl::macs(store)?.into_iter().filter(|key| key.half == half && !wanted(key));
    for key in stale {
        acl::remove_mac(store, &key)?;
    }
    let macs: Vec<_> =
        compiled.macs.iter().map(|(key, class)| (AclMacKey { half, ..*key }, *class)).collect();
    acl::set_macs(store, &macs)
}
