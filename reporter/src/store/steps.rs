//! The steps of a row's life: each is one transaction.
#![doc = include_str!("STEPS.md")]

/// A step in the life of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // the table says what each is
pub enum Step {
    Made,
    JobsMade,
    ListStored,
    RowsStored,
    JobAnswered,
    JobFailed,
    JobGivenUp,
    Decided,
    MxDecided,
    DayDecided,
    Started,
    Recorded,
    RequestStarted,
    RequestRecorded,
    BounceApplied,
    Released,
    Reopened,
    Cleaned,
    TimeNoted,
    DigestMade,
    DigestRecorded,
}

impl Step {
    /// All of them, in the order of the table.
    pub const ALL: &[Step] = &[
        Step::Made,
        Step::JobsMade,
        Step::ListStored,
        Step::RowsStored,
        Step::JobAnswered,
        Step::JobFailed,
        Step::JobGivenUp,
        Step::Decided,
        Step::MxDecided,
        Step::DayDecided,
        Step::Started,
        Step::Recorded,
        Step::RequestStarted,
        Step::RequestRecorded,
        Step::BounceApplied,
        Step::Released,
        Step::Reopened,
        Step::Cleaned,
        Step::TimeNoted,
        Step::DigestMade,
        Step::DigestRecorded,
    ];
}

/// The side of the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommitSide {
    /// The step is done but not committed: a stop here undoes it.
    Before,
    /// The step is committed.
    After,
}

/// Sees every step before and after its commit, and says how it continues. Only tests have one.
pub type CommitHook = Box<dyn FnMut(Step, CommitSide) -> HookVerdict + Send>;

/// What a [`CommitHook`] makes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookVerdict {
    /// The step continues.
    Continue,
    /// Before the commit: the disk is full, and the step is undone. After it, nothing can fail any more.
    Fail,
    /// The reporter stops here, as in a crash.
    Crash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_step_once() {
        let table = include_str!("STEPS.md").lines();
        let rows = table.filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        let steps: Vec<String> = Step::ALL.iter().map(|step| format!("{step:?}")).collect();
        assert_eq!(rows.skip(1).collect::<Vec<_>>(), steps);
        assert_eq!(Step::ALL.len(), Step::DigestRecorded as usize + 1);
    }
}
