//! Loading the forwarding plane's object and pinning what is in it. The only file that names aya.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use aya::{
    Ebpf, EbpfLoader,
    programs::{ProgramError, SchedClassifier, Xdp},
};
use msm_abi::names;

use crate::{
    TreeError, bpf,
    store::{Table, prog_pin},
};

/// As libbpf does.
const LOAD_TRIES: usize = 5;

/// Loads `object` with an FDB of `fdb_capacity` entries and pins its maps and programs in `dir`, an empty directory.
///
/// aya would reuse pins of the same name without a look at them: there are none in an empty directory, and it is not told of any.
pub(crate) fn load(object: &Path, fdb_capacity: u32, dir: &Path) -> Result<(), TreeError> {
    let refused = |reason: String| TreeError::Object { path: object.to_owned(), reason };
    let bytes = std::fs::read(object).map_err(|e| refused(e.to_string()))?;
    let mut ebpf = EbpfLoader::new()
        .map_max_entries(names::FDB, fdb_capacity)
        .load(&bytes)
        .map_err(|e| refused(chain(&e)))?;
    for table in Table::ALL {
        let spec = table.spec();
        let name = if spec.section { format!(".data.{}", spec.name) } else { spec.name.to_owned() };
        let map = ebpf.map(&name).ok_or_else(|| refused(format!("it has no map {name}")))?;
        map.pin(dir.join(table.name()))
            .map_err(|e| refused(format!("map {}: {}", table.name(), chain(&e))))?;
    }
    for name in [names::PROG_DISPATCH, names::PROG_INGRESS, names::PROG_EGRESS] {
        program(&mut ebpf, name, dir).map_err(|e| refused(format!("program {name}: {e}")))?;
    }
    // An object without it has XDP ports only.
    let Some(program) = ebpf.program_mut(names::PROG_TCX) else { return Ok(()) };
    let refused_tcx = |e: String| refused(format!("program {}: {e}", names::PROG_TCX));
    let tcx: &mut SchedClassifier =
        program.try_into().map_err(|e| refused_tcx(format!("no tc classifier: {e}")))?;
    loaded(|| tcx.load()).map_err(|e| refused_tcx(chain(&e)))?;
    if !bpf::has_tcx(tcx.fd().map_err(|e| refused_tcx(chain(&e)))?.as_fd()) {
        return Err(TreeError::NoTcx);
    }
    tcx.pin(prog_pin(dir, names::PROG_TCX)).map_err(|e| refused_tcx(chain(&e)))
}

fn program(ebpf: &mut Ebpf, name: &str, dir: &Path) -> Result<(), String> {
    let program: &mut Xdp =
        ebpf.program_mut(name).ok_or("not there")?.try_into().map_err(|e| format!("no XDP program: {e}"))?;
    loaded(|| program.load()).map_err(|e| chain(&e))?;
    program.pin(prog_pin(dir, name)).map_err(|e| chain(&e))
}

/// Loads a program. The verifier gives up with EAGAIN when a signal, or the kernel's own work that looks like one, comes to the thread meanwhile
/// (kernel/bpf/verifier.c: do_check): then again.
fn loaded(mut load: impl FnMut() -> Result<(), ProgramError>) -> Result<(), ProgramError> {
    for _ in 1..LOAD_TRIES {
        match load() {
            Err(ProgramError::LoadError { io_error, .. }) if io_error.kind() == io::ErrorKind::WouldBlock => {
            }
            done => return done,
        }
    }
    load()
}

/// An error with its causes: aya says "the verifier refused" in one and why in the next.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
