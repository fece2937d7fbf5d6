//! `logfilename` may name a standard stream, as is usual in containers.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use crate::files::FileIdentity;

/// A stream that the process was started with, or that of another process.
#[derive(Debug)]
pub(super) enum StandardStream {
    Stdout,
    Stderr,
    /// Any other descriptor, opened again.
    Other(File),
}

impl StandardStream {
    /// The stream that a path names, if it names one: `/dev/stdout`, `/dev/stderr`, `/dev/fd/N`, `/proc/PID/fd/N`, or a
    /// link to one of these.
    ///
    /// # Errors
    /// When the stream cannot be opened again.
    pub(super) fn named(path: &Path) -> Option<io::Result<StandardStream>> {
        let target = fs::read_link(path).ok();
        let (path, number) = [Some(path), target.as_deref()]
            .into_iter()
            .flatten()
            .find_map(|path| Some((path, Descriptor::named(path)?)))?;
        Some(match number {
            Descriptor::Ours(1) => Ok(StandardStream::Stdout),
            Descriptor::Ours(2) => Ok(StandardStream::Stderr),
            Descriptor::Ours(_) | Descriptor::Theirs => OpenOptions::new()
                .append(true)
                .open(path)
                .map(StandardStream::Other),
        })
    }

    /// A closed stream or a full disk must not stop a daemon, so failures are ignored.
    pub(super) fn write(&self, line: &str) {
        let _ = match self {
            StandardStream::Stdout => {
                let mut out = io::stdout();
                out.write_all(line.as_bytes()).and_then(|()| out.flush())
            }
            StandardStream::Stderr => io::stderr().write_all(line.as_bytes()),
            StandardStream::Other(file) => (&*file).write_all(line.as_bytes()),
        };
    }

    /// Where it leads.
    pub(super) fn identity(&self) -> Option<FileIdentity> {
        match self {
            StandardStream::Stdout => descriptor(1),
            StandardStream::Stderr => descriptor(2),
            StandardStream::Other(file) => opened(file),
        }
    }
}

/// Where an open descriptor of this process leads.
pub(super) fn descriptor(number: u32) -> Option<FileIdentity> {
    FileIdentity::of(format!("/proc/self/fd/{number}")).ok()
}

/// Where an open file leads.
pub(super) fn opened(file: &File) -> Option<FileIdentity> {
    file.metadata().ok().map(|found| FileIdentity::from(&found))
}

/// What a path says of a descriptor.
enum Descriptor {
    /// One of this process.
    Ours(u32),
    /// One of another process: in a container often `/proc/1/fd/1`.
    Theirs,
}

impl Descriptor {
    fn named(path: &Path) -> Option<Descriptor> {
        let path = path.to_str()?;
        match path {
            "/dev/stdout" => return Some(Descriptor::Ours(1)),
            "/dev/stderr" => return Some(Descriptor::Ours(2)),
            _ => {}
        }
        let (process, number) = match path.strip_prefix("/dev/fd/") {
            Some(number) => ("self", number),
            None => path.strip_prefix("/proc/")?.split_once("/fd/")?,
        };
        let number = number.parse().ok()?;
        match process {
            "self" | "thread-self" => Some(Descriptor::Ours(number)),
            process => match process.parse::<u32>().ok()? == std::process::id() {
                true => Some(Descriptor::Ours(number)),
                false => Some(Descriptor::Theirs),
            },
        }
    }
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
        let own = format!("/proc/{}/fd/2", std::process::id());
        for (path, want, why) in [
            ("/dev/stdout".to_owned(), Some(1), "its name"),
            ("/dev/stderr".to_owned(), Some(2), "its name"),
            ("/dev/fd/1".to_owned(), Some(1), "its number"),
            ("/proc/self/fd/2".to_owned(), Some(2), "its number"),
            (
                "/proc/thread-self/fd/2".to_owned(),
                Some(2),
                "this thread's",
            ),
            (own.clone(), Some(2), "this process by its number"),
            (link("own", &own), Some(2), "a link to that"),
            (
                link("out.log", "/dev/stdout"),
                Some(1),
                "as images of containers do it",
            ),
            (link("file.log", "/var/log/x"), None, "a link to a file"),
            ("/dev/null".to_owned(), None, "a device"),
            ("/var/log/stdout".to_owned(), None, "a file"),
            ("/dev/fd/x".to_owned(), None, "no number"),
            ("/proc/x/fd/1".to_owned(), None, "no process"),
        ] {
            let stream = StandardStream::named(Path::new(&path));
            let found = stream.map(|stream| match stream.unwrap() {
                StandardStream::Stdout => 1,
                StandardStream::Stderr => 2,
                StandardStream::Other(_) => 3,
            });
            assert_eq!(found, want, "{path}: {why}");
        }
        let closed = StandardStream::named(Path::new("/dev/fd/987")).unwrap();
        assert!(closed.is_err(), "nobody passed it");
    }

    /// The parent of a container's daemon is mostly process 1.
    #[test]
    fn a_stream_of_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("out")).unwrap();
        let mut other = std::process::Command::new("sleep")
            .arg("60")
            .stdout(file)
            .spawn()
            .unwrap();
        let path = format!("/proc/{}/fd/1", other.id());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for path in [Path::new(&path), &link] {
            let stream = StandardStream::named(path).unwrap().unwrap();
            stream.write("a line\n");
        }
        other.kill().unwrap();
        other.wait().unwrap();
        let written = fs::read_to_string(folder.path().join("out")).unwrap();
        assert_eq!(written, "a line\na line\n");
    }
}
