//! Routing protocols with routers of two makes as neighbours: FRR and BIRD. Needs root.

#[path = "../common/mod.rs"]
mod common;
mod flow;
mod peers;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use common::{READY, command_of, logs, ready_bed, repeat, within};
use netns_tests::bed::Testbed;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use common::client::script;
use flow::Flow;
use peers::{Bird, Frr};

/// Hellos each second: a neighbour is Full within some of them, on a loaded machine.
const FULL: Duration = Duration::from_secs(40);
/// A daemon that was killed is back and knows its neighbours.
const BACK: Duration = Duration::from_secs(40);

/// h1 in VLAN red is FRR, h3 in VLAN blue is BIRD; each has a network of its own, 10.91/16 and 10.93/16.
const SWITCH: &str = "\
create vlan red\ncreate vlan blue\nconfigure vlan Default delete ports 1:1,2:1\n\
configure vlan red add ports 1:1\nconfigure vlan blue add ports 2:1\n\
configure vlan red ipaddress 10.1.0.1/24\nconfigure vlan blue ipaddress 10.3.0.1/24\nenable ipforwarding\n";
const OSPF: &str = "\
configure ospf routerid 1.1.1.1\nconfigure ospf add vlan red area 0.0.0.0\nconfigure ospf add vlan blue area 0.0.0.0\n\
configure ospf vlan red timer 5 1 1 4\nconfigure ospf vlan blue timer 5 1 1 4\nenable ospf\n";

/// A switch between two routers that speak OSPF, which know all networks.
struct World {
    bed: Testbed,
    frr: Frr,
    bird: Bird,
}

impl World {
    fn start(prefix: &str, more: &str, frr: &str, bird: &str) -> Self {
        let (bed, _) = ready_bed(prefix);
        script(&bed, &format!("{SWITCH}{more}")).good();
        let host = |name: &str| bed.host(name).expect("a host");
        peers::addresses(host("h1"), "10.1.0.2/24", "10.91.0.1/16");
        peers::addresses(host("h3"), "10.3.0.2/24", "10.93.0.1/16");
        let frr = Frr::start(host("h1"), bed.run_dir(), frr);
        let bird = Bird::start(host("h3"), bed.run_dir(), bird);
        Self { bed, frr, bird }
    }

    fn ospf(prefix: &str) -> Self {
        Self::ospf_with(prefix, OSPF, peers::FRR_OSPF, peers::BIRD_OSPF)
    }

    /// Interfaces wait for a designated router for three times as long: far longer than it takes to be Full.
    fn slow_ospf(prefix: &str) -> Self {
        let frr = peers::FRR_OSPF.replace("dead-interval 4", "dead-interval 12");
        let bird = peers::BIRD_OSPF.replace("dead 4; wait 4;", "dead 12; wait 12;");
        Self::ospf_with(prefix, &OSPF.replace("timer 5 1 1 4", "timer 5 1 1 12"), &frr, &bird)
    }

    fn ospf_with(prefix: &str, switch: &str, frr: &str, bird: &str) -> Self {
        let world = Self::start(prefix, switch, frr, bird);
        within(FULL, "OSPF Full and routes everywhere", || world.converged());
        world
    }

    fn converged(&self) -> bool {
        self.frr.has_route("10.93.0.0/16") && self.bird.has_route("10.91.0.0/16") && self.full() == 2
    }

    /// Neighbours of the switch that are Full.
    fn full(&self) -> usize {
        let shown = self.bed.show("ospf neighbor").unwrap_or_default();
        let neighbors = shown["data"]["neighbors"].as_object().cloned().unwrap_or_default();
        let state =
            |neighbor: &Value| neighbor[0]["nbrState"].as_str().unwrap_or_default().starts_with("Full");
        neighbors.values().filter(|neighbor| state(neighbor)).count()
    }

    /// Whether zebra keeps OSPF's routes if ospfd dies.
    fn held(&self) -> bool {
        self.bed.show("ospf").is_ok_and(|shown| shown["held"] == true)
    }

    /// Pids of the daemons and of their supervisor.
    fn pids(&self) -> BTreeMap<String, i32> {
        let file = self.bed.run_dir().join("routing/report.json");
        let report: Value = serde_json::from_slice(&std::fs::read(file).expect("a report")).expect("JSON");
        let daemons = report["daemons"].as_object().expect("daemons").clone();
        let pid = |value: &Value| i32::try_from(value.as_i64().unwrap_or(0)).expect("a pid");
        let mut pids: BTreeMap<_, _> =
            daemons.iter().map(|(name, about)| (name.clone(), pid(&about["pid"]))).collect();
        pids.insert("supervisor".to_owned(), pid(&report["supervisor"]));
        pids
    }

