//! What can be said of a path before it is used.

use std::{
    fs,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

/// The directory that a path is in.
pub fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// A path in the same directory, with an ending after its whole name.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// A device, a pipe, or what the kernel shows below `/proc`: written to as it is, never replaced, truncated or removed.
///
/// A link to one is special only if the system has made it: those in `/dev` itself, as `/dev/stdout`. Elsewhere, and
/// `/dev/shm` is open to all users, somebody may have planted it.
pub fn is_special(path: &Path) -> bool {
    let folder = fs::canonicalize(directory(path)).unwrap_or_else(|_| directory(path).to_owned());
    if folder.starts_with("/proc") {
        return true;
    }
    let target = fs::read_link(path)
        .ok()
        .filter(|_| folder == Path::new("/dev"));
    if target.is_some_and(|target| folder.join(target).starts_with("/proc")) {
        return true;
    }
    let found = match folder == Path::new("/dev") {
        true => fs::metadata(path),
        false => fs::symlink_metadata(path),
    };
    found.is_ok_and(|found| {
        let kind = found.file_type();
        kind.is_char_device() || kind.is_block_device() || kind.is_fifo()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn directories() {
        for (path, want) in [("/a/b", "/a"), ("/a", "/"), ("a", "."), ("a/b", "a")] {
            assert_eq!(directory(Path::new(path)), Path::new(want), "{path}");
        }
    }

    #[test]
    fn what_is_never_replaced() {
        let shared = tempfile::tempdir_in("/dev/shm").unwrap();
        let link = |name: &str, target: &str| -> PathBuf {
            symlink(target, shared.path().join(name)).unwrap();
            shared.path().join(name)
        };
        let file = shared.path().join("file");
        fs::write(&file, "").unwrap();
        for (path, want, why) in [
            ("/dev/null".into(), true, "a device"),
            (
                "/dev/stdout".into(),
                true,
                "a link of the system's, wherever it leads",
            ),
            ("/dev/fd/1".into(), true, "behind such a link"),
            ("/dev/../dev/fd/1".into(), true, "the same in other words"),
            ("/proc/self/fd/2".into(), true, "the kernel's"),
            ("/proc/1/fd/1".into(), true, "another process's"),
            (file, false, "a plain file"),
            (shared.path().join("none"), false, "not there"),
            (
                link("to device", "/dev/null"),
                false,
                "a link that anybody can make",
            ),
            (link("dangling", "/nowhere"), false, "the same"),
            ("none".into(), false, "here"),
        ] {
            assert_eq!(is_special(&path), want, "{}: {why}", path.display());
        }
    }
}
