//! Model back end: the same contract in plain memory, with netdevs that come and go.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use msm_abi::{Lport, MapKind};

use super::{Grace, Hook, LinkState, Links, Member, Programs, SetState, Store, Table};
use crate::PortFault;

/// Ids of the model's programs.
const PROGRAMS: Programs = Programs { dispatch: 11, ingress: 12, egress: 13, tcx: Some(14) };

/// A forwarding plane in memory. `Clone` is a picture of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    fdb_capacity: u32,
    tables: BTreeMap<Table, BTreeMap<Vec<u8>, Vec<u8>>>,
    sets: BTreeMap<u32, SetState>,
    held: BTreeSet<u32>,
    next_set: u32,
    devices: BTreeMap<u32, Option<PortFault>>,
    links: BTreeMap<(Hook, Lport), LinkState>,
    writes: u64,
}

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |w| u32::from_ne_bytes(*w))
}

impl Model {
    /// An empty plane without netdevs.
    #[must_use]
    pub fn new(fdb_capacity: u32) -> Self {
        Self {
            fdb_capacity,
            tables: BTreeMap::new(),
            sets: BTreeMap::new(),
            held: BTreeSet::new(),
            next_set: 100,
            devices: BTreeMap::new(),
            links: BTreeMap::new(),
            writes: 0,
        }
    }

    /// A netdev appears.
    pub fn add_device(&mut self, ifindex: u32) {
        self.devices.insert(ifindex, None);
    }

    /// A netdev refuses XDP programs from now on, with this fault.
    pub fn refuse(&mut self, ifindex: u32, fault: PortFault) {
        self.devices.insert(ifindex, Some(fault));
    }

    /// A netdev goes: the kernel takes it out of every devmap and leaves its link dead.
    pub fn remove_device(&mut self, ifindex: u32) {
        self.devices.remove(&ifindex);
        if let Some(tx) = self.tables.get_mut(&Table::Tx) {
            tx.retain(|_, value| word(value) != ifindex);
        }
        for set in self.sets.values_mut() {
            set.members.retain(|(_, value)| word(value) != ifindex);
        }
        for link in self.links.values_mut().filter(|l| l.ifindex == ifindex) {
            link.ifindex = 0;
        }
    }

    /// The owner dies: what only it held is gone.
    pub fn owner_dies(&mut self) {
        self.drop_sets();
    }

    /// The entries of a table that were ever written: an array's others are zero.
    pub fn written(&self, table: Table) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.tables.get(&table).into_iter().flatten().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// Number of member sets alive.
    #[must_use]
    pub fn set_count(&self) -> usize {
        self.sets.len()
    }

    fn is_array(table: Table) -> bool {
        matches!(table.spec().kind, MapKind::Array | MapKind::PerCpuArray)
    }

    fn entries(&self, table: Table) -> u32 {
        table.spec().entries.unwrap_or(self.fdb_capacity)
    }

    /// Indexed tables end; everything in a value must exist.
    fn check(&self, table: Table, key: &[u8], value: Option<&[u8]>) -> io::Result<()> {
        let spec = table.spec();
        assert_eq!(key.len(), spec.key as usize, "the key of another map");
        if !matches!(spec.kind, MapKind::Hash | MapKind::LpmTrie) && word(key) >= self.entries(table) {
            return Err(errno(libc::E2BIG));
        }
        let Some(value) = value else { return Ok(()) };
        assert_eq!(value.len(), spec.value as usize, "the value of another map");
        match table {
            Table::Tx => self.check_hop(value),
            Table::Flood if !self.sets.contains_key(&word(value)) => Err(errno(libc::EBADF)),
            Table::Dispatch if word(value) != PROGRAMS.ingress => Err(errno(libc::EBADF)),
            _ => Ok(()),
        }
    }

    /// dev_map_alloc_node: EINVAL without the netdev or with a program of another kind.
    fn check_hop(&self, value: &[u8]) -> io::Result<()> {
        if self.devices.contains_key(&word(value)) && word(&value[4..]) == PROGRAMS.egress {
            Ok(())
        } else {
            Err(errno(libc::EINVAL))
        }
    }

    /// trie_lookup_elem: the entry of the longest prefix that has the key, and is no longer than it.
    fn longest(&self, table: Table, key: &[u8]) -> Option<&Vec<u8>> {
        let entries = self.tables.get(&table)?;
        (0..=word(key)).rev().find_map(|len| {
            let mut prefix = key.to_vec();
            prefix[..4].copy_from_slice(&len.to_ne_bytes());
            for (i, byte) in prefix[4..].iter_mut().enumerate() {
                let bits = len.saturating_sub(8 * i as u32).min(8);
                *byte &= (0xff00u16 >> bits) as u8;
            }
            entries.get(&prefix)
        })
    }

    fn drop_unused_sets(&mut self) {
        let flood = self.tables.get(&Table::Flood);
        let named: BTreeSet<u32> = flood.into_iter().flat_map(BTreeMap::values).map(|v| word(v)).collect();
        let held = &self.held;
        self.sets.retain(|id, _| held.contains(id) || named.contains(id));
    }
}

impl Store for Model {
    fn programs(&self) -> Programs {
        PROGRAMS
    }

    fn lookup(&self, table: Table, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
        if self.check(table, key, None).is_err() {
            return Ok(false);
        }
        let found = match table.spec().kind {
            MapKind::LpmTrie => self.longest(table, key),
            _ => self.tables.get(&table).and_then(|t| t.get(key)),
        };
        match found {
            Some(v) => value.copy_from_slice(v),
            None if Self::is_array(table) => value.fill(0),
            None => return Ok(false),
        }
        Ok(true)
    }