    fn kill(&self, daemon: &str) {
        let pid = self.pids()[daemon];
        kill_process(Pid::from_raw(pid).expect("a pid"), Signal::KILL).expect("killed");
    }

    fn logs(&self) -> String {
        let routing = std::fs::read_to_string(self.bed.run_dir().join("routing.log")).unwrap_or_default();
        format!("{}routing.log:\n{routing}", logs(&self.bed))
    }

    /// Fails with the logs unless the flow arrived whole.
    fn assert_whole(&self, flow: Flow, what: &str) {
        let (sent, lost, gap) = flow.stop();
        println!("{what}: {lost} of {sent} lost, longest gap {gap:?}");
        assert!(sent > 100, "{what}: {sent} sent");
        assert_eq!(lost, 0, "{what}: {lost} of {sent} lost, longest gap {gap:?}\n{}", self.logs());
    }
}

/// What the master of now has sent to ospfd: lines, and comparisons that found nothing to send.
fn sent(bed: &Testbed) -> (u64, u64) {
    let shown = bed.show("ospf").expect("show ospf");
    (shown["lines_sent"].as_u64().expect("a count"), shown["found_equal"].as_u64().expect("a count"))
}

#[test]
fn routes_are_exchanged_with_routers_of_two_makes() {
    let world = World::ospf("rt1-");
    let flow = Flow::start(&world.bed, ("h1", "10.91.0.1"), ("h3", "10.93.0.1"));
    common::flow(1.0);
    world.assert_whole(flow, "routes of OSPF");
    // What was sent is kept as it was sent: a second look finds nothing.
    let lines = sent(&world.bed).0;
    script(&world.bed, "configure ospf vlan red cost 7\n").good();
    within(FULL, "a changed line", || sent(&world.bed).0 > lines);
    assert_eq!(sent(&world.bed).0 - lines, 3, "the line between its heading and its end");
    script(&world.bed, "disable ospf\n").good();
    within(BACK, "its routes gone", || !world.bird.has_route("10.91.0.0/16"));
    within(BACK, "the daemons gone", || !Path::new(&world.bed.run_dir().join("routing.pid")).exists());
}

#[test]
fn bgp_and_rip_run_beside_it() {
    let bgp = "\
configure bgp AS-number 65001\nconfigure bgp routerid 1.1.1.1\ncreate bgp neighbor 10.1.0.2 remote-AS-number 65002\n\
create bgp neighbor 10.3.0.2 remote-AS-number 65003\nenable bgp neighbor 10.1.0.2\nenable bgp neighbor 10.3.0.2\n\
configure bgp neighbor 10.1.0.2 timer keep-alive 1 hold-time 3\nenable bgp export direct\nconfigure bgp add network 10.99.0.0 16\n\
enable bgp\nconfigure rip add vlan red\nconfigure rip updatetime 5\nenable rip export direct cost 2\nenable rip\n";
    let world = World::start("rt2-", bgp, peers::FRR_BGP, peers::BIRD_BGP);
    let established = |address: &str| {
        let shown = world.bed.show("bgp neighbor").unwrap_or_default();
        shown["data"][address]["bgpState"] == "Established"
    };
    within(FULL, "BGP Established", || established("10.1.0.2") && established("10.3.0.2"));
    within(FULL, "routes of BGP", || {
        world.frr.has_route("10.93.0.0/16")
            && world.bird.has_route("10.91.0.0/16")
            && world.bird.has_route("10.99.0.0/16")
    });
    within(FULL, "RIP heard", || {
        let shown = world.bed.show("rip").unwrap_or_default();
        shown["data"]["text"].as_str().unwrap_or_default().contains("10.1.0.2")
    });
    let flow = Flow::start(&world.bed, ("h1", "10.91.0.1"), ("h3", "10.93.0.1"));
    common::flow(0.5);
    world.kill("bgpd");
    within(BACK, "bgpd back", || established("10.1.0.2") && established("10.3.0.2"));
    common::flow(3.0);
    world.assert_whole(flow, "bgpd killed");
    within(BACK, "the switch's own networks", || world.bird.has_route("10.1.0.0/24"));
    for what in ["bgp", "rip"] {
        let shown = world.bed.show(what).expect(what);
        assert_eq!(shown["fault"], Value::Null, "{shown:#}");
    }
}

