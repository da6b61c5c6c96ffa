//! The pin tree of one chassis: made beside and renamed into place, owned by name, handed over by one rename.

use std::{
    io,
    path::{Path, PathBuf},
};

use msm_abi::{ABI_VERSION, FDB_MAX, Meta};

use crate::{
    MsmSlot, Observer, Owner, OwnerName, TakeError, TreeError,
    lock::{DirLock, LockError, list, rename},
    object,
    plane::now_ns,
    store::{Access, Hook, Kernel, Store, Table, link_pins, unlink},
    tables,
};

/// f_type of a bpffs (include/uapi/linux/magic.h).
const BPF_FS_MAGIC: rustix::fs::FsWord = 0xcafe_4a11;
/// Longest name of a chassis.
const NAME_MAX: usize = 32;
/// How often a reader follows a tree that is renamed under its hands; a takeover takes longer than a try.
pub(crate) const TRIES: usize = 8;
/// FDB age of a tree that no owner has reconciled yet: the manual's default.
const DEFAULT_AGE: std::time::Duration = std::time::Duration::from_secs(300);

/// The place of a chassis' tree. Cheap: it holds paths only.
#[derive(Clone, Debug)]
pub struct PinTree {
    dir: PathBuf,
}

pub(crate) fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TreeError {
    move |source| TreeError::Io { what, path: path.to_owned(), source }
}

/// META of an owner that takes over. Who was ready, and for which generation, stays as the last owner said it: the new one looks whether that was itself, and
/// then says its own.
fn commit_meta(meta: &mut Meta, name: OwnerName) {
    meta.abi_version = ABI_VERSION;
    meta.owner_slot = name.slot.number();
    meta.epoch = name.epoch;
    meta.committed_ns = now_ns();
}

impl PinTree {
    /// The tree of `chassis` below the bpffs mounted at `bpffs`. Touches nothing.
    ///
    /// # Errors
    /// [`TreeError::BadName`], [`TreeError::NoBpffs`].
    pub fn new(bpffs: &Path, chassis: &str) -> Result<Self, TreeError> {
        let lawful = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if chassis.is_empty() || chassis.len() > NAME_MAX || !chassis.bytes().all(lawful) {
            return Err(TreeError::BadName(chassis.to_owned()));
        }
        match rustix::fs::statfs(bpffs) {
            Ok(fs) if fs.f_type == BPF_FS_MAGIC => Ok(Self { dir: bpffs.join("msm").join(chassis) }),
            _ => Err(TreeError::NoBpffs(bpffs.to_owned())),
        }
    }

    fn path(&self, name: &OwnerName) -> PathBuf {
        self.dir.join(name.to_string())
    }

    /// Who owns the tree, or owned it last; `None` if there is no tree.
    ///
    /// # Errors
    /// [`TreeError::Ambiguous`], [`TreeError::Io`].
    pub fn current(&self) -> Result<Option<OwnerName>, TreeError> {
        let paths = list(&self.dir).map_err(io_error("list", &self.dir))?;
        let mut names = paths.iter().filter_map(|p| p.file_name()?.to_str()?.parse::<OwnerName>().ok());
        let first = names.next();
        match (first, names.next()) {
            (Some(first), Some(second)) => {
                Err(TreeError::Ambiguous { path: self.dir.clone(), first, second })
            }
            _ => Ok(first),
        }
    }

    /// The owner, if its process lives: it holds the lock. Asking takes the lock of a dead owner for a moment, so this is for a
    /// chassis that is about to start, not for one that runs.
    ///
    /// # Errors
    /// As [`PinTree::current`].
    pub fn living_owner(&self) -> Result<Option<OwnerName>, TreeError> {
        let Some(name) = self.current()? else { return Ok(None) };
        let held = matches!(DirLock::take(&self.path(&name)), Err(LockError::Held));
        Ok(held.then_some(name))
    }

    /// Cold start: loads `object`, pins all beside and renames it to `<slot>-1`. No port is attached yet.
    ///
    /// # Errors
    /// [`TreeError::Exists`] if there is a tree: it is not touched. After any error nothing of this try is left.
    pub fn create(&self, slot: MsmSlot, object: &Path, fdb_capacity: u32) -> Result<Owner, TreeError> {
        if fdb_capacity == 0 || fdb_capacity > FDB_MAX {
            return Err(TreeError::Capacity { found: fdb_capacity, max: FDB_MAX });
        }
        std::fs::create_dir_all(&self.dir).map_err(io_error("make the directory", &self.dir))?;
        let _chassis = self.lock_chassis()?;
        if let Some(owner) = self.current()? {
            return Err(TreeError::Exists(owner));
        }
        self.remove_unfinished()?;
        let beside = self.dir.join(format!("tmp-{}", std::process::id()));
        let name = OwnerName { slot, epoch: 1 };
        let owner = self.build(object, fdb_capacity, &beside, name);
        if owner.is_err() {
            // The error that stopped us is the one to tell; a rest is removed by the next try.
            drop(remove_tree(&beside));
        }
        owner
    }

    fn build(
        &self,
        object: &Path,
        fdb_capacity: u32,
        beside: &Path,
        name: OwnerName,
    ) -> Result<Owner, TreeError> {
        std::fs::create_dir(beside).map_err(io_error("make the directory", beside))?;
        let lock = DirLock::take(beside).map_err(|e| lock_error(e, beside))?;
        object::load(object, fdb_capacity, beside)?;
        let mut store = Kernel::open_new(beside, Access::Write)?;
        let ingress = store.programs().ingress;
        tables::dispatch::set(&mut store, ingress)?;
        tables::plane_config::set(&mut store, tables::plane_config::for_age(DEFAULT_AGE))?;
        let mut meta = Meta::default();
        commit_meta(&mut meta, name);
        tables::meta::set(&mut store, &meta)?;
        drop(store);
        let mut owner = Owner::open(beside, name, lock)?;
        let path = self.path(&name);
        rename(beside, &path).map_err(io_error("rename the new tree to", &path))?;
        owner.renamed(&path, name);
        Ok(owner)
    }

