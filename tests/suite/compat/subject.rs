//! Whose programs a case looks at.

use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::sys4::Sys4;

/// The programs under test.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    Ours,
    Theirs(Sys4),
}

impl Subject {
    /// Those that this run is about: `SUBJECT` names one, otherwise both. Theirs are skipped, by the name of the running test,
    /// where they are not installed.
    pub(super) fn all() -> Vec<Subject> {
        let named = std::env::var("SUBJECT").unwrap_or_default();
        assert!(
            ["", "ours", "sys4"].contains(&named.as_str()),
            "SUBJECT={named} (allowed: ours, sys4)"
        );
        let mut subjects = Vec::new();
        if named != "sys4" {
            subjects.push(Subject::Ours);
        }
        if named != "ours" {
            subjects.extend(Sys4::or_skip().map(Subject::Theirs));
        }
        subjects
    }

    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Subject::Ours)
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Subject::Ours => "ours",
            Subject::Theirs(_) => "sys4",
        }
    }

    /// One of its programs: the names are the same.
    pub(super) fn program(&self, name: &str, folder: &std::path::Path) -> Program {
        match self {
            Subject::Ours => Program::ours(name, folder),
            Subject::Theirs(sys4) => sys4.program(name, folder),
        }
    }
}
