//! Room for what is written.

use std::path::Path;

use nix::sys::statvfs::statvfs;
use tlsrptd_config::paths;

use super::{access::quoted, finding::Finding, looking::Looking};

const AREA: &str = "disk";
const MIB: u64 = 1 << 20;
/// Below this a day may not get through.
const LITTLE: u64 = 1024 * MIB;
/// Below this a write may fail at any moment.
const NONE: u64 = 64 * MIB;
/// Files that can still be made.
const FEW_INODES: u64 = 1000;
const NO_INODES: u64 = 16;

/// What a file system has left for ordinary users.
#[derive(Clone, Copy, Debug)]
struct Room {
    bytes: u64,
    /// `None`: this file system does not count them.
    inodes: Option<u64>,
}

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    match looking.settings.database_file() {
        Some(path) if !path.as_os_str().is_empty() => {
            folder(paths::directory(path), "the reporter's database")
        }
        // That of another host, whose own administrator looks at it.
        _ => Vec::new(),
    }
}

/// The folder of a file that grows.
pub(super) fn folder(folder: &Path, whose: &str) -> Vec<Finding> {
    let found = match statvfs(folder) {
        Ok(found) => found,
        // Where there is none, another check says so.
        Err(nix::errno::Errno::ENOENT) => return Vec::new(),
        Err(error) => {
            let finding = format!("what is free in {}: {error}", folder.display());
            return vec![Finding::unknown(
                AREA,
                finding,
                format!("df {}", quoted(folder)),
            )];
        }
    };
    let room = Room {
        bytes: found
            .blocks_available()
            .saturating_mul(found.fragment_size()),
        inodes: (found.files() > 0).then(|| found.files_available()),
    };
    vec![judged(folder, whose, room)]
}

fn judged(folder: &Path, whose: &str, room: Room) -> Finding {
    let place = folder.display();
    let mut finding = format!("{place} has {} MiB free for {whose}", room.bytes / MIB);
    if let Some(inodes) = room.inodes {
        finding += &format!(", and room for {inodes} more files");
    }
    let remedy = format!(
        "df -h {0}; df -i {0}: remove what is not needed, or give it more",
        quoted(folder)
    );
    let inodes = room.inodes.unwrap_or(u64::MAX);
    match room.bytes {
        bytes if bytes < NONE || inodes < NO_INODES => Finding::fail(AREA, finding, remedy),
        bytes if bytes < LITTLE || inodes < FEW_INODES => Finding::warn(AREA, finding, remedy),
        _ => Finding::ok(AREA, finding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_is_enough() {
        for (mib, inodes, level, why) in [
            (20_000, Some(1_000_000), "ok", "plenty"),
            (20_000, None, "ok", "btrfs counts none"),
            (500, Some(1_000_000), "warn", "little"),
            (10, Some(1_000_000), "fail", "none"),
            (20_000, Some(100), "warn", "few files"),
            (20_000, Some(0), "fail", "no file"),
        ] {
            let room = Room {
                bytes: mib * MIB,
                inodes,
            };
            let finding = judged(Path::new("/x"), "it", room);
            assert_eq!(finding.level.word(), level, "{why}: {finding:?}");
        }
    }

    #[test]
    fn a_real_folder() {
        assert_eq!(folder(Path::new("/"), "it").len(), 1);
        assert!(folder(Path::new("/no/such/folder"), "it").is_empty());
    }
}
