//! COUNTERS: a port's frames, summed over CPUs.

use std::collections::BTreeMap;

use msm_abi::{Lport, PortCounters};

use super::{failed, read as read_all, u32_at, u64_at};
use crate::{
    TableError,
    store::{Kernel, Store, Table},
};

const LEN: usize = size_of::<PortCounters>();

fn add(to: &mut PortCounters, b: &[u8]) {
    let PortCounters {
        rx_frames,
        rx_bytes,
        tx_frames,
        tx_bytes,
        flooded,
        tx_flood_copies,
        learned,
        learn_full,
        to_cpu,
        routed,
        slow,
        drops,
    } = to;
    let fields = [
        rx_frames,
        rx_bytes,
        tx_frames,
        tx_bytes,
        flooded,
        tx_flood_copies,
        learned,
        learn_full,
        to_cpu,
        routed,
        slow,
    ];
    for (i, field) in fields.into_iter().chain(drops).enumerate() {
        *field = field.wrapping_add(u64_at(b, 8 * i));
    }
}

/// Ports that counted anything; [`msm_abi::LPORTS`] as number stands for frames of no port.
///
/// # Errors
/// What the kernel says.
pub fn read(store: &impl Store) -> Result<BTreeMap<Lport, PortCounters>, TableError> {
    let mut ports = BTreeMap::new();
    read_all(store, Table::Counters, &mut |key, values| {
        let mut sum = PortCounters::default();
        values.chunks_exact(LEN).for_each(|cpu| add(&mut sum, cpu));
        if let (true, Ok(lport)) = (sum != PortCounters::default(), Lport::try_from(u32_at(key, 0))) {
            ports.insert(lport, sum);
        }
    })?;
    Ok(ports)
}

/// The counters of one port, from the pinned tables.
///
/// # Errors
/// What the kernel says.
pub(crate) fn get(store: &Kernel, lport: Lport) -> Result<PortCounters, TableError> {
    let mut values = vec![0; store.stride(Table::Counters)];
    store
        .lookup(Table::Counters, &u32::from(lport).to_ne_bytes(), &mut values)
        .map_err(failed("read", Table::Counters))?;
    let mut sum = PortCounters::default();
    values.chunks_exact(LEN).for_each(|cpu| add(&mut sum, cpu));
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_summed_in_their_order() {
        let bytes: Vec<u8> = (0..LEN as u64 / 8).flat_map(u64::to_ne_bytes).collect();
        let mut sum = PortCounters::default();
        add(&mut sum, &bytes);
        add(&mut sum, &bytes);
        assert_eq!((sum.rx_frames, sum.tx_frames, sum.learn_full), (0, 4, 14));
        assert_eq!((sum.drops[0], sum.drops[36]), (22, 94));
    }
}
