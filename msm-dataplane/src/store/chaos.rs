//! Chaos back end: another one, of which every operation fails at a set rate, reproducibly from a seed.

use std::{cell::Cell, io};

use msm_abi::Lport;

use super::{Grace, Hook, LinkState, Links, Member, Programs, SetState, Store, Table};
use crate::PortFault;

/// Fails `per_mille` of the operations of `inner` with EIO, before they do anything (a batch: after some of it).
#[derive(Debug)]
pub struct Chaos<S> {
    inner: S,
    per_mille: u64,
    state: Cell<u64>,
    left: Cell<Option<u64>>,
}

impl<S> Chaos<S> {
    /// `per_mille` of 1,000 operations fail.
    #[must_use]
    pub const fn new(inner: S, per_mille: u64, seed: u64) -> Self {
        Self { inner, per_mille, state: Cell::new(seed), left: Cell::new(None) }
    }

    /// The back end below.
    pub const fn inner(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Changes the rate.
    pub const fn set_rate(&mut self, per_mille: u64) {
        self.per_mille = per_mille;
    }

    /// After so many operations every one fails: its owner has died.
    pub fn end_after(&self, operations: u64) {
        self.left.set(Some(operations));
    }

    /// splitmix64: every seed gives a full-period sequence.
    fn random(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.state.set(state);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn strikes(&self) -> bool {
        if let Some(left) = self.left.get() {
            self.left.set(Some(left.saturating_sub(1)));
            return left == 0;
        }
        self.random() % 1000 < self.per_mille
    }

    fn fate(&self) -> io::Result<()> {
        if self.strikes() { Err(io::Error::from_raw_os_error(libc::EIO)) } else { Ok(()) }
    }
}

impl<S: Store> Store for Chaos<S> {
    fn programs(&self) -> Programs {
        self.inner.programs()
    }

    fn lookup(&self, table: Table, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
        self.fate()?;
        self.inner.lookup(table, key, value)
    }

    fn update(&mut self, table: Table, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.fate()?;
        self.inner.update(table, key, value)
    }

    fn update_many(&mut self, table: Table, entries: &[(Vec<u8>, Vec<u8>)]) -> io::Result<()> {
        if self.strikes() {
            let done = self.random() % (entries.len() as u64 + 1);
            self.inner.update_many(table, &entries[..done as usize])?;
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        self.inner.update_many(table, entries)
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> io::Result<bool> {
        self.fate()?;
        self.inner.delete(table, key)
    }

    fn read(&self, table: Table, each: &mut dyn FnMut(&[u8], &[u8])) -> io::Result<()> {
        self.fate()?;
        self.inner.read(table, each)
    }

    fn read_array(
        &self,
        table: Table,
        from: u32,
        count: u32,
        each: &mut dyn FnMut(u32, &[u8]),
    ) -> io::Result<()> {
        self.fate()?;
        self.inner.read_array(table, from, count, each)
    }

    fn update_array(&mut self, table: Table, indexes: &[u32], values: &[u8]) -> io::Result<()> {
        if self.strikes() {
            let done = (self.random() % (indexes.len() as u64 + 1)) as usize;
            self.inner.update_array(
                table,
                &indexes[..done],
                &values[..done * table.spec().value as usize],
            )?;
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        self.inner.update_array(table, indexes, values)
    }

    fn grace(&self) -> Grace {
        self.inner.grace()
    }

    fn create_set(&mut self, capacity: u32) -> io::Result<u32> {
        self.fate()?;
        self.inner.create_set(capacity)
    }

    fn read_set(&self, set: u32) -> io::Result<Option<SetState>> {
        self.fate()?;
        self.inner.read_set(set)
    }

    fn update_set(&mut self, set: u32, member: Member) -> io::Result<()> {
        self.fate()?;
        self.inner.update_set(set, member)
    }

    fn delete_from_set(&mut self, set: u32, key: u32) -> io::Result<bool> {
        self.fate()?;
        self.inner.delete_from_set(set, key)
    }

    fn drop_sets(&mut self) {
        self.inner.drop_sets();
    }

    fn writes(&self) -> u64 {
        self.inner.writes()
    }
}

impl<S: Links> Links for Chaos<S> {
    fn links(&self, hook: Hook) -> io::Result<Vec<(Lport, LinkState)>> {
        self.fate()?;
        self.inner.links(hook)
    }

    fn attach(&mut self, hook: Hook, lport: Lport, ifindex: u32) -> Result<(), PortFault> {
        self.fate().map_err(|e| PortFault::InvalidLink { ifindex, reason: e.to_string() })?;
        self.inner.attach(hook, lport, ifindex)
    }

    fn detach(&mut self, hook: Hook, lport: Lport) -> io::Result<()> {
        self.fate()?;
        self.inner.detach(hook, lport)
    }
}