#[test]
fn neighbours_do_not_notice_failovers() {
    let world = World::ospf("rt3-");
    let bed = &world.bed;
    let (pids, changes) = (world.pids(), world.frr.state_changes());
    let flow = Flow::start(bed, ("h1", "10.91.0.1"), ("h3", "10.93.0.1"));
    let check = |what: &str| {
        within(FULL, "the new master has compared", || sent(bed).1 > 0);
        assert_eq!(sent(bed).0, 0, "{what}: a new master sends nothing\n{}", world.logs());
        assert_eq!(world.pids(), pids, "{what}: the daemons are the same");
        assert_eq!(world.frr.state_changes(), changes, "{what}: the neighbour noticed");
        assert_eq!(world.full(), 2, "{what}: Full");
    };
    bed.cli().expect("a client").run("run msm-failover").expect("a failover");
    bed.wait_ready(READY).expect("ready");
    check("an operator's failover");
    let master = bed.master().expect("a master");
    bed.kill(master, Signal::KILL).expect("killed");
    bed.wait_ready(READY).expect("ready");
    check("a crash of the master");
    bed.kill_backplane().expect("killed");
    within(READY, "a new backplane", || bed.backplane_pid().is_ok());
    let master = bed.master().expect("a master");
    bed.kill(master, Signal::KILL).expect("killed");
    bed.wait_ready(READY).expect("ready");
    check("a crash of both");
    world.assert_whole(flow, "three failovers");
}

/// The manual's way: protocols begin as after a boot, neighbours see it, flows live on; what vanished meanwhile is gone when the failover timer ends.
#[test]
fn protocols_begin_anew_where_so_configured_and_flows_live_on() {
    let world = World::ospf("rt6-");
    let bed = &world.bed;
    // Hosts that send on while their own routers re-route: what is lost is the switch's.
    let ip = |host: &str, line: &str| {
        let done = bed.host(host).expect("a host").command("ip").args(line.split(' ')).output().expect("ip");
        assert!(done.status.success(), "ip {line}: {done:?}");
    };
    // In a table that neither of them looks at.
    for (host, line) in [("h1", "10.93.0.0/16 via 10.1.0.1"), ("h3", "10.91.0.0/16 via 10.3.0.1")] {
        ip(host, &format!("route add {line} table 100"));
        ip(host, "rule add pref 40000 table 100");
    }
    let row = |network: &str| {
        let shown = bed.show("iproute").expect("an answer");
        let rows = shown["routes"].as_array().expect("a list").clone();
        rows.iter().any(|row| row["destination"] == network && row["active"] == true)
    };
    script(bed, "configure msm-failover timeout 30\nconfigure msm-failover routing restart\n").good();
    bed.wait_ready(READY).expect("ready");
    within(FULL, "zebra told to keep them", || bed.show("ospf").is_ok_and(|shown| shown["held"] == true));
    let before = world.pids();
    let flow = Flow::start(bed, ("h1", "10.91.0.1"), ("h3", "10.93.0.1"));
    common::flow(0.5);
    bed.cli().expect("a client").run("run msm-failover").expect("a failover");
    let begun = std::time::Instant::now();
    within(BACK, "another ospfd", || ![0, before["ospfd"]].contains(&world.pids()["ospfd"]));
    within(BACK, "the neighbour sees it leave", || !world.frr.has_route("10.93.0.0/16"));
    assert!(row("10.93.0.0/16") && row("10.91.0.0/16"), "kept for flows\n{}", world.logs());
    within(BACK, "Full again", || world.full() == 2);
    within(BACK, "the routes", || world.converged());
    common::flow(1.0);
    let after = world.pids();
    assert_eq!(
        (after["zebra"], after["supervisor"]),
        (before["zebra"], before["supervisor"]),
        "{}",
        world.logs()
    );
    println!("routing protocols anew: converged after {:?}", begun.elapsed());
    world.assert_whole(flow, "routing protocols anew");
    if repeat(0, 1) == 1 {
        vanishes(&world, &ip, &row);
    }
    // `preserve` leaves them alone again.
    within(FULL, "Full again", || world.full() == 2);
    script(bed, "configure msm-failover routing preserve\n").good();
    bed.wait_ready(READY).expect("ready");
    let before = world.pids();
    bed.cli().expect("a client").run("run msm-failover").expect("a failover");
    bed.wait_ready(READY).expect("ready");
    within(FULL, "the new master has compared", || sent(bed).1 > 0);
    assert_eq!(world.pids(), before, "the daemons are the same");
}

