//! What the figures were measured on.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

use nix::sys::resource::UsageWho;

use crate::process;

/// The machine of a run, and how busy it was with something else.
pub(crate) struct Machine {
    text: String,
    cores: usize,
    begun: Instant,
    at_begin: Option<Jiffies>,
}

impl Machine {
    /// To be called before anything is measured.
    pub(crate) fn look(folder: &Path) -> Machine {
        let cores = thread::available_parallelism().map_or(0, usize::from);
        Machine {
            text: describe(folder, cores),
            cores,
            begun: Instant::now(),
            at_begin: Jiffies::read(),
        }
    }

    /// Lines that describe it, after everything was measured.
    pub(crate) fn describe(&self) -> String {
        let others = self.others().map_or(String::new(), |(others, stolen)| {
            format!(
                "meanwhile other programs had {:.1} % of it, and its host {:.1} %\n",
                others * 100.0,
                stolen * 100.0
            )
        });
        format!("{}{others}", self.text)
    }

    /// The shares of all cores' time that neither this program nor those that it started had, but others and the host.
    fn others(&self) -> Option<(f64, f64)> {
        let (before, now) = (self.at_begin?, Jiffies::read()?);
        let all = (now.all - before.all) as f64;
        let ours = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN].map(process::used);
        let ours =
            ours.iter().sum::<f64>() / (self.begun.elapsed().as_secs_f64() * self.cores as f64);
        let busy = (now.busy - before.busy) as f64 / all;
        Some((
            (busy - ours).max(0.0),
            (now.stolen - before.stolen) as f64 / all,
        ))
    }
}

/// The kernel's account of all cores, since the machine was started.
#[derive(Clone, Copy)]
struct Jiffies {
    all: u64,
    busy: u64,
    stolen: u64,
}

impl Jiffies {
    fn read() -> Option<Jiffies> {
        Jiffies::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// `cpu USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL`; what follows is in these.
    fn parse(text: &str) -> Option<Jiffies> {
        let numbers = text.lines().next()?.strip_prefix("cpu ")?;
        let numbers: Vec<u64> = numbers
            .split_whitespace()
            .take(8)
            .map(|number| number.parse().ok())
            .collect::<Option<_>>()?;
        let [user, nice, system, idle, wait, irq, softirq, stolen] = numbers[..] else {
            return None;
        };
        let busy = user + nice + system + irq + softirq;
        Some(Jiffies {
            all: busy + idle + wait + stolen,
            busy,
            stolen,
        })
    }
}

fn describe(folder: &Path, cores: usize) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_account_is_read() {
        let text = "cpu  10 1 20 100 5 2 3 4 0 0\ncpu0 1 2 3\n";
        let Jiffies { all, busy, stolen } = Jiffies::parse(text).unwrap();
        assert_eq!((all, busy, stolen), (145, 36, 4));
        assert!(Jiffies::parse("cpu 1 2\n").is_none());
    }
}
