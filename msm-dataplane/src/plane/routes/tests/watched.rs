//! The model back end under watch: between any two writes every address goes as before or as after, and nothing that a program may
//! still be at changes what it stands for. It can die at a write.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use msm_abi::{ROUTE_BLOCKS, routes_active};

use super::oracle::choose;
use crate::{
    plane::routes::{
        found::Found,
        lookup::{Answer, lookup},
    },
    store::{Grace, Member, Model, Programs, SetState, Store, Table},
    tables::{hop_groups, hops, plane_config},
};

/// What a program that began before a change may be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Half(u8),
    Hop(u32),
    Group(u32),
}

/// Answers that are right while something changes.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) right: BTreeMap<IpAddr, BTreeSet<Answer>>,
}

#[derive(Debug)]
pub(super) struct Watched {
    pub(super) model: Model,
    pub(super) watch: Option<Watch>,
    /// Writes until it dies.
    pub(super) life: Option<u64>,
    /// What a grace period lasts.
    pub(super) period: Duration,
    /// What was left, each with the grace periods that were begun since: the first that is over frees it.
    hot: RefCell<Vec<(Place, Vec<Arc<AtomicBool>>)>>,
}

fn is_over(graces: &[Arc<AtomicBool>]) -> bool {
    graces.iter().any(|over| over.load(Ordering::SeqCst))
}

impl Watched {
    pub(super) fn new() -> Self {
        Self {
            model: Model::new(16),
            watch: None,
            life: None,
            period: Duration::from_micros(200),
            hot: RefCell::new(Vec::new()),
        }
    }

    fn in_force(&self) -> BTreeSet<Place> {
        let found = Found::read(&self.model).expect("a model reads");
        let (hops, groups) = found.indices_in_force();
        let mut places: BTreeSet<Place> = [Place::Half(found.active)].into();
        places.extend(hops.into_iter().map(Place::Hop));
        places.extend(groups.into_iter().map(Place::Group));
        places
    }

    fn is_hot(&self, place: Place) -> bool {
        self.hot.borrow().iter().any(|(hot, graces)| *hot == place && !is_over(graces))
    }

    fn must_be_free(&self, place: Place) {
        assert!(!self.in_force().contains(&place), "{place:?} is in force");
        assert!(!self.is_hot(place), "a program may be at {place:?}");
    }

    /// Looks at a write before it is done.
    fn before(&self, table: Table, key: &[u8], value: &[u8]) {
        let index = u32::from_ne_bytes(*key.first_chunk().expect("a key"));
        match table {
            Table::Routes => {
                let half = (index / ROUTE_BLOCKS) as u8;
                let active = plane_config::get(&self.model).expect("read").routes & routes_active::HALF;
                assert_ne!(half, active, "a write to the half in force");
                assert!(!self.is_hot(Place::Half(half)), "a program may be at half {half}");
            }
            Table::Hops => {
                let is = hops::get(&self.model, index).expect("read");
                let mut other = Model::new(16);
                other.update(table, key, value).expect("written");
                let want = hops::get(&other, index).expect("read").expect("a hop is written");
                if is.is_some_and(|(gateway, _)| gateway != want.0) {
                    self.must_be_free(Place::Hop(index));
                }
            }
            Table::HopGroups => self.must_be_free(Place::Group(index)),
            _ => {}
        }
    }

    fn change(
        &mut self,
        table: Table,
        work: impl FnOnce(&mut Model) -> io::Result<bool>,
    ) -> io::Result<bool> {
        match &mut self.life {
            Some(0) => return Err(io::Error::from_raw_os_error(libc::EIO)),
            Some(life) => *life -= 1,
            None => {}
        }
        let leads = matches!(table, Table::PlaneConfig | Table::Routes6);
        let before = if leads { self.in_force() } else { BTreeSet::new() };
        let result = work(&mut self.model)?;
        if leads {
            let after = self.in_force();
            let left = before.difference(&after).map(|place| (*place, Vec::new()));
            self.hot.borrow_mut().extend(left);
        }
        // The half that is not in force leads nowhere.
        if table != Table::Routes {
            self.look(table);
        }
        Ok(result)
    }

    /// Every address goes a right way.
    fn look(&self, table: Table) {
        let Some(watch) = &self.watch else { return };
        for (addr, right) in &watch.right {
            let is = lookup(&self.model, *addr, choose).expect("a model reads");
            assert!(right.contains(&is), "{addr} goes {is:?} after a write of {table:?}; right is {right:?}");
        }
    }
}

/// Groups and hops of the tables in use, and the half in force, for a message.
pub(super) fn describe(model: &Model) -> String {
    let half = plane_config::get(model).expect("read").routes & routes_active::HALF;
    let mut text = format!("half {half}");
    hop_groups::read(model, &mut |i, g| text += &format!(" group {i} {:?}", hop_groups::members(&g)))
        .expect("read");
    hops::read(model, &mut |i, hop| text += &format!(" hop {i} {hop:?}")).expect("read");
    text
}

impl Store for Watched {
    fn programs(&self) -> Programs {
        self.model.programs()
    }
    fn lookup(&self, table: Table, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
        self.model.lookup(table, key, value)
    }
    fn update(&mut self, table: Table, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.before(table, key, value);
        self.change(table, |model| model.update(table, key, value).map(|()| true)).map(drop)
    }
    fn update_many(&mut self, table: Table, entries: &[(Vec<u8>, Vec<u8>)]) -> io::Result<()> {
        entries.iter().try_for_each(|(key, value)| self.update(table, key, value))
    }
    fn delete(&mut self, table: Table, key: &[u8]) -> io::Result<bool> {
        self.change(table, |model| model.delete(table, key))
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
        let mut values = values.chunks_exact(table.spec().value as usize);
        indexes.iter().try_for_each(|index| {
            self.update(table, &index.to_ne_bytes(), values.next().expect("a value for each index"))
        })
    }
    fn grace(&self) -> Grace {
        let over = Arc::new(AtomicBool::new(false));
        let mut hot = self.hot.borrow_mut();
        hot.retain(|(_, graces)| !is_over(graces));
        hot.iter_mut().for_each(|(_, graces)| graces.push(Arc::clone(&over)));
        let period = self.period;
        Grace::Waiting(std::thread::spawn(move || {
            std::thread::sleep(period);
            over.store(true, Ordering::SeqCst);
            Ok(())
        }))
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
