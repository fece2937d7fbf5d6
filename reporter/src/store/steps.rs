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
        let table = table.take_while(|line| !line.starts_with("## "));
        let rows = table.filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        let steps: Vec<String> = Step::ALL.iter().map(|step| format!("{step:?}")).collect();
        assert_eq!(rows.skip(1).collect::<Vec<_>>(), steps);
        assert_eq!(Step::ALL.len(), Step::DigestRecorded as usize + 1);
    }

    /// Names in backticks of a column of the tables of both engines.
    fn named(column: usize) -> Vec<&'static str> {
        let (_, tables) = include_str!("STEPS.md").split_once("\n## ").unwrap();
        let rows = tables.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.flat_map(|row| row.split('|').nth(column));
        cells
            .flat_map(|cell| cell.split('`').skip(1).step_by(2))
            .collect()
    }

    /// What a schema makes, in the order of the alphabet.
    fn made<'s>(schema: &[&'s str]) -> Vec<&'s str> {
        let statements = schema
            .iter()
            .flat_map(|part| part.split("CREATE TABLE ").skip(1));
        let names = statements.map(|statement| {
            let statement = statement.trim_start_matches("IF NOT EXISTS ");
            let statement = statement.trim_start_matches("tlsrpt.");
            statement.split('(').next().unwrap_or_default()
        });
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_tables_of_a_fleet_are_named_once() {
        let parts = [
            include_str!("../../../fleet/src/schema/fleet.sql"),
            include_str!("../../../fleet/src/schema/counts.sql"),
            include_str!("../../../fleet/src/schema/composing.sql"),
            include_str!("../../../fleet/src/schema/delivering.sql"),
            include_str!("../../../fleet/src/schema/history.sql"),
        ];
        let mut named = named(1);
        named.sort_unstable();
        let mut made = made(&parts);
        // Made before the others, by the program.
        made.push("meta");
        made.sort_unstable();
        assert_eq!(named, made);
    }

    #[test]
    fn the_tables_of_sqlite_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.sqlite");
        let store = crate::store::sqlite::SqliteStore::open(&file, false, None).unwrap();
        store.close().unwrap();
        let db = rusqlite::Connection::open(&file).unwrap();
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1";
        let mut select = db.prepare(sql).unwrap();
        let made: Vec<String> = select
            .query_map([], |row| row.get(0))
            .unwrap()
            .flatten()
            .collect();
        let mut named = named(3);
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, made);
    }
}
