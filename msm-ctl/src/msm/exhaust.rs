//! `debug exhaust memory`: dies of want of memory, where that is nobody else's.

use std::path::Path;

use rustix::process::{Resource, getrlimit};

/// Taken at once.
const PIECE: usize = 16 << 20;

/// Takes memory until an allocation fails, or the kernel kills this process for it. Refused where there is no limit but the
/// machine's: an MSM is the last that the kernel would kill.
pub(super) fn memory() -> Result<(), String> {
    if getrlimit(Resource::As).current.is_none() && !has_group_limit() {
        return Err("this process has no limit of memory but the machine's; give it one first: prlimit --pid PID --as=BYTES".to_owned());
    }
    let take = || {
        let mut taken = Vec::new();
        loop {
            taken.push(vec![1u8; PIECE]);
            std::hint::black_box(&taken);
        }
    };
    std::thread::Builder::new()
        .name("exhaust".to_owned())
        .spawn(take)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Whether its control group, or one above, has a limit (cgroup v2).
fn has_group_limit() -> bool {
    let Ok(groups) = std::fs::read_to_string("/proc/self/cgroup") else { return false };
    let Some(own) = groups.lines().find_map(|line| line.strip_prefix("0::/")) else { return false };
    let limited = |group: &Path| {
        let file = Path::new("/sys/fs/cgroup").join(group).join("memory.max");
        std::fs::read_to_string(file).is_ok_and(|limit| limit.trim() != "max")
    };
    Path::new(own).ancestors().any(limited)
}
