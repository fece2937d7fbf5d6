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
    stream::{StandardStream, descriptor, opened},
};
use crate::files::{self, FileIdentity};

/// Standard error, and the file if there is one. A stream that is named in place of a file is the only one: where all
/// streams end in one place, as in a container, each line would stand there twice.
#[derive(Debug)]
pub(super) struct LogWriter {
    program: &'static str,
    /// `None`: standard error leads to the file.
    stream: Option<StandardStream>,
    /// The stream is the journal, which has its own clock and reads `<N>` as a priority.
    is_journal: bool,
    file: Option<Mutex<File>>,
    path: PathBuf,
}

impl LogWriter {
    pub(super) fn open(program: &'static str, path: Option<&Path>) -> Result<LogWriter, LogError> {
        let path = path.unwrap_or(Path::new("")).to_path_buf();
        let (stream, file) = if path.as_os_str().is_empty() {
            (Some(StandardStream::Stderr), None)
        } else if let Some(stream) = StandardStream::named(&path) {
            let stream = stream.map_err(open_error(&path))?;
            // A fetcher's standard output is its answer.
            let is_answer = program == "tlsrpt-fetcher" && leads_to(&stream, 1);
            match is_answer || leads_to(&stream, 2) {
                true => (Some(StandardStream::Stderr), None),
                false => (Some(stream), None),
            }
        } else {
            let file = append(&path)?;
            // As OpenRC's error_log and systemd's StandardError=append: make it.
            let stderr = descriptor(2);
            let is_stderr = stderr.is_some() && opened(&file) == stderr;
            let stream = (!is_stderr).then_some(StandardStream::Stderr);
            (stream, Some(Mutex::new(file)))
        };
        let journal = std::env::var("JOURNAL_STREAM").ok();
        let identity = stream.as_ref().and_then(StandardStream::identity);
        Ok(LogWriter {
            program,
            is_journal: is_journal(journal.as_deref(), identity),
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

    /// Writes one line. A closed stream or a full disk must not stop a daemon, so failures are ignored.
    pub(super) fn write(&self, level: Level, text: &str) {
        // One write a line, so that lines of several processes do not mix.
        if let Some(stream) = &self.stream {
            match self.is_journal {
                true => stream.write(&format!("<{}>{text}\n", priority(level))),
                false => stream.write(&self.stamped(level, text)),
            }
        }
        if let Some(file) = &self.file {
            let line = self.stamped(level, text);
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = file.write_all(line.as_bytes());
        }
    }

    /// With the time in UTC, as days are; and it says so.
    fn stamped(&self, level: Level, text: &str) -> String {
        // Nothing depends on the time of a log line, so it is read here and is no argument.
        let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S.%3fZ");
        format!("{now} {} {level} {text}\n", self.program)
    }
}

fn leads_to(stream: &StandardStream, number: u32) -> bool {
    let own = descriptor(number);
    own.is_some() && stream.identity() == own
}

/// The log tells who mails whom: mode 0640 at most, as for databases; and no link leads elsewhere.
fn append(path: &Path) -> Result<File, LogError> {
    files::open_plainly(OpenOptions::new().append(true), path).map_err(open_error(path))
}

fn open_error(path: &Path) -> impl Fn(std::io::Error) -> LogError {
    move |source| LogError::Open {
        path: path.display().to_string(),
        source,
    }
}

/// `JOURNAL_STREAM` names device and inode of the journal's stream. It is inherited, so it counts only when ours leads there.
fn is_journal(journal: Option<&str>, stream: Option<FileIdentity>) -> bool {
    let Some((device, inode)) = journal.and_then(|text| text.split_once(':')) else {
        return false;
    };
    stream.is_some_and(|own| device == own.device.to_string() && inode == own.inode.to_string())
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
        let writer = LogWriter::open("test", Some(&path)).unwrap();
        writer.write(Level::INFO, "first");
        std::fs::rename(&path, folder.path().join("log.1")).unwrap();
        writer.write(Level::INFO, "second");
        writer.reopen().unwrap();
        writer.write(Level::WARN, "third");
        let old = std::fs::read_to_string(folder.path().join("log.1")).unwrap();
        let new = std::fs::read_to_string(&path).unwrap();
        assert!(
            old.contains("first") && old.contains("second") && !old.contains("third"),
            "{old}"
        );
        assert!(new.ends_with("Z test WARN third\n"), "{new}");
    }

    /// As with OpenRC's error_log. The second process is this test again, with its standard error in a file.
    #[test]
    fn a_file_that_is_standard_error_gets_each_line_once() {
        const IN_CHILD: &str = "TLSRPTD_TEST_LOG";
        if let Some(path) = std::env::var_os(IN_CHILD) {
            let writer = LogWriter::open("test", Some(Path::new(&path))).unwrap();
            writer.write(Level::INFO, "once");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let name = "log::writer::tests::a_file_that_is_standard_error_gets_each_line_once";
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(IN_CHILD, &path)
            .stdout(std::process::Stdio::null())
            .stderr(append(&path).unwrap())
            .status()
            .unwrap();
        assert!(status.success());
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(written.matches("INFO once").count(), 1, "{written}");
    }

    #[test]
    fn the_journal_only_when_our_stream_leads_there() {
        let own = descriptor(2).unwrap();
        for (journal, want, why) in [
            (None, false, "not started by systemd"),
            (Some("nonsense".to_owned()), false, "not a pair"),
            (
                Some("1:1".to_owned()),
                false,
                "inherited, standard error since redirected",
            ),
            (
                Some(format!("{}:{}", own.device, own.inode)),
                true,
                "this stream",
            ),
        ] {
            assert_eq!(is_journal(journal.as_deref(), Some(own)), want, "{why}");
        }
    }
}
