//! Where log lines go.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tracing::Level;

use super::{
    LogError,
    stream::{Stream, identity},
};
use crate::files;

/// Standard error, and the file when there is one; or the stream that is named in place of a file, alone: where all streams
/// end in one place, as in a container, each line would stand there twice.
#[derive(Debug)]
pub(super) struct Sink {
    program: &'static str,
    stream: Stream,
    /// The stream is the journal, which has its own clock and reads `<N>` as a priority.
    journal: bool,
    file: Option<Mutex<File>>,
    path: PathBuf,
}

impl Sink {
    pub(super) fn open(program: &'static str, path: Option<&Path>) -> Result<Sink, LogError> {
        let path = path.unwrap_or(Path::new("")).to_path_buf();
        let (stream, file) = if path.as_os_str().is_empty() {
            (Stream::Stderr, None)
        } else if let Some(stream) = Stream::of(&path) {
            (stream.map_err(open_error(&path))?, None)
        } else {
            (Stream::Stderr, Some(Mutex::new(append(&path)?)))
        };
        // A fetcher's standard output is its answer.
        let stream = match stream {
            Stream::Stdout if program == "tlsrpt-fetcher" => Stream::Stderr,
            stream if stream.is_stderr() => Stream::Stderr,
            stream => stream,
        };
        let journal = std::env::var("JOURNAL_STREAM").ok();
        Ok(Sink {
            program,
            journal: is_journal(journal.as_deref(), stream.descriptor()),
            stream,
            file,
            path,
        })
    }

    pub(super) fn reopen(&self) -> Result<(), LogError> {
        if let Some(file) = &self.file {
            let fresh = append(&self.path)?;
            *file.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        Ok(())
    }

    /// Writes one line. A closed standard error or a full disk must not stop a daemon, so failures are let go.
    pub(super) fn write(&self, level: Level, text: &str) {
        let line = if self.journal {
            format!("<{}>{text}\n", priority(level))
        } else {
            self.stamped(level, text)
        };
        // One write a line, so that lines of several processes do not mix.
        self.stream.write(&line);
        if let Some(file) = &self.file {
            let line = if self.journal {
                self.stamped(level, text)
            } else {
                line
            };
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = file.write_all(line.as_bytes());
        }
    }

    /// UTC, as days are; and it says so.
    fn stamped(&self, level: Level, text: &str) -> String {
        // The wall clock of a log line steers nothing, so it is read here.
        let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S.%3fZ");
        format!("{now} {} {level} {text}\n", self.program)
    }
}

/// It tells who mails whom: 0640 at most, as for databases; and no link leads elsewhere.
fn append(path: &Path) -> Result<File, LogError> {
    files::open_plainly(OpenOptions::new().append(true), path).map_err(open_error(path))
}

fn open_error(path: &Path) -> impl Fn(std::io::Error) -> LogError {
    move |source| LogError::Open {
        path: path.display().to_string(),
        source,
    }
}

/// `JOURNAL_STREAM` names device and inode of the stream; it is inherited, so it counts only when they are ours.
fn is_journal(stream: Option<&str>, descriptor: Option<u32>) -> bool {
    let Some((device, inode)) = stream.and_then(|text| text.split_once(':')) else {
        return false;
    };
    let own = descriptor.and_then(identity);
    own.is_some_and(|own| (device, inode) == (&*own.0.to_string(), &*own.1.to_string()))
}

/// The priorities of syslog(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reopen_follows_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let sink = Sink::open("test", Some(&path)).unwrap();
        sink.write(Level::INFO, "first");
        std::fs::rename(&path, folder.path().join("log.1")).unwrap();
        sink.write(Level::INFO, "second");
        sink.reopen().unwrap();
        sink.write(Level::WARN, "third");
        let old = std::fs::read_to_string(folder.path().join("log.1")).unwrap();
        let new = std::fs::read_to_string(&path).unwrap();
        assert!(
            old.contains("first") && old.contains("second") && !old.contains("third"),
            "{old}"
        );
        assert!(new.ends_with("Z test WARN third\n"), "{new}");
    }

    #[test]
    fn journal_only_when_it_is_ours() {
        let own = identity(2).unwrap();
        for (stream, want, why) in [
            (None, false, "not started by systemd"),
            (Some("nonsense".to_owned()), false, "not a pair"),
            (
                Some("1:1".to_owned()),
                false,
                "inherited, standard error since redirected",
            ),
            (Some(format!("{}:{}", own.0, own.1)), true, "this stream"),
        ] {
            assert_eq!(is_journal(stream.as_deref(), Some(2)), want, "{why}");
        }
    }
}