    fn update(&mut self, table: Table, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.check(table, key, Some(value))?;
        let room = self.entries(table) as usize;
        let entries = self.tables.entry(table).or_default();
        if !entries.contains_key(key) && entries.len() >= room {
            // trie_update_elem differs from the other kinds.
            let full = if table.spec().kind == MapKind::LpmTrie { libc::ENOSPC } else { libc::E2BIG };
            return Err(errno(full));
        }
        let before = entries.insert(key.to_vec(), value.to_vec());
        self.writes += 1;
        if table == Table::Flood && before.is_some() {
            self.drop_unused_sets();
        }
        Ok(())
    }

    fn update_many(&mut self, table: Table, entries: &[(Vec<u8>, Vec<u8>)]) -> io::Result<()> {
        if table == Table::Flood {
            // The kernel back end opens every set before it writes the first entry: none goes when its last VLAN moves on.
            let sets: Vec<u32> = entries.iter().map(|(_, set)| word(set)).collect();
            self.held.extend(sets.iter().filter(|set| self.sets.contains_key(set)));
        }
        entries.iter().try_for_each(|(key, value)| self.update(table, key, value))
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> io::Result<bool> {
        if Self::is_array(table) {
            return Err(errno(libc::EINVAL));
        }
        let was = self.tables.get_mut(&table).is_some_and(|t| t.remove(key).is_some());
        self.writes += u64::from(was);
        Ok(was)
    }

    fn read(&self, table: Table, each: &mut dyn FnMut(&[u8], &[u8])) -> io::Result<()> {
        if Self::is_array(table) {
            let zero = vec![0; table.spec().value as usize];
            let written = self.tables.get(&table);
            for index in 0..self.entries(table) {
                let key = index.to_ne_bytes();
                each(&key, written.and_then(|t| t.get(key.as_slice())).unwrap_or(&zero));
            }
        } else {
            self.tables.get(&table).into_iter().flatten().for_each(|(k, v)| each(k, v));
        }
        Ok(())
    }

    fn read_array(
        &self,
        table: Table,
        from: u32,
        count: u32,
        each: &mut dyn FnMut(u32, &[u8]),
    ) -> io::Result<()> {
        let mut value = vec![0; table.spec().value as usize];
        for index in from..from + count {
            if !self.lookup(table, &index.to_ne_bytes(), &mut value)? {
                return Err(errno(libc::ENOENT));
            }
            each(index, &value);
        }
        Ok(())
    }

    fn update_array(&mut self, table: Table, indexes: &[u32], values: &[u8]) -> io::Result<()> {
        let mut values = values.chunks_exact(table.spec().value as usize);
        indexes.iter().try_for_each(|index| {
            self.update(table, &index.to_ne_bytes(), values.next().expect("a value for each index"))
        })
    }

    fn grace(&self) -> Grace {
        Grace::Over
    }

    fn create_set(&mut self, capacity: u32) -> io::Result<u32> {
        let id = self.next_set;
        self.next_set += 1;
        self.sets.insert(id, SetState { capacity, members: Vec::new() });
        self.held.insert(id);
        self.writes += 1;
        Ok(id)
    }

    fn read_set(&self, set: u32) -> io::Result<Option<SetState>> {
        Ok(self.sets.get(&set).cloned())
    }

    fn update_set(&mut self, set: u32, (key, value): Member) -> io::Result<()> {
        self.check_hop(&value)?;
        let set = self.sets.get_mut(&set).ok_or_else(|| errno(libc::ENOENT))?;
        let full = set.members.len() >= set.capacity as usize;
        match set.members.iter_mut().find(|m| m.0 == key) {
            Some(member) => member.1 = value,
            None if full => return Err(errno(libc::E2BIG)),
            None => set.members.push((key, value)),
        }
        self.writes += 1;
        Ok(())
    }

    fn delete_from_set(&mut self, set: u32, key: u32) -> io::Result<bool> {
        let set = self.sets.get_mut(&set).ok_or_else(|| errno(libc::ENOENT))?;
        let before = set.members.len();
        set.members.retain(|m| m.0 != key);
        let was = set.members.len() < before;
        self.writes += u64::from(was);
        Ok(was)
    }

    fn drop_sets(&mut self) {
        if !self.held.is_empty() {
            self.held.clear();
            self.drop_unused_sets();
        }
    }

    fn writes(&self) -> u64 {
        self.writes
    }
}

impl Links for Model {
    fn links(&self, hook: Hook) -> io::Result<Vec<(Lport, LinkState)>> {
        let links = self.links.iter().filter(|((at, _), _)| *at == hook);
        Ok(links.map(|((_, lport), state)| (*lport, *state)).collect())
    }

    fn attach(&mut self, hook: Hook, lport: Lport, ifindex: u32) -> Result<(), PortFault> {
        match (hook, self.devices.get(&ifindex)) {
            (_, None) => return Err(PortFault::DeviceMissing { ifindex }),
            (Hook::Xdp, Some(Some(fault))) => return Err(fault.clone()),
            _ => {}
        }
        if hook == Hook::Xdp && self.links.iter().any(|((at, _), l)| *at == hook && l.ifindex == ifindex) {
            return Err(PortFault::Occupied { ifindex });
        }
        if self.links.contains_key(&(hook, lport)) {
            return Err(PortFault::NotPinnable { ifindex, reason: "the pin exists".to_owned() });
        }
        let program = match hook {
            Hook::Xdp => PROGRAMS.dispatch,
            Hook::Tcx => PROGRAMS.tcx.unwrap_or_default(),
        };
        self.links.insert((hook, lport), LinkState { ifindex, program });
        self.writes += 1;
        Ok(())
    }

    fn detach(&mut self, hook: Hook, lport: Lport) -> io::Result<()> {
        self.links.remove(&(hook, lport));
        self.writes += 1;
        Ok(())
    }
}
