//! Which process a member is, so that one that has died is known for dead on its own host, without waiting for its lease: a
//! reporter that has crashed and is started again goes on at once.
//!
//! A mark names the boot (a number that the kernel draws), the namespace of process numbers, the process, when it started, and
//! a number of the member's own. Another host's process is never called dead, nor one of which anything is not known; a unit's
//! sandbox may hide the boot, and then the lease decides.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Mutex, PoisonError},
};

use nix::{errno::Errno, sys::signal::kill, unistd::Pid};

/// The numbers of the members in this process.
static HERE: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Which process a member is. There is no second one of it.
#[derive(Debug)]
pub(super) struct ProcessMark {
    text: String,
    number: u64,
}

impl ProcessMark {
    pub(super) fn new() -> ProcessMark {
        let number = rand::random();
        here().insert(number);
        let boot = boot().unwrap_or_else(|| "-".to_owned());
        let (pid, start) = (std::process::id(), start_of("self").unwrap_or(0));
        ProcessMark {
            text: format!("{boot} {pid} {start} {number}"),
            number,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

impl Drop for ProcessMark {
    fn drop(&mut self) {
        here().remove(&self.number);
    }
}

/// Whether that member's process has certainly ended, or has dropped it.
pub(super) fn is_dead(mark: &str) -> bool {
    let mut words = mark.split(' ');
    let Some(its_boot) = words.next() else {
        return false;
    };
    let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
    let (&[pid, start, number], Some(boot)) = (&numbers[..], boot()) else {
        return false;
    };
    if its_boot != boot {
        return false;
    }
    if pid == u64::from(std::process::id()) && start_of("self") == Some(start) {
        return !here().contains(&number);
    }
    let Ok(id) = i32::try_from(pid) else {
        return false;
    };
    match kill(Pid::from_raw(id), None) {
        Err(Errno::ESRCH) => true,
        // Its number may be another's by now.
        _ => start_of(&pid.to_string()).is_some_and(|is| start != 0 && is != start),
    }
}

fn here() -> std::sync::MutexGuard<'static, BTreeSet<u64>> {
    // No holder can panic in the middle of a change.
    HERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This boot of this machine, and the namespace in which process numbers mean something.
fn boot() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    let space = space.to_str()?;
    (!boot.trim().is_empty()).then(|| format!("{}/{space}", boot.trim()))
}

/// When a process started, in ticks since the boot; `None` when that is not to be seen.
fn start_of(process: &str) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Its name stands in parentheses, and may hold any character. Behind it, the first field is the third.
    let behind = stat.rsplit_once(')')?.1;
    behind.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_dead() {
        let mark = ProcessMark::new();
        let boot = boot().unwrap();
        let ours = format!("{boot} {}", std::process::id());
        let start = start_of("self").unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = child.id();
        child.wait().unwrap();
        for (text, dead, why) in [
            (mark.as_str().to_owned(), false, "this one"),
            (format!("{ours} {start} 7"), true, "dropped here"),
            (format!("{boot} {ended} 5 7"), true, "its process has ended"),
            (
                format!("{boot} 1 99999999999 7"),
                true,
                "its number is another's",
            ),
            (format!("{boot} 1 0 7"), false, "its start is not known"),
            (
                format!("another-boot/pid:[1] {ended} 5 7"),
                false,
                "another host",
            ),
            (format!("- {ended} 5 7"), false, "nobody knows whose"),
            (format!("{boot} {ended}"), false, "half a mark"),
            (String::new(), false, "no mark"),
        ] {
            assert_eq!(is_dead(&text), dead, "{why}");
        }
        let text = mark.as_str().to_owned();
        drop(mark);
        assert!(is_dead(&text), "dropped");
    }
}
