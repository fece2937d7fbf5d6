use super::*;

fn job(index: i64, command: &str) -> DayJob {
    DayJob {
        index,
        command: command.to_owned(),
        place: index,
        stage: JobStage::Waiting,
        is_decided: false,
        has_told: false,
    }
}

/// As the settings have them, in their order.
fn collectors(commands: &[&str]) -> Vec<CollectorCommand> {
    let collector = |(index, command): (i64, &&str)| CollectorCommand {
        index,
        command: (*command).to_owned(),
    };
    (1..).zip(commands).map(collector).collect()
}

/// Pairs of job and collector, once for the same and once for a new name; then the new, then the gone.
type Expected = (
    &'static [(usize, usize)],
    &'static [(usize, usize)],
    &'static [usize],
    &'static [usize],
);

#[test]
fn a_collector_is_its_commands_words() {
    let rows: &[(&[&str], Expected, &str)] = &[
        (
            &["a x", "b"],
            (&[(0, 0), (1, 1)], &[], &[], &[]),
            "as it was",
        ),
        (
            &["b", "a x"],
            (&[(1, 0), (0, 1)], &[], &[], &[]),
            "in another order",
        ),
        (
            &[" a\t x ", "  b"],
            (&[(0, 0), (1, 1)], &[], &[], &[]),
            "other white space",
        ),
        (&["b"], (&[(1, 0)], &[], &[], &[0]), "the first is removed"),
        (&["a x"], (&[(0, 0)], &[], &[], &[1]), "the last is removed"),
        (
            &["a x", "b", "c"],
            (&[(0, 0), (1, 1)], &[], &[2], &[]),
            "one more",
        ),
        (
            &["c", "a x", "b"],
            (&[(0, 1), (1, 2)], &[], &[0], &[]),
            "one more in front: nobody has changed its name",
        ),
        (
            &["a y", "b"],
            (&[(1, 1)], &[(0, 0)], &[], &[]),
            "another word in place: a new name",
        ),
        (
            &["b", "c"],
            (&[(1, 0)], &[], &[1], &[0]),
            "the first removed, another one behind",
        ),
        (
            &["c", "d"],
            (&[], &[(0, 0), (1, 1)], &[], &[]),
            "both in place",
        ),
        (
            &["A x", "b"],
            (&[(1, 1)], &[(0, 0)], &[], &[]),
            "a command has case",
        ),
    ];
    for (commands, (same, renamed, new, gone), why) in rows {
        let found = match_jobs(&[job(1, " a x"), job(2, "b")], &collectors(commands));
        let expected = JobMatch {
            same: same.to_vec(),
            renamed: renamed.to_vec(),
            new: new.to_vec(),
            gone: gone.to_vec(),
        };
        assert_eq!(found, expected, "{why}");
    }
}

#[test]
fn the_place_is_that_of_the_last_time() {
    // They were swapped before: the first job's collector stands behind.
    let mut jobs = [job(1, "a"), job(2, "b")];
    (jobs[0].place, jobs[1].place) = (2, 1);
    let found = match_jobs(&jobs, &collectors(&["b", "new-name-of-a"]));
    assert_eq!((found.same, found.renamed), (vec![(1, 0)], vec![(0, 1)]));
}

#[test]
fn one_collector_has_one_job() {
    let jobs = [job(1, "a"), job(2, " a")];
    let found = match_jobs(&jobs, &collectors(&["a"]));
    assert_eq!((found.same, found.gone), (vec![(0, 0)], vec![1]));
}
