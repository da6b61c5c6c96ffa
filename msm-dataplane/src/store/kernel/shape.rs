//! What a pinned map must look like before it is used.

use msm_abi::{FDB_MAX, MapKind};

use crate::{Mismatch, bpf, store::Table};

/// Refuses a map that is not what this build expects.
pub(crate) fn check(table: Table, info: &bpf::MapInfo) -> Result<(), Mismatch> {
    let spec = table.spec();
    let flags = match spec.kind {
        MapKind::DevMap => bpf::F_RDONLY_PROG,
        // The kernel knows it in no other way.
        MapKind::LpmTrie => bpf::F_NO_PREALLOC,
        _ if spec.row > 1 => bpf::F_MMAPABLE,
        _ => 0,
    };
    let entries = spec.entries.map_or_else(|| info.entries.clamp(1, FDB_MAX), |entries| entries / spec.row);
    for (attribute, expected, found) in [
        ("type", spec.kind as u32, info.kind),
        ("key size", spec.key, info.key),
        ("value size", spec.value * spec.row, info.value),
        ("entries", entries, info.entries),
        ("flags", flags, info.flags),
    ] {
        if expected != found {
            return Err(mismatch(table, attribute, expected, found));
        }
    }
    Ok(())
}

pub(super) fn mismatch(table: Table, attribute: &'static str, expected: u32, found: u32) -> Mismatch {
    Mismatch { map: table.name().to_owned(), attribute, expected: expected.into(), found: found.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msm_abi::IFINDEX_LIMIT;

    #[test]
    fn each_attribute_is_checked_by_name() {
        let spec = Table::Ports.spec();
        let good = bpf::MapInfo {
            kind: spec.kind as u32,
            id: 1,
            key: spec.key,
            value: spec.value,
            entries: IFINDEX_LIMIT,
            flags: 0,
        };
        assert_eq!(check(Table::Ports, &good), Ok(()));
        for (attribute, bad) in [
            ("type", bpf::MapInfo { kind: 1, ..good }),
            ("key size", bpf::MapInfo { key: 8, ..good }),
            ("value size", bpf::MapInfo { value: 24, ..good }),
            ("entries", bpf::MapInfo { entries: 1024, ..good }),
            ("flags", bpf::MapInfo { flags: 1, ..good }),
        ] {
            let found = check(Table::Ports, &bad).expect_err(attribute);
            assert_eq!((found.map.as_str(), found.attribute), ("PORTS", attribute));
        }
    }
}
