//! Reports as files: `directory:` destinations and `debug_send_file_dest`.
//!
//! A folder may be on a file server that hangs. Files are written on blocking threads, a few at a time, and given up after
//! a time-out.

use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use tlsrptd_service::files;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Outcome;
use super::fingerprint::fingerprint;
use crate::model::{Destination, StoredReport};

/// Time limit for writing one file.
const TIME: Duration = Duration::from_secs(30);
/// Files written at the same time.
const MAX_WRITES: usize = 8;
/// A write that hangs keeps its permit, so that retries do not pile up threads.
static PLACES: Semaphore = Semaphore::const_new(MAX_WRITES);

/// Writes a report into the folder that a map names.
pub(super) async fn deliver(
    report: &StoredReport,
    destination: &Destination,
    folder: &Path,
) -> Outcome {
    // A map's substitution may have put the record's text here.
    if !folder.is_absolute() || folder.components().any(|part| part == Component::ParentDir) {
        let reason = format!(
            "{}: only absolute paths without .. are allowed",
            folder.display()
        );
        return Outcome::Unsendable { reason };
    }
    let fingerprint = fingerprint(report, destination.uri());
    let name = file_name(&[
        "tlsrpt-",
        report.domain.as_str(),
        "-",
        &id(report),
        "-",
        &fingerprint[..16],
        ".json",
    ]);
    match write(folder, &name, report.json.as_bytes(), TIME).await {
        Ok(path) => Outcome::Sent {
            detail: path.display().to_string(),
        },
        Err(error) => Outcome::retry(format!("{}: {error}", folder.join(name).display())),
    }
}

/// `debug_send_file_dest`: a copy of the report, and of its mail if there is one.
pub(super) async fn save_copy(
    folder: &Path,
    report: &StoredReport,
    destination: &Destination,
    mail: Option<&[u8]>,
) {
    let uri = destination.uri();
    let address = uri.strip_prefix("mailto:").unwrap_or(uri);
    let mail = mail.map(|mail| ("THE_EMAIL_TO_", address, mail));
    let copies = [Some(("", uri, report.json.as_bytes())), mail];
    for (prefix, what, content) in copies.into_iter().flatten() {
        let name = file_name(&[
            "testreport-",
            report.domain.as_str(),
            "-",
            &id(report),
            "-",
            prefix,
            what,
            ".json",
        ]);
        if let Err(error) = write(folder, &name, content, TIME).await {
            let path = folder.join(name);
            tracing::error!(path = %path.display(), %error, "debug_send_file_dest cannot be written");
        }
    }
}

/// The ID of a report in a file's name: day, number and installation, as in its report-id. Several hosts may write into
/// one folder.
fn id(report: &StoredReport) -> String {
    report.installation.report_stem(report.day, report.uniqid)
}

/// Joins parts to a file name. If the whole exceeds the 255 octets of a name, less the suffix of the temporary file, the
/// longest part is shortened.
fn file_name(parts: &[&str]) -> String {
    const MAX: usize = 250;
    let mut parts: Vec<String> = parts.iter().map(|part| safe(part)).collect();
    let mut excess = parts
        .iter()
        .map(String::len)
        .sum::<usize>()
        .saturating_sub(MAX);
    while excess > 0 {
        let Some(longest) = parts.iter_mut().max_by_key(|part| part.len()) else {
            break;
        };
        longest.pop();
        excess -= 1;
    }
    parts.concat()
}

/// Printable ASCII without slashes; other characters become `_`.
fn safe(text: &str) -> String {
    text.chars()
        .map(|c| {
            if matches!(c, '!'..='~') && c != '/' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// Writes a file within `time`.
async fn write(folder: &Path, name: &str, content: &[u8], time: Duration) -> io::Result<PathBuf> {
    let (folder, name, content) = (folder.to_owned(), name.to_owned(), content.to_owned());
    let written = async {
        // The semaphore is never closed.
        let place = PLACES.acquire().await.map_err(io::Error::other)?;
        let write = move || {
            let _place = place;
            write_now(&folder, &name, &content)
        };
        tokio::task::spawn_blocking(write).await?
    };
    timeout(time, written).await.unwrap_or_else(|_| {
        let reason = format!("not written within {} s", time.as_secs_f64());
        Err(io::Error::new(io::ErrorKind::TimedOut, reason))
    })
}

/// Writes to a temporary name and renames: a file under its final name is complete.
fn write_now(folder: &Path, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    let path = folder.join(name);
    let unfinished = folder.join(format!("{name}.tmp"));
    let mut file = files::make_anew(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, &path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::deliver::fixtures;
    use crate::model::NamedBy;

    fn to(uri: &str) -> Destination {
        Destination::new(uri, NamedBy::Operator)
    }

    #[tokio::test]
    async fn a_retry_writes_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let destination = to(&format!("directory:{path}"));
        for _ in 0..2 {
            let outcome = deliver(&fixtures::report(), &destination, folder.path()).await;
            assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
        }
        let files: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|file| file.unwrap())
            .collect();
        assert_eq!(files.len(), 1);
        let name = files[0].file_name().into_string().unwrap();
        assert!(
            name.starts_with("tlsrpt-example.com-2026-11-20_idx7-0123456789abcdef-")
                && name.ends_with(".json")
        );
        assert_eq!(
            std::fs::read_to_string(files[0].path()).unwrap(),
            fixtures::report().json
        );
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o137, 0);
    }

    #[tokio::test]
    async fn folders_that_are_not_there_or_not_allowed() {
        let report = fixtures::report();
        for (folder, expected) in [
            ("/nonexistent/folder", "retry"),
            ("relative", "unsendable"),
            ("/tmp/../etc", "unsendable"),
            ("", "unsendable"),
        ] {
            let outcome = deliver(&report, &to("directory:x"), Path::new(folder)).await;
            assert_eq!(
                matches!(outcome, Outcome::Unsendable { .. }),
                expected == "unsendable",
                "{folder}"
            );
        }
    }

    #[tokio::test]
    async fn copies_have_sys4s_names() {
        let folder = tempfile::tempdir().unwrap();
        save_copy(
            folder.path(),
            &fixtures::report(),
            &to("mailto:a/b@x.example"),
            Some(b"mail"),
        )
        .await;
        save_copy(
            folder.path(),
            &fixtures::report(),
            &to("https://x.example/u?v"),
            None,
        )
        .await;
        let start = "testreport-example.com-2026-11-20_idx7-0123456789abcdef-";
        for name in [
            "mailto:a_b@x.example",
            "THE_EMAIL_TO_a_b@x.example",
            "https:__x.example_u?v",
        ] {
            assert!(
                folder.path().join(format!("{start}{name}.json")).exists(),
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn a_folder_that_hangs_is_left() {
        let folder = tempfile::tempdir().unwrap();
        // As many as may write at once do, and do not end.
        let _hanging = PLACES.acquire_many(MAX_WRITES as u32).await.unwrap();
        let time = Duration::ZERO;
        let error = write(folder.path(), "name", b"x", time).await.unwrap_err();
        assert_eq!(error.to_string(), "not written within 0 s");
    }

    #[test]
    fn long_names_are_shortened() {
        let long = "x".repeat(253);
        let name = file_name(&["tlsrpt-", &long, "-", "id", ".json"]);
        assert_eq!(name.len(), 250);
        assert!(name.starts_with("tlsrpt-xxx") && name.ends_with("-id.json"));
    }
}
