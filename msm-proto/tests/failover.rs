//! Scenarios: each law and each way of a failover, in virtual time.

mod util;

use msm_proto::{Slot, Takeover};
use util::world::World;

#[test]
fn two_booting_msms_make_a_the_master_and_b_its_ready_slave() {
    let world = World::pair(msm_proto::Options::hitless());
    assert_eq!(world.master(), Some(Slot::A));
    assert_eq!(world.serves, [(Slot::A, Takeover::Cold)]);
    eprintln!("{}", world.history());
}
