//! Reports as files: `directory:` destinations and `debug_send_file_dest`.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use super::mark::mark;
use super::{Destination, Outcome, StoredReport};

/// Writes a report into the folder that a map names.
pub(super) fn deliver(report: &StoredReport, destination: &Destination, folder: &str) -> Outcome {
    let path = Path::new(folder);
    // A substitution may have put a stranger's text here.
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        let reason = format!("{folder}: only absolute paths without .. are allowed");
        return Outcome::Refused { reason };
    }
    let mark = mark(report, &destination.uri);
    let name = file_name(&[
        "tlsrpt-",
        report.domain.as_str(),
        "-",
        &id(report),
        "-",
        &mark[..16],
        ".json",
    ]);
    match write(path, &name, report.json.as_bytes()) {
        Ok(path) => Outcome::Sent {
            detail: path.display().to_string(),
        },
        Err(error) => Outcome::retry(format!("{}: {error}", path.join(name).display())),
    }
}

/// `debug_send_file_dest`: a copy of the report, and of its mail if there is one.
pub(super) fn save_copy(
    folder: &Path,
    report: &StoredReport,
    destination: &Destination,
    mail: Option<&[u8]>,
) {
    let id = id(report);
    let copy = |prefix: &str, what: &str, content: &[u8]| {
        let name = file_name(&[
            "testreport-",
            report.domain.as_str(),
            "-",
            &id,
            "-",
            prefix,
            what,
            ".json",
        ]);
        if let Err(error) = write(folder, &name, content) {
            let path = folder.join(name);
            tracing::error!(path = %path.display(), %error, "debug_send_file_dest cannot be written");
        }
    };
    copy("", &destination.uri, report.json.as_bytes());
    if let Some(mail) = mail {
        let address = destination
            .uri
            .strip_prefix("mailto:")
            .unwrap_or(&destination.uri);
        copy("THE_EMAIL_TO_", address, mail);
    }
}

/// The ID of a report in a file's name: day and number, as in its report-id.
fn id(report: &StoredReport) -> String {
    format!("{}_idx{}", report.day, report.uniqid)
}

/// One file name of parts, the longest shortened where all would be over the 255 octets of a
/// name: room is left for the temporary one's ending.
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

/// No slash, nothing invisible, ASCII alone.
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

/// Under its name only when it is whole.
fn write(folder: &Path, name: &str, content: &[u8]) -> std::io::Result<PathBuf> {
    let path = folder.join(name);
    let unfinished = folder.join(format!("{name}.tmp"));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, &path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::deliver::{Origin, sample};

    fn to(uri: &str) -> Destination {
        Destination {
            uri: uri.to_owned(),
            origin: Origin::Operator,
        }
    }

    #[test]
    fn a_retry_writes_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let destination = to(&format!("directory:{path}"));
        for _ in 0..2 {
            let outcome = deliver(&sample::report(), &destination, path);
            assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
        }
        let files: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|file| file.unwrap())
            .collect();
        assert_eq!(files.len(), 1);
        let name = files[0].file_name().into_string().unwrap();
        assert!(name.starts_with("tlsrpt-example.com-2026-11-20_idx7-") && name.ends_with(".json"));
        assert_eq!(
            std::fs::read_to_string(files[0].path()).unwrap(),
            sample::report().json
        );
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o137, 0);
    }

    #[test]
    fn folders_that_are_not_there_or_not_allowed() {
        let report = sample::report();
        for (folder, expected) in [
            ("/nonexistent/folder", "retry"),
            ("relative", "refused"),
            ("/tmp/../etc", "refused"),
            ("", "refused"),
        ] {
            let outcome = deliver(&report, &to("directory:x"), folder);
            assert_eq!(
                matches!(outcome, Outcome::Refused { .. }),
                expected == "refused",
                "{folder}"
            );
        }
    }

    #[test]
    fn copies_have_the_peers_names() {
        let folder = tempfile::tempdir().unwrap();
        save_copy(
            folder.path(),
            &sample::report(),
            &to("mailto:a/b@x.example"),
            Some(b"mail"),
        );
        save_copy(
            folder.path(),
            &sample::report(),
            &to("https://x.example/u?v"),
            None,
        );
        let start = "testreport-example.com-2026-11-20_idx7-";
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

    #[test]
    fn long_names_are_shortened() {
        let long = "x".repeat(253);
        let name = file_name(&["tlsrpt-", &long, "-", "id", ".json"]);
        assert_eq!(name.len(), 250);
        assert!(name.starts_with("tlsrpt-xxx") && name.ends_with("-id.json"));
    }
}
