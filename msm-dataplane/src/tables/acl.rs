//! ACL_CLASS, ACL_BITS, ACL_MAC and ACL_ACTIONS: the access list, twice.

use msm_abi::{ACL_HEAD, ACL_LINES, ACL_WORDS, AclAction, AclBlock, AclLine, AclMacKey, acl_stride};

use super::{at, failed, get, join, part, read, remove, u32_at, u64_at};
use crate::{
    TableError,
    store::{Store, Table},
};

const BLOCK: usize = size_of::<AclBlock>();
const LINE: usize = size_of::<AclLine>();
const ACTION: usize = size_of::<AclAction>();
const MAC: usize = size_of::<AclMacKey>();

/// A class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclBits {
    /// Bit `w` is set if word `w` is not zero.
    pub sum: u64,
    /// Bit `r % 64` of word `r / 64`: rule `r`.
    pub words: [u64; ACL_WORDS],
}

/// Writes blocks from number `first`, of both halves counted; their bytes one after the other.
///
/// # Errors
/// What the kernel says; those before some point are written.
pub fn set_blocks(store: &mut impl Store, first: u32, blocks: &[u8]) -> Result<(), TableError> {
    run(store, Table::AclClass, first, blocks, BLOCK)
}

/// Writes lines of classes from number `first`, of both halves counted: see [`AclLine`].
///
/// # Errors
/// What the kernel says; those before some point are written.
pub fn set_lines(store: &mut impl Store, first: u32, lines: &[u8]) -> Result<(), TableError> {
    run(store, Table::AclBits, first, lines, LINE)
}

/// Writes actions from number `first`, of both halves counted.
///
/// # Errors
/// What the kernel says; those before some point are written.
pub fn set_actions(store: &mut impl Store, first: u32, actions: &[AclAction]) -> Result<(), TableError> {
    let bytes = |action: &AclAction| -> [u8; ACTION] {
        join(&[&action.permit.to_ne_bytes(), &action.counter.to_ne_bytes()])
    };
    let values: Vec<u8> = actions.iter().flat_map(bytes).collect();
    run(store, Table::AclActions, first, &values, ACTION)
}

fn run(
    store: &mut impl Store,
    table: Table,
    first: u32,
    values: &[u8],
    len: usize,
) -> Result<(), TableError> {
    let indexes: Vec<u32> = (first..).take(values.len() / len).collect();
    store.update_array(table, &indexes, values).map_err(failed("write", table))
}

/// An entry of a block.
///
/// # Errors
/// What the kernel says.
pub fn entry(store: &impl Store, block: u32, entry: u8) -> Result<u16, TableError> {
    let bytes: [u8; BLOCK] = at(store, Table::AclClass, block)?;
    Ok(u16::from_ne_bytes(part(&bytes, 2 * usize::from(entry))))
}

/// A class of a half.
///
/// # Errors
/// What the kernel says.
pub fn class(store: &impl Store, half: u32, class: u16) -> Result<AclBits, TableError> {
    let first = half * ACL_LINES;
    let head: [u8; LINE] = at(store, Table::AclBits, first)?;
    let stride = u64_at(&head, 0) as usize;
    let from = (u64_at(&head, 8) as usize + usize::from(class) * stride) * 8 / LINE;
    let mut bytes = Vec::new();
    let mut each = |_, line: &[u8]| bytes.extend_from_slice(line);
    store
        .read_array(Table::AclBits, first + from as u32, (stride * 8 / LINE) as u32, &mut each)
        .map_err(failed("list", Table::AclBits))?;
    Ok(bits(&bytes))
}

/// A class from its words' bytes; those that are not there are zero.
#[must_use]
pub fn bits(bytes: &[u8]) -> AclBits {
    let mut words = bytes.chunks_exact(8).map(|word| u64_at(word, 0));
    let sum = words.next().unwrap_or_default();
    AclBits { sum, words: std::array::from_fn(|_| words.next().unwrap_or_default()) }
}

/// The bytes of a half of ACL_BITS: its head, and the vectors of its classes, of which a list of `rules` needs the first words.
#[must_use]
pub fn lines<'a>(rules: usize, classes: impl IntoIterator<Item = &'a [u64; ACL_WORDS]>) -> Vec<u8> {
    let stride = acl_stride(rules);
    let mut bytes = [stride as u64, ACL_HEAD as u64].map(u64::to_ne_bytes).concat();
    bytes.resize(8 * ACL_HEAD, 0);
    for words in classes {
        let sum = (0..).zip(words).fold(0u64, |sum, (at, word)| sum | u64::from(*word != 0) << at);
        let all = std::iter::once(&sum).chain(words);
        bytes.extend(all.chain(std::iter::repeat(&0)).take(stride).flat_map(|word| word.to_ne_bytes()));
    }
    bytes
}

/// What a rule does.
///
/// # Errors
/// What the kernel says.
pub fn action(store: &impl Store, rule: u32) -> Result<AclAction, TableError> {
    let bytes: [u8; ACTION] = at(store, Table::AclActions, rule)?;
    Ok(AclAction { permit: u32_at(&bytes, 0), counter: u32_at(&bytes, 4) })
}

/// Calls `each` with `count` actions from number `first`.
///
/// # Errors
/// What the kernel says.
pub fn actions(
    store: &impl Store,
    first: u32,
    count: u32,
    each: &mut dyn FnMut(AclAction),
) -> Result<(), TableError> {
    let mut one = |_, bytes: &[u8]| each(AclAction { permit: u32_at(bytes, 0), counter: u32_at(bytes, 4) });
    store.read_array(Table::AclActions, first, count, &mut one).map_err(failed("list", Table::AclActions))
}

fn mac_bytes(key: &AclMacKey) -> [u8; MAC] {
    join(&[&key.mac, &[key.field, key.half]])
}

/// The class of a MAC address, if a rule names it.
///
/// # Errors
/// What the kernel says.
pub fn mac(store: &impl Store, key: &AclMacKey) -> Result<Option<u16>, TableError> {
    let class = get::<4>(store, Table::AclMac, &mac_bytes(key))?.map(u32::from_ne_bytes);
    Ok(class.and_then(|class| u16::try_from(class).ok()))
}

/// MAC addresses of both halves.
///
/// # Errors
/// What the kernel says.
pub fn macs(store: &impl Store) -> Result<Vec<AclMacKey>, TableError> {
    let mut keys = Vec::new();
    read(store, Table::AclMac, &mut |key, _| {
        keys.push(AclMacKey { mac: part(key, 0), field: key[6], half: key[7] });
    })?;
    Ok(keys)
}

/// Writes classes of MAC addresses.
///
/// # Errors
/// What the kernel says; some may be written.
pub fn set_macs(store: &mut impl Store, macs: &[(AclMacKey, u16)]) -> Result<(), TableError> {
    if macs.is_empty() {
        return Ok(());
    }
    let bytes =
        |(key, class): &(AclMacKey, u16)| (mac_bytes(key).to_vec(), u32::from(*class).to_ne_bytes().to_vec());
    let entries: Vec<_> = macs.iter().map(bytes).collect();
    store.update_many(Table::AclMac, &entries).map_err(failed("write", Table::AclMac))
}

/// Removes a MAC address.
///
/// # Errors
/// What the kernel says.
pub fn remove_mac(store: &mut impl Store, key: &AclMacKey) -> Result<bool, TableError> {
    remove(store, Table::AclMac, &mac_bytes(key))
}
