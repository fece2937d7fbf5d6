//! Folders that systemd-tmpfiles makes when the system starts: in a root that does not run, an image say, they are not there yet.

use std::{fs, path::Path};

/// It is there while systemd runs (sd_booted(3)).
const RUNNING: &str = "/run/systemd/system";
const RULES: [&str; 3] = ["/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/lib/tmpfiles.d"];

/// Whether the folder will be there when the system has started.
pub(super) fn makes(folder: &Path) -> bool {
    let mut rules = RULES.iter().map(Path::new);
    !Path::new(RUNNING).exists() && rules.any(|rules| have_rule(rules, folder))
}

fn have_rule(rules: &Path, folder: &Path) -> bool {
    let files = fs::read_dir(rules).into_iter().flatten().flatten();
    let mut files = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "conf"));
    files.any(|path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().any(|line| is_rule(line, folder))
    })
}

/// A line of tmpfiles.d(5): its kind, then the path.
fn is_rule(line: &str, folder: &Path) -> bool {
    let mut words = line.split_whitespace();
    let is_made = words
        .next()
        .is_some_and(|kind| kind.starts_with(['d', 'D']));
    is_made && words.next().is_some_and(|path| Path::new(path) == folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_by_rule() {
        let rules = tempfile::tempdir().unwrap();
        let text = "# d /run/comment\nd /run/made 0755 x x\nD! /run/emptied/ - - -\nf /run/file\n";
        fs::write(rules.path().join("a.conf"), text).unwrap();
        fs::write(rules.path().join("b.conf.old"), "d /run/old\n").unwrap();
        for (folder, is_made) in [
            ("/run/made", true),
            ("/run/emptied", true),
            ("/run/comment", false),
            ("/run/file", false),
            ("/run/old", false),
            ("/run", false),
        ] {
            assert_eq!(
                have_rule(rules.path(), Path::new(folder)),
                is_made,
                "{folder}"
            );
        }
        assert!(!have_rule(
            &rules.path().join("none"),
            Path::new("/run/made")
        ));
    }
}