    /// Opens the tree for reading, whoever owns it.
    ///
    /// # Errors
    /// [`TreeError::Absent`], [`TreeError::Mismatch`].
    pub fn observe(&self) -> Result<Observer, TreeError> {
        let mut tries = 0;
        loop {
            let name = self.current()?.ok_or_else(|| TreeError::Absent(self.dir.clone()))?;
            match Observer::open(&self.path(&name), name) {
                // Renamed between being read and being opened.
                Err(TreeError::Io { source, .. })
                    if source.kind() == io::ErrorKind::NotFound
                        && tries < TRIES
                        && self.current()? != Some(name) =>
                {
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    /// Path of the pin of `table`, under the name that the tree has now.
    pub(crate) fn pin(&self, table: Table) -> Result<PathBuf, TreeError> {
        let name = self.current()?.ok_or_else(|| TreeError::Absent(self.dir.clone()))?;
        Ok(self.path(&name).join(table.name()))
    }

    /// Takes the tree over from `from`, who must have released it or be dead. The commit is one rename, after everything was opened and
    /// checked: any error before it leaves the tree as it was.
    ///
    /// # Errors
    /// [`TakeError::OwnerLives`], [`TakeError::Moved`], or what opening found.
    pub fn take(&self, from: &OwnerName, slot: MsmSlot) -> Result<Owner, TakeError> {
        let mut owner = self.reopen(from)?;
        let name = from.next(slot);
        self.commit(from, &name)?;
        owner.renamed(&self.path(&name), name);
        owner.set_meta(|meta| commit_meta(meta, name)).map_err(TreeError::from)?;
        Ok(owner)
    }

    /// For tests of the tests: moves the name and META and nothing else. A switch whose takeover is this one loses no frame either, and
    /// a trial that does not ask for proof of authority would call it good.
    ///
    /// # Errors
    /// As [`PinTree::take`].
    pub fn take_label(&self, from: &OwnerName, slot: MsmSlot) -> Result<OwnerName, TakeError> {
        Ok(self.take(from, slot)?.release())
    }

    /// Opens the tree again under the name that this owner released it with: fail back before the commit. Writes nothing.
    ///
    /// # Errors
    /// [`TakeError::Moved`] if somebody took it over meanwhile, [`TakeError::OwnerLives`] if somebody is doing so.
    pub fn reopen(&self, name: &OwnerName) -> Result<Owner, TakeError> {
        let path = self.path(name);
        let lock = DirLock::take(&path).map_err(|e| match e {
            LockError::Gone => TakeError::Moved(*name),
            LockError::Held => TakeError::OwnerLives(*name),
            LockError::Io(source) => TakeError::Tree(io_error("lock", &path)(source)),
        })?;
        Ok(Owner::open(&path, *name, lock)?)
    }

    fn commit(&self, from: &OwnerName, to: &OwnerName) -> Result<(), TakeError> {
        let path = self.path(to);
        rename(&self.path(from), &path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => TakeError::Moved(*from),
            _ => TakeError::Tree(io_error("rename the tree to", &path)(source)),
        })
    }

    /// Detaches every port and removes everything of this chassis, whoever owns it. Forwarding stops. Nothing there is no error.
    ///
    /// # Errors
    /// [`TreeError::Busy`], [`TreeError::Io`].
    pub fn teardown(&self) -> Result<(), TreeError> {
        if !self.dir.exists() {
            return Ok(());
        }
        let _chassis = self.lock_chassis()?;
        for path in list(&self.dir).map_err(io_error("list", &self.dir))? {
            remove_tree(&path)?;
        }
        std::fs::remove_dir(&self.dir).map_err(io_error("remove", &self.dir))?;
        if let Some(parent) = self.dir.parent() {
            // Other chassis may be in it.
            drop(std::fs::remove_dir(parent));
        }
        Ok(())
    }

    /// One creates or removes at a time: two that created would make trees of two names.
    fn lock_chassis(&self) -> Result<DirLock, TreeError> {
        DirLock::take(&self.dir).map_err(|e| lock_error(e, &self.dir))
    }

    /// Removes what died half made. The chassis' lock is held, so that nobody is making it.
    fn remove_unfinished(&self) -> Result<(), TreeError> {
        for path in list(&self.dir).map_err(io_error("list", &self.dir))? {
            if path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("tmp-")) {
                remove_tree(&path)?;
            }
        }
        Ok(())
    }
}

fn lock_error(error: LockError, path: &Path) -> TreeError {
    match error {
        LockError::Gone | LockError::Held => TreeError::Busy(path.to_owned()),
        LockError::Io(source) => io_error("lock", path)(source),
    }
}

/// Removes one tree: links first, so that nothing forwards over tables that are going.
fn remove_tree(dir: &Path) -> Result<(), TreeError> {
    for hook in [Hook::Xdp, Hook::Tcx] {
        for lport in link_pins(dir, hook).map_err(io_error("list", dir))? {
            unlink(dir, hook, lport).map_err(io_error("detach the ports of", dir))?;
        }
    }
    for path in list(dir).map_err(io_error("list", dir))? {
        std::fs::remove_file(&path).map_err(io_error("remove", &path))?;
    }
    std::fs::remove_dir(dir).map_err(io_error("remove", dir))
}
