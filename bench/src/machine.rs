//! What the figures were measured on.

use std::fs;
use std::path::Path;
use std::thread;

/// Lines that describe the machine.
pub(crate) fn describe(folder: &Path) -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let model = field("/proc/cpuinfo", "model name").unwrap_or("an unknown processor".to_owned());
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse::<f64>().ok())
        .map_or(0.0, |kib| kib / 1024.0 / 1024.0);
    let kernel = word("/proc/sys/kernel/osrelease");
    let queue = word("/proc/sys/net/unix/max_dgram_qlen");
    let load = word("/proc/loadavg");
    let kind = file_system(folder);
    format!(
        "machine: {cores} cores of {model}, {memory:.0} GiB, Linux {kernel}\n\
         net.unix.max_dgram_qlen {queue}; files on {kind}; load of the machine before: {load}\n"
    )
}

/// `NAME : value` in a file of the kernel.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

fn word(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

/// The kind of the file system that a folder is on: the mount with the longest path that leads there.
fn file_system(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or(folder.to_owned());
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let found = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?, words.next()?))
        })
        .filter(|(mount, _)| folder.starts_with(mount))
        .max_by_key(|(mount, _)| mount.len());
    found.map_or("?".to_owned(), |(_, kind)| kind.to_owned())
}
