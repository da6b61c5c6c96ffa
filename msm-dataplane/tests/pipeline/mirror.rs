//! The model back end, with every write of the owner's code done to the plane under test too: what the owner would write is written.

use std::io;

use msm_abi::Lport;
use msm_dataplane::PortFault;
use msm_dataplane::store::{Grace, Hook, LinkState, Links, Member, Model, Programs, SetState, Store, Table};

use crate::plane::Plane;

/// Where writes of a table set that has two halves go, and whether a grace period is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halves {
    /// To the half that they are for; frames are run by the thread that writes, between two changes.
    Alone,
    /// To the half that they are for, after a grace period: frames are run by other threads.
    Kernel,
    /// To both, as if there was one: frames see what is half written.
    InPlace,
}

/// The one and the other.
pub(crate) struct Mirror<'p> {
    model: Model,
    plane: &'p Plane,
    halves: Halves,
}

impl<'p> Mirror<'p> {
    pub(crate) fn of(plane: &'p Plane) -> Self {
        Self::with(plane, Halves::Alone)
    }

    pub(crate) fn with(plane: &'p Plane, halves: Halves) -> Self {
        Self { model: Model::new(1024), plane, halves }
    }

    /// The same entry of the other half.
    fn other(table: Table, key: &[u8]) -> Option<[u8; 4]> {
        let entries = match table {
            Table::AclClass | Table::AclBits | Table::AclActions | Table::Routes => table.spec().entries?,
            _ => return None,
        };
        let index = u32::from_ne_bytes(key.try_into().expect("an index"));
        Some(((index + entries / 2) % entries).to_ne_bytes())
    }
}

impl Store for Mirror<'_> {
    fn programs(&self) -> Programs {
        self.model.programs()
    }
    fn lookup(&self, table: Table, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
        self.model.lookup(table, key, value)
    }
    fn update(&mut self, table: Table, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.model.update(table, key, value)?;
        self.plane.set_bytes(table.name(), key, value);
        if let Some(other) = Self::other(table, key).filter(|_| self.halves == Halves::InPlace) {
            self.model.update(table, &other, value)?;
            self.plane.set_bytes(table.name(), &other, value);
        }
        Ok(())
    }
    fn update_many(&mut self, table: Table, entries: &[(Vec<u8>, Vec<u8>)]) -> io::Result<()> {
        entries.iter().try_for_each(|(key, value)| self.update(table, key, value))
    }
    fn delete(&mut self, table: Table, key: &[u8]) -> io::Result<bool> {
        let was = self.model.delete(table, key)?;
        assert_eq!(self.plane.delete_bytes(table.name(), key), was, "{} differs", table.name());
        Ok(was)
    }
    fn read(&self, table: Table, each: &mut dyn FnMut(&[u8], &[u8])) -> io::Result<()> {
        self.model.read(table, each)
    }
    fn read_array(
        &self,
        table: Table,
        from: u32,
        count: u32,
        each: &mut dyn FnMut(u32, &[u8]),
    ) -> io::Result<()> {
        self.model.read_array(table, from, count, each)
    }
    fn update_array(&mut self, table: Table, indexes: &[u32], values: &[u8]) -> io::Result<()> {
        let values = values.chunks_exact(table.spec().value as usize);
        indexes.iter().zip(values).try_for_each(|(at, value)| self.update(table, &at.to_ne_bytes(), value))
    }
    fn grace(&self) -> Grace {
        match self.halves {
            Halves::Kernel => Grace::Later,
            Halves::Alone | Halves::InPlace => Grace::Over,
        }
    }
    fn create_set(&mut self, capacity: u32) -> io::Result<u32> {
        self.model.create_set(capacity)
    }
    fn read_set(&self, set: u32) -> io::Result<Option<SetState>> {
        self.model.read_set(set)
    }
    fn update_set(&mut self, set: u32, member: Member) -> io::Result<()> {
        self.model.update_set(set, member)
    }
    fn delete_from_set(&mut self, set: u32, key: u32) -> io::Result<bool> {
        self.model.delete_from_set(set, key)
    }
    fn drop_sets(&mut self) {
        self.model.drop_sets();
    }
    fn writes(&self) -> u64 {
        self.model.writes()
    }
}

impl Links for Mirror<'_> {
    fn links(&self, hook: Hook) -> io::Result<Vec<(Lport, LinkState)>> {
        self.model.links(hook)
    }
    fn attach(&mut self, hook: Hook, lport: Lport, ifindex: u32) -> Result<(), PortFault> {
        self.model.attach(hook, lport, ifindex)
    }
    fn detach(&mut self, hook: Hook, lport: Lport) -> io::Result<()> {
        self.model.detach(hook, lport)
    }
}
