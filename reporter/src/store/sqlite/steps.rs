//! The table of states: who moves each row, in which transaction, and what a crash leaves.

/// A step in the life of a row; each is one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // `STEPS` says what each is
pub enum Step {
    Made,
    JobsMade,
    ListStored,
    RowsStored,
    JobAnswered,
    JobFailed,
    JobGivenUp,
    Decided,
    DayDecided,
    Started,
    Recorded,
    Released,
    Reopened,
    Cleaned,
    TimeNoted,
}

/// The side of the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommitSide {
    /// The step is done but not committed: a stop here undoes it.
    Before,
    /// The step is committed.
    After,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct StepRow {
    /// The step.
    pub step: Step,
    /// The table whose rows it moves.
    pub rows: &'static str,
    /// The state before.
    pub from: &'static str,
    /// The state after.
    pub to: &'static str,
    /// Who does it.
    pub by: &'static str,
    /// What a crash just before the commit leaves, and what the next start makes of it.
    pub crash: &'static str,
}

const fn row(
    step: Step,
    rows: &'static str,
    from: &'static str,
    to: &'static str,
    by: &'static str,
    crash: &'static str,
) -> StepRow {
    StepRow {
        step,
        rows,
        from,
        to,
        by,
        crash,
    }
}

/// All steps. ARCHITECTURE.md shows this table.
pub const STEPS: &[StepRow] = &[
    row(
        Step::Made,
        "all",
        "no tables",
        "empty tables",
        "open",
        "an empty file; set up again",
    ),
    row(
        Step::JobsMade,
        "fetchjobs",
        "none; waiting, and its collector was taken out of the settings",
        "waiting; removed",
        "gather",
        "no jobs for the day, or the settings of before; made again",
    ),
    row(
        Step::ListStored,
        "reportdata",
        "none",
        "listed",
        "gather",
        "part of sys4's list; asked for again",
    ),
    row(
        Step::RowsStored,
        "reportdata",
        "none or listed",
        "set aside (listed, its data in our column) while another collector is waited for, else fetched; timedout when too long",
        "gather",
        "part of the answer; the job is still waiting and fills in the rest",
    ),
    row(
        Step::JobAnswered,
        "fetchjobs",
        "waiting",
        "answered",
        "gather",
        "all rows are there, the job is still waiting; asked again, rows replaced by equal ones",
    ),
    row(
        Step::JobFailed,
        "fetchjobs",
        "waiting",
        "waiting, later",
        "gather",
        "an attempt that is not counted",
    ),
    row(
        Step::JobGivenUp,
        "fetchjobs",
        "waiting",
        "timedout",
        "gather",
        "the job is still waiting and past its deadline; given up again",
    ),
    row(
        Step::Decided,
        "reports, destinations, reportdata",
        "none; fetched or set aside",
        "report with pending or suppressed destinations, or reason without; fetched, its data used and gone",
        "compose",
        "domains without a row in reports; composed again from the same rows: the same bytes",
    ),
    row(
        Step::DayDecided,
        "fetchjobs, and the last of Decided",
        "answered, given up or removed",
        "ok, timedout or removed",
        "compose",
        "a day whose last domains, if any, are composed again",
    ),
    row(
        Step::Started,
        "destinations",
        "pending",
        "in hand",
        "deliver",
        "a pending delivery that nobody began",
    ),
    row(
        Step::Recorded,
        "destinations, reports",
        "in hand",
        "sent, pending later, refused, suppressed, timedout, expired or unknownrua; with the last of them the report's bytes go",
        "deliver",
        "in hand: the outcome is unknown, the attempt is repeated with the same bytes (the only possible duplicate)",
    ),
    row(
        Step::Released,
        "destinations",
        "in hand, or pending with times of another clock",
        "pending",
        "open, deliver, daemon when the clock has moved",
        "still in hand; released at the next start",
    ),
    row(
        Step::Reopened,
        "fetchjobs",
        "timedout, or removed and back in the settings; told early, or grown since",
        "waiting",
        "daemon, once a day, and when a collector tells of an addition",
        "still as it was; asked once more tomorrow or after the next start",
    ),
    row(
        Step::Cleaned,
        "all",
        "final and older than keep_days",
        "gone",
        "daemon",
        "old rows; cleaned at the next turn",
    ),
    row(
        Step::TimeNoted,
        "tlsrptd_clock",
        "an earlier time",
        "now",
        "daemon, once an hour and at the end",
        "an earlier time, against which the next start holds its clock",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_row_once() {
        let steps: std::collections::BTreeSet<Step> = STEPS.iter().map(|row| row.step).collect();
        assert_eq!(steps.len(), STEPS.len());
        assert_eq!(STEPS.len(), Step::TimeNoted as usize + 1);
    }

    #[test]
    fn architecture_shows_this_table() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../ARCHITECTURE.md");
        let text = std::fs::read_to_string(file).expect("ARCHITECTURE.md stands at the top");
        for row in STEPS {
            let line = format!(
                "| {:?} | {} | {} | {} | {} | {} |",
                row.step, row.rows, row.from, row.to, row.by, row.crash
            );
            assert!(text.contains(&line), "ARCHITECTURE.md lacks:\n{line}");
        }
    }
}
