//! `logfilename` may name a standard stream, as it does in containers.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// A descriptor that the process was started with.
#[derive(Debug)]
pub(super) enum Stream {
    Stdout,
    Stderr,
    /// Another one, opened again.
    Other(File),
}

impl Stream {
    /// The stream of a path, if it is one: `/dev/stdout`, `/dev/stderr`, `/dev/fd/N`, `/proc/self/fd/N`, or a link to one
    /// of these.
    pub(super) fn of(path: &Path) -> Option<io::Result<Stream>> {
        let target = fs::read_link(path).ok().and_then(|target| number(&target));
        let number = number(path).or(target)?;
        Some(match number {
            1 => Ok(Stream::Stdout),
            2 => Ok(Stream::Stderr),
            other => OpenOptions::new()
                .append(true)
                .open(format!("/proc/self/fd/{other}"))
                .map(Stream::Other),
        })
    }

    /// Whether it leads where standard error does.
    pub(super) fn is_stderr(&self) -> bool {
        match self {
            Stream::Stderr => true,
            Stream::Stdout => identity(1).is_some() && identity(1) == identity(2),
            Stream::Other(_) => false,
        }
    }

    /// A closed stream or a full disk must not stop a daemon, so failures are let go.
    pub(super) fn write(&self, line: &str) {
        let _ = match self {
            Stream::Stdout => {
                let mut out = io::stdout();
                out.write_all(line.as_bytes()).and_then(|()| out.flush())
            }
            Stream::Stderr => io::stderr().write_all(line.as_bytes()),
            Stream::Other(file) => (&*file).write_all(line.as_bytes()),
        };
    }

    /// Its descriptor, where it is one that the journal may have made.
    pub(super) fn descriptor(&self) -> Option<u32> {
        match self {
            Stream::Stdout => Some(1),
            Stream::Stderr => Some(2),
            Stream::Other(_) => None,
        }
    }
}

/// Device and inode of a descriptor.
pub(super) fn identity(descriptor: u32) -> Option<(u64, u64)> {
    let file = fs::metadata(format!("/proc/self/fd/{descriptor}")).ok()?;
    Some((file.dev(), file.ino()))
}

fn number(path: &Path) -> Option<u32> {
    if path == Path::new("/dev/stdout") {
        return Some(1);
    }
    if path == Path::new("/dev/stderr") {
        return Some(2);
    }
    let folders = ["/dev/fd", "/proc/self/fd"].map(Path::new);
    let is_descriptor = path
        .parent()
        .is_some_and(|folder| folders.contains(&folder));
    let name = path.file_name()?.to_str()?;
    is_descriptor.then(|| name.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_by_their_paths() {
        let folder = tempfile::tempdir().unwrap();
        let link = |name: &str, target: &str| {
            let path = folder.path().join(name);
            std::os::unix::fs::symlink(target, &path).unwrap();
            path.display().to_string()
        };
        for (path, descriptor, why) in [
            ("/dev/stdout".to_owned(), Some(1), "its name"),
            ("/dev/stderr".to_owned(), Some(2), "its name"),
            ("/dev/fd/1".to_owned(), Some(1), "its number"),
            ("/proc/self/fd/2".to_owned(), Some(2), "its number"),
            (
                link("out.log", "/dev/stdout"),
                Some(1),
                "as images of containers do it",
            ),
            (link("file.log", "/var/log/x"), None, "a link to a file"),
            ("/dev/null".to_owned(), None, "a device"),
            ("/var/log/stdout".to_owned(), None, "a file"),
            ("/dev/fd/x".to_owned(), None, "no number"),
        ] {
            let stream = Stream::of(Path::new(&path));
            let found = stream.and_then(|stream| stream.unwrap().descriptor());
            assert_eq!(found, descriptor, "{path}: {why}");
        }
        let closed = Stream::of(Path::new("/dev/fd/987")).unwrap();
        assert!(closed.is_err(), "nobody passed it");
    }
}
