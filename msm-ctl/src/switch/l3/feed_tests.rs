//! From the kernel to the tables through a socket that runs over. Needs iproute2 and util-linux, and root or user namespaces.

use std::io::Write;
use std::process::{Command, Stdio};

use msm_dataplane::plane::Plane;
use msm_dataplane::plane::routes::lookup::{Answer, lookup};
use msm_dataplane::store::Model;

use super::*;
use crate::netlink::Following;

/// Routes that come while nobody reads: many times what the socket has room for, and some that went.
const COME: u32 = 2000;
const GONE: u32 = 100;
/// Within which all of them are in the view.
const WITHIN: Duration = Duration::from_secs(20);

fn ip(lines: &str) {
    let mut child = Command::new("ip")
        .args(["-force", "-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("iproute2 is installed");
    child.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("ip reads");
    assert!(child.wait().expect("waited for").success(), "ip refused one of {} lines", lines.lines().count());
}

/// A network of /24, of those before and of those after.
fn prefix(n: u32, after: bool) -> Prefix {
    let first = if after { 0x0a80_0000 } else { 0x0a40_0000 };
    Prefix::new(std::net::Ipv4Addr::from_bits(first + (n << 8)).into(), 24).expect("a length that fits")
}

fn feed(view: &View) -> Feed {
    let mut fib = Fib::default();
    fib.set_interfaces([(names::outer(0), 1)].into());
    Feed {
        view: view.clone(),
        fib,
        touched: RoutesTouched::default(),
        sent: None,
        owns: Some(1),
        forwards: true,
        owned_at: Instant::now(),
        timer: Duration::from_secs(60),
        telling: Telling::default(),
        doubtful: BTreeSet::new(),
        marks_at: Instant::now(),
    }
}

/// What an old master left stays in the tables until the kernel's own are known whole, at the latest until the failover timer ends.
#[test]
fn a_new_master_tells_nothing_before_the_kernels_tables_are_known_whole() {
    let view = View::default();
    let mut feed = feed(&view);
    view.in_doubt(true);
    assert!(!feed.has_news() && feed.relinks_at().is_some());
    view.in_doubt(false);
    assert!(feed.has_news() && feed.relinks_at().is_none());
    view.in_doubt(true);
    feed.timer = Duration::ZERO;
    assert!(feed.has_news(), "the failover timer has ended");
    assert!(matches!(feed.news(), Update::Whole(_)));
    assert!(!feed.has_news(), "all of it is told once");
}

/// Takes the news to the tables as the actor does.
fn take(feed: &mut Feed, routing: &mut Routing, tables: &mut Plane<Model>) {
    feed.kernel();
    match feed.news() {
        Update::Whole(all) => {
            *routing = *all;
            tables.reconcile_routes(routing).expect("there is room");
        }
        Update::Part(part) => {
            let mut touched = RoutesTouched::default();
            part.apply(routing, &mut touched);
            tables.reconcile_routes_part(routing, &touched).expect("there is room");
        }
    }
}

async fn an_overrun() {
    let netdev = names::outer(0);
    ip(&format!(
        "link add v1 index {netdev} type veth peer name vi1\nlink set v1 up\nlink set vi1 up\n\
         address add 10.0.0.1/24 dev v1\nneigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v1\n"
    ));
    let route = |verb: &str, prefix: Prefix| format!("route {verb} {prefix} via 10.0.0.9\n");
    ip(&(0..GONE).map(|n| route("add", prefix(n, false))).collect::<String>());
    let view = View::default();
    let mut following = Following::start(view.clone()).await.expect("routes are followed");
    let (mut feed, mut routing, mut tables) = (feed(&view), Routing::default(), Plane::new(Model::new(16)));
    take(&mut feed, &mut routing, &mut tables);
    let goes = |tables: &Plane<Model>, prefix: Prefix| {
        lookup(tables.store(), prefix.addr(), |_| 0).expect("a model reads")
    };
    let by = Answer::To(Station { mac: [2, 0, 0, 0, 0, 9], vid: 1 });
    assert!((0..GONE).all(|n| goes(&tables, prefix(n, false)) == by), "those before are in the tables");

    following.squeeze();
    let comes = (0..COME).map(|n| route("add", prefix(n, true)));
    let goes_away = (0..GONE).map(|n| route("del", prefix(n, false)));
    ip(&comes.chain(goes_away).collect::<String>());
    // Routes only come one by one; which are there when the last is, the tables say.
    let count = || {
        let mut count = 0;
        view.routes(&mut |route| count += u32::from(route.key.prefix_len == 24 && route.kind == 1));
        count
    };
    let overruns = tokio::time::timeout(WITHIN, following.until(|| count() == COME + 1)).await;
    let overruns = overruns.unwrap_or_else(|_| panic!("{} of {} routes are in the view", count(), COME + 1));
    assert!(overruns > 0, "the socket has not run over");
    println!("{overruns} overruns");

    take(&mut feed, &mut routing, &mut tables);
    for n in 0..COME {
        assert_eq!(goes(&tables, prefix(n, true)), by, "{}", prefix(n, true));
    }
    assert!(
        (0..GONE).all(|n| goes(&tables, prefix(n, false)) == Answer::Resolve),
        "those that went are gone"
    );
}

/// In whose environment the test is in a network namespace of its own.
const INSIDE: &str = "MSM_TEST_OVERRUN";

/// The kernel drops notifications when nobody reads them. It says so, and all is read again: no route is lost.
#[test]
fn an_overrun_loses_no_route() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(an_overrun());
    }
    // Who is not root is so in a user namespace, which wants a process of one thread.
    let user: &[&str] =
        if rustix::process::geteuid().is_root() { &[] } else { &["--user", "--map-root-user"] };
    let done = Command::new("unshare")
        .args(user)
        .args(["--net", "--"])
        .arg(std::env::current_exe().expect("this test has a binary"))
        .args(["--exact", "switch::l3::feed::tests::an_overrun_loses_no_route", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("util-linux is installed");
    let text = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{text}{}", String::from_utf8_lossy(&done.stderr));
    assert!(text.contains("1 passed"), "the test has not been run: {text}");
}
