//! Whose programs a case looks at.

use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::theirs::Theirs;

/// The programs under test.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    Ours,
    Theirs(Theirs),
}

impl Subject {
    /// Those that this run is about: `SUBJECT` names one, otherwise both. Theirs are skipped, by the name of the running test,
    /// where they are not installed.
    pub(super) fn all() -> Vec<Subject> {
        let named = std::env::var("SUBJECT").unwrap_or_default();
        assert!(
            ["", "ours", "theirs"].contains(&named.as_str()),
            "SUBJECT={named} (allowed: ours, theirs)"
        );
        let mut subjects = Vec::new();
        if named != "theirs" {
            subjects.push(Subject::Ours);
        }
        if named != "ours" {
            subjects.extend(Theirs::or_skip().map(Subject::Theirs));
        }
        subjects
    }

    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Subject::Ours)
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Subject::Ours => "ours",
            Subject::Theirs(_) => "theirs",
        }
    }

    /// One of its programs: the names are the same.
    pub(super) fn program(&self, name: &str, folder: &std::path::Path) -> Program {
        match self {
            Subject::Ours => Program::ours(name, folder),
            Subject::Theirs(theirs) => theirs.peer(name, folder),
        }
    }
}