/// A network vanishes while protocols begin anew: it is gone when the failover timer (30 s) ends, and what was claimed stays.
fn vanishes(world: &World, ip: &impl Fn(&str, &str), row: &impl Fn(&str) -> bool) {
    let bed = &world.bed;
    bed.wait_ready(READY).expect("ready");
    within(FULL, "zebra told to keep them", || bed.show("ospf").is_ok_and(|shown| shown["held"] == true));
    bed.cli().expect("a client").run("run msm-failover").expect("a failover");
    let begun = std::time::Instant::now();
    ip("h3", "addr del 10.93.0.1/16 dev lo");
    within(Duration::from_secs(45), "what vanished is gone", || !row("10.93.0.0/16"));
    println!("a route that vanished was gone after {:?}", begun.elapsed());
    assert!(row("10.91.0.0/16"), "what was claimed stays");
}

#[test]
fn routes_of_a_killed_daemon_stay() {
    let world = World::slow_ospf("rt4-");
    // A long run kills it a second time, when what the first has cost is as it was, and a third time with who starts it.
    let kills = ["ospfd killed", "ospfd killed again", "ospfd killed, and who starts it"];
    let kills = &kills[..repeat(1, 3) as usize];
    for what in kills {
        within(FULL, "zebra told to keep them", || world.held());
        let before = world.pids()["ospfd"];
        let flow = Flow::start(&world.bed, ("h1", "10.91.0.1"), ("h3", "10.93.0.1"));
        common::flow(0.5);
        world.kill("ospfd");
        within(BACK, "another ospfd", || ![0, before].contains(&world.pids()["ospfd"]));
        if what.ends_with("who starts it") {
            world.kill("supervisor");
        }
        within(BACK, "Full again", || world.full() == 2);
        within(BACK, "its restart over", || world.held());
        common::flow(5.0);
        world.assert_whole(flow, what);
    }
    within(BACK, "the routes", || world.converged());
    let flow = Flow::start(&world.bed, ("h1", "10.91.0.1"), ("h3", "10.93.0.1"));
    let before = world.pids();
    world.kill("zebra");
    within(BACK, "another zebra", || world.pids()["zebra"] != before["zebra"] && world.pids()["zebra"] != 0);
    common::flow(5.0);
    world.assert_whole(flow, "zebra killed");
    // Without supervisor nothing ends; the master starts another, which adopts.
    let pids = world.pids();
    world.kill("supervisor");
    within(BACK, "another supervisor", || world.pids()["supervisor"] != pids["supervisor"]);
    let after = world.pids();
    assert_eq!((after["ospfd"], after["zebra"]), (pids["ospfd"], pids["zebra"]), "{}", world.logs());
    assert_eq!(world.bed.show("ospf").expect("show ospf")["restarts"], kills.len());
}

/// BIRD answers in a way that is heard while the interface waits for its designated router: ospfd would be Full in a second or two.
#[test]
fn an_ospfd_that_returns_waits_for_its_designated_router() {
    let world = World::start(
        "rt6-",
        &OSPF.replace("timer 5 1 1 4", "timer 5 1 1 12"),
        peers::FRR_NONE,
        &peers::BIRD_OSPF.replace("dead 4; wait 4;", "dead 12; wait 12;"),
    );
    within(FULL, "OSPF Full and a route", || {
        world.full() == 1 && world.bird.has_route("10.1.0.0/24") && world.held()
    });
    peers::route(world.bed.host("h1").expect("a host"), "10.93.0.0/16", "10.1.0.1");
    let flow = Flow::start(&world.bed, ("h1", "10.1.0.2"), ("h3", "10.93.0.1"));
    common::flow(0.5);
    world.kill("ospfd");
    within(BACK, "dead", || !world.held());
    within(BACK, "its restart over", || world.held() && world.full() == 1);
    common::flow(2.0);
    world.assert_whole(flow, "ospfd killed, with BIRD alone");
}

#[test]
fn a_teardown_ends_them() {
    let world = World::ospf("rt5-");
    let pids = world.pids();
    let file = format!("{}.toml", world.bed.run_dir().display());
    let ended = command_of(&world.bed, &["teardown", "--file", &file]);
    assert!(ended.success(), "{}", world.logs());
    for (name, pid) in pids {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{name} lives: {state}");
    }
}
