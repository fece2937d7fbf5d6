//! Jobs and what collectors answer, up to the decision.

use crate::{
    at, day, decision,
    environment::{counted, each_engine, folder, lines, or_dash, settings, stored},
    jobs, open,
};

#[each_engine]
fn a_job_from_waiting_to_decided() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let made = jobs(&mut *store, &["one", "two"]);
    assert_eq!(made.len(), 2);
    assert_eq!(jobs(&mut *store, &["one", "two"]).len(), 2, "made once");
    store
        .job_failed(&made[0], at("21T00:00:30"), "not ready")
        .unwrap();
    assert_eq!(
        store.due_jobs(at("21T00:00:10")).unwrap().len(),
        1,
        "the other one"
    );
    assert_eq!(
        store.next_job(at("21T00:00:10")).unwrap(),
        Some(at("21T00:00:30"))
    );
    assert_eq!(store.due_jobs(at("21T00:00:30")).unwrap()[0].failures, 1);
    store
        .store_rows(&made[0], &[counted("a.example", 1)], at("21T00:00:31"))
        .unwrap();
    store
        .store_rows(&made[0], &[counted("a.example", 5)], at("21T00:00:31"))
        .unwrap();
    store
        .job_answered(&made[0], None, at("21T00:00:31"))
        .unwrap();
    assert!(
        store.gathered_days().unwrap().is_empty(),
        "the other one is waited for"
    );
    store
        .job_given_up(&made[1], at("21T06:00:00"), "deadline")
        .unwrap();
    assert_eq!(store.gathered_days().unwrap().len(), 1);
    let found = store.undecided(day(), None, 10, 1 << 20).unwrap();
    assert_eq!(found.len(), 1);
    assert!(
        found[0].rows[0]
            .data
            .as_deref()
            .unwrap()
            .contains("\"cntrtotal\": 5"),
        "replaced, not added"
    );
    let status = || lines(&stored(&settings).jobs, |row| row.status().to_owned());
    assert_eq!(
        status(),
        ["-", "-"],
        "for sys4 there is work until the last report is stored"
    );
    let mut decided = decision("a.example", &[], at("21T06:00:00"));
    decided.rows.used = vec!["one".to_owned()];
    store
        .close_day(day(), &[decided], at("21T06:00:00"))
        .unwrap();
    assert_eq!(status(), ["ok", "timedout"]);
    assert_eq!(
        store
            .store_rows(
                &made[1],
                &[counted("a.example", 9), counted("b.example", 1)],
                at("21T09:00:00")
            )
            .unwrap(),
        1
    );
    assert_eq!(
        lines(&stored(&settings).data, |row| format!(
            "{} {}",
            row.domain,
            row.status()
        )),
        ["a.example fetched", "a.example late", "b.example fetched"]
    );
}

#[each_engine]
fn a_command_that_is_corrected_in_place_takes_its_job_over() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    assert_eq!(jobs(&mut *store, &["tpyo", "two"])[0].command, "tpyo");
    assert_eq!(jobs(&mut *store, &["typo", "two"])[0].command, "typo");
    let job = jobs(&mut *store, &["typo", "two"]).remove(0);
    store
        .store_rows(&job, &[counted("a.example", 1)], at("21T00:00:00"))
        .unwrap();
    assert_eq!(
        jobs(&mut *store, &["other", "two"])[0].command,
        "other",
        "what it brought has its new name"
    );
    assert_eq!(stored(&settings).data[0].command, "other");
}

#[each_engine]
fn domains_are_read_within_a_bound_of_bytes() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let made = jobs(&mut *store, &["one", "two"]);
    let now = at("21T00:00:00");
    for job in &made {
        let rows = ["a.example", "b.example", "c.example"].map(|domain| counted(domain, 1));
        store.store_rows(job, &rows, now).unwrap();
    }
    store.normalize_domains(day(), now).unwrap();
    let size = 2 * counted("a.example", 1).data.len();
    for (bytes, want, why) in [
        (1, 1, "one is always read, and whole"),
        (size, 1, "no room"),
        (size + 1, 2, "the one that begins in the room"),
        (1 << 20, 3, "room for all"),
    ] {
        let found = store.undecided(day(), None, 10, bytes).unwrap();
        assert_eq!(found.len(), want, "{why}");
        assert!(found.iter().all(|domain| domain.size() == size), "{why}");
    }
}

#[each_engine]
fn a_domain_that_is_too_large_is_done_with() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let job = jobs(&mut *store, &["one"]).remove(0);
    let now = at("21T00:00:00");
    store
        .store_list(&job, &["large.example".to_owned()], now)
        .unwrap();
    store
        .store_unusable(&job, "large.example", "too long", now)
        .unwrap();
    assert!(store.unfetched(&job, "", 10).unwrap().is_empty());
    store.job_answered(&job, None, now).unwrap();
    store.close_day(day(), &[], now).unwrap();
    let reopened = store.reopen_given_up(&[day()].into(), &[], now).unwrap();
    assert!(reopened.is_empty());
    let data = stored(&settings).data;
    assert_eq!(
        (data[0].status(), or_dash(&data[0].reason)),
        ("timedout", "too long"),
        "its job is done"
    );
    store
        .store_rows(&job, &[counted("large.example", 1)], now)
        .unwrap();
    assert_eq!(
        store.undecided(day(), None, 10, 1 << 20).unwrap().len(),
        1,
        "unless it comes after all"
    );
}
