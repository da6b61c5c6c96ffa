//! What the programs cost: instructions for the verifier, time a frame. `--nocapture` prints it.
//!
//! A frame that is dropped at a stage costs what all stages up to it cost, so the differences are the stages' budget. Times are
//! printed and not asserted: they are the machine's as much as ours.
//!
//! Instructions are held against `budget.txt` beside this file, and may grow by [`GROWTH`] percent. What is meant to be larger is renewed by
//! `MSM_RENEW_BUDGET=1 cargo test -p msm-dataplane --test pipeline budget`, and committed with what made it so.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aya::EbpfLoader;
use aya::programs::Program;
use msm_abi::{FdbEntry, PortEntry, names, port_flags};

use crate::frames::*;
use crate::plane::*;

/// The kernel gives up at 1,000,000; a tenth of it is what one program may grow to before it is cut.
const VERIFIED_AT_MOST: u32 = 100_000;
/// Percent that a program may grow by before somebody has to say that it should.
const GROWTH: u32 = 20;
/// Runs of one sample, and samples: 0.1 s a line.
const RUNS: u32 = 50_000;
const SAMPLES: usize = 11;

/// Instructions of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    /// Instructions that the verifier went through, on all paths.
    verified: u32,
    /// Instructions that are run, as the kernel has rewritten them.
    translated: u32,
}

/// What all programs of the object cost.
type Budget = BTreeMap<String, Size>;

/// Kernel version as far as the verifier's ways depend on it: `6.18`.
fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a kernel release");
    release.split('.').take(2).collect::<Vec<_>>().join(".")
}

fn measured() -> Budget {
    let object = object();
    let mut ebpf = EbpfLoader::new().load_file(&object).expect("the object (are you root?)");
    let load = |(name, program): (&str, &mut Program)| {
        let loaded = match program {
            Program::Xdp(program) => program.load(),
            Program::SchedClassifier(program) => program.load(),
            other => panic!("{name}: no program of the forwarding plane: {:?}", other.prog_type()),
        };
        loaded.unwrap_or_else(|e| panic!("verifying {name}: {e:?}"));
        let info = program.info().expect("program info");
        let translated = info.size_translated().unwrap_or(0) / 8;
        (name.to_owned(), Size { verified: info.verified_instruction_count().unwrap_or(0), translated })
    };
    ebpf.programs_mut().map(load).collect()
}

/// The file's text: the kernel's version, then a program a line.
fn render(budget: &Budget) -> String {
    let line = |(name, size): (&String, &Size)| format!("{name} {} {}\n", size.verified, size.translated);
    let head = "# program, instructions verified, instructions translated; how to renew: budget.rs\n";
    format!("{head}kernel {}\n{}", kernel(), budget.iter().map(line).collect::<String>())
}

/// Kernel and budget of a file's text.
fn parse(text: &str) -> (String, Budget) {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let kernel = lines.next().and_then(|line| line.strip_prefix("kernel ")).expect("the kernel's version");
    let size = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse().expect("a number");
        (words[0].to_owned(), Size { verified: number(1), translated: number(2) })
    };
    (kernel.to_owned(), lines.map(size).collect())
}

/// What is wrong with `now`, a line each. What the verifier does is compared only if it is the same one.
fn faults(now: &Budget, then: &Budget, same_kernel: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let grown = |now: u32, then: u32| u64::from(now) * 100 > u64::from(then) * u64::from(100 + GROWTH);
    for (name, size) in now {
        let Some(kept) = then.get(name) else {
            faults.push(format!("{name} is new: {size:?}"));
            continue;
        };
        if same_kernel && grown(size.verified, kept.verified) {
            faults
                .push(format!("{name}: {} instructions verified, {} are kept", size.verified, kept.verified));
        }
        if grown(size.translated, kept.translated) {
            faults.push(format!(
                "{name}: {} instructions translated, {} are kept",
                size.translated, kept.translated
            ));
        }
    }
    let gone = then.keys().filter(|name| !now.contains_key(*name));
    faults.extend(gone.map(|name| format!("{name} is gone")));
    faults
}

#[test]
fn programs_do_not_grow_unseen() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pipeline/budget.txt");
    let now = measured();
    for (name, Size { verified, translated }) in &now {
        println!("{name:12} {verified:6} instructions verified, {translated:5} translated");
        assert!((1..VERIFIED_AT_MOST).contains(verified), "{name}: {verified}");
    }
    if std::env::var_os("MSM_RENEW_BUDGET").is_some() {
        std::fs::write(&path, render(&now)).expect("writing the budget");
        return;
    }
    let (then_kernel, then) = parse(&std::fs::read_to_string(&path).expect("the budget"));
    let faults = faults(&now, &then, then_kernel == kernel());
    assert!(
        faults.is_empty(),
        "{}\nif it is meant to be so, renew the budget (see budget.rs)",
        faults.join("\n")
    );
}

#[test]
fn growth_is_seen() {
    let budget = |verified, translated| Budget::from([("ingress".to_owned(), Size { verified, translated })]);
    let kept = budget(1000, 500);
    assert_eq!(parse(&render(&kept)), (kernel(), kept.clone()));
    assert!(faults(&budget(1200, 600), &kept, true).is_empty());
    assert_eq!(faults(&budget(1201, 601), &kept, true).len(), 2);
    assert_eq!(faults(&budget(5000, 601), &kept, false).len(), 1, "another verifier counts otherwise");
    assert_eq!(faults(&Budget::new(), &kept, true), ["ingress is gone"]);
    assert_eq!(faults(&kept, &Budget::new(), true).len(), 1, "new");
}

fn ns_a_run(plane: &Plane, program: &str, sent: &[u8]) -> u128 {
    let mut samples: Vec<Duration> =
        (0..SAMPLES).map(|_| plane.run_repeated(program, sent, &[], RUNS).1).collect();
    samples.sort();
    samples[SAMPLES / 2].as_nanos()
}

#[test]
fn time_a_frame() {
    let plane = Plane::new();
    for (mac, lport) in [(S11, P11), (S12, P12), (S21, P21)] {
        plane.station(mac, 1, FdbEntry::new(lport, FdbEntry::STATIC, 0));
    }
    let ingress = names::PROG_INGRESS;
    let print = |what: &str, program: &str, sent: &[u8]| {
        println!("{:4} ns {what}", ns_a_run(&plane, program, sent));
    };
    plane.port(PortEntry::default());
    print("no port: the drop and its counter alone", ingress, &frame(S12, S11));
    plane.port(PortEntry { flags: port_flags::VALID, ..port_entry(P11) });
    print("+ port table, received counters", ingress, &frame(S12, S11));
    plane.come_in_by(P11);
    print("+ parse, VLAN, control, source check", ingress, &frame(S12, BROADCAST));
    print("+ gate, learning, lookup (hairpin)", ingress, &frame(S11, S11));
    print("  unicast inside a module", ingress, &frame(S12, S11));
    print("  unicast between modules", ingress, &frame(S21, S11));
    print("  flood", ingress, &frame(BROADCAST, S11));
    print("  egress of unicast", names::PROG_EGRESS_TEST, &frame(S12, S11));
}
