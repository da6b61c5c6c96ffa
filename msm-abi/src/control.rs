//! Control addresses: what happens to frames that speak to switches, not through them.

/// CONTROL: hash key. `vid` 0 = any VLAN, `protocol` 0 = any protocol; the most specific of (vid, 0) and (0, 0) wins in v1.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ControlKey {
    /// Destination address.
    pub mac: [u8; 6],
    /// VLAN id or 0.
    pub vid: u16,
    /// Protocol or 0: the EtherType or SNAP protocol id.
    pub protocol: u16,
    /// Zero.
    pub pad: [u8; 6],
}
const _: () = assert!(size_of::<ControlKey>() == 16);

/// What to do with a control frame.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlAction {
    /// Drop, counted.
    Discard = 0,
    /// Forward like a frame to a group address; never learned as a source.
    Forward = 1,
    /// To the owner's ring of its class (counted as a drop while there is none).
    Trap = 2,
    /// Both.
    TrapAndForward = 3,
}

/// CONTROL: hash value.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlValue {
    /// A [`ControlAction`] as number.
    pub action: u32,
    /// Trap class (ring) for the trapping actions.
    pub class: u32,
}
const _: () = assert!(size_of::<ControlValue>() == 8);
