//! The reporter's database: there, ours to write, and a reporter at work on it.

use std::{fs, io, os::unix::fs::MetadataExt as _};

use tlsrptd_config::paths;

use super::{
    access::{Want, quoted},
    finding::Finding,
    fleet,
    looking::Looking,
};
use crate::store;

pub(super) const AREA: &str = "database";
pub(super) const START: &str = "systemctl start tlsrpt-reportd";

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    let Some(path) = looking.settings.database_file() else {
        return fleet::check(looking);
    };
    if path.as_os_str().is_empty() {
        return Vec::new();
    }
    let folder = paths::directory(path);
    if !folder.is_dir() {
        let made = format!(
            "install -d -o {0} -g {1} -m 0750 {2}",
            looking.account.name,
            looking.account.group,
            quoted(folder)
        );
        return vec![Finding::fail(
            AREA,
            format!("there is no folder {}", folder.display()),
            made,
        )];
    }
    if let Some(obstacle) = looking.account.obstacle(folder, Want::Write) {
        return vec![looking.lack_of_rights(AREA, obstacle.to_string(), || owned(looking))];
    }
    match path.try_exists() {
        Err(error) => {
            let finding = format!("{} cannot be looked at: {error}", path.display());
            return vec![looking.lack_of_rights(AREA, finding, || owned(looking))];
        }
        Ok(false) => {
            let finding = format!(
                "{} is not there yet: tlsrpt-reportd makes it when it starts first",
                path.display()
            );
            return vec![Finding::warn(AREA, finding, START)];
        }
        Ok(true) => {}
    }
    if let Some(obstacle) = looking.account.obstacle(path, Want::Write) {
        return vec![looking.lack_of_rights(AREA, obstacle.to_string(), || owned(looking))];
    }
    if let Some(error) = store::find_fault(looking.settings) {
        let remedy = "name another file as dbname, or restore this one from a backup";
        return vec![Finding::fail(AREA, error.to_string(), remedy)];
    }
    let there = Finding::ok(AREA, format!("{} is a reporter's", path.display()));
    vec![there, at_work(looking)]
}

/// The service's own files are given back to it.
fn owned(looking: &Looking<'_>) -> String {
    let folder = paths::directory(&looking.settings.dbname);
    format!(
        "chown -R {}:{} {}",
        looking.account.name,
        looking.account.group,
        quoted(folder)
    )
}

/// A reporter holds a lock on the file beside its database. It is looked for in the kernel's list: to try the lock would keep
/// a reporter that starts at this moment from its database.
fn at_work(looking: &Looking<'_>) -> Finding {
    match holder(looking) {
        Ok(Some(number)) => {
            Finding::ok(AREA, format!("tlsrpt-reportd is at work, process {number}"))
        }
        Ok(None) => {
            let finding = "no tlsrpt-reportd is at work on it: nothing is sent";
            Finding::warn(AREA, finding, START)
        }
        Err(error) => Finding::unknown(
            AREA,
            format!("whether a reporter is at work: {error}"),
            "systemctl status tlsrpt-reportd",
        ),
    }
}

/// The number of the reporter that is at work, as far as its lock tells.
pub(super) fn process(looking: &Looking<'_>) -> Option<u32> {
    match looking.settings.database_file() {
        Some(_) => holder(looking).ok().flatten(),
        None => fleet::process(looking),
    }
}

fn holder(looking: &Looking<'_>) -> io::Result<Option<u32>> {
    let lock = paths::beside(&looking.settings.dbname, ".lock");
    let inode = match fs::metadata(&lock) {
        Ok(found) => found.ino(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let locks = fs::read_to_string("/proc/locks")?;
    if !locks.lines().any(|line| is_flock_of(line, inode)) {
        return Ok(None);
    }
    // Whoever holds it has written its number there.
    let number = fs::read_to_string(&lock)?;
    Ok(Some(number.trim().parse().unwrap_or_default()))
}

/// As in `1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF`. The device is left out: for some file systems the kernel has two.
fn is_flock_of(line: &str, inode: u64) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let of = |word: &&str| word.rsplit(':').next() == Some(inode.to_string().as_str());
    words.get(1) == Some(&"FLOCK") && words.get(5).is_some_and(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_of_locks() {
        for (line, want, why) in [
            (
                "1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF",
                true,
                "held",
            ),
            (
                "1: FLOCK  ADVISORY  WRITE 4711 fd:01:12345 0 EOF",
                false,
                "another file",
            ),
            (
                "1: POSIX  ADVISORY  WRITE 4711 fd:01:1234 0 EOF",
                false,
                "another kind",
            ),
            (
                "1: -> FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF",
                false,
                "waits for it",
            ),
            ("rubbish", false, "rubbish"),
        ] {
            assert_eq!(is_flock_of(line, 1234), want, "{why}");
        }
    }
}
