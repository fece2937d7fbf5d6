//! A domain that nobody has counted, and today's.

use super::*;

/// A collector, and what it told.
type Answered<'a> = (&'a str, Result<(u64, u64), &'a str>);

#[test]
fn a_domain_that_nobody_has_counted() {
    let state = |jobs: Vec<JobState>, is_decided| DomainDayState {
        jobs,
        is_decided,
        ..DomainDayState::default()
    };
    let answered = || state(vec![job("one", JobStage::Answered)], true);
    let none = LookupResult::OptedOut("no such name in DNS".to_owned());
    let record = lookup::from_texts(&["v=TLSRPTv1; rua=mailto:x@a.test".to_owned()]);
    let conditions = crate::answers::why::unseen::WHAT_IS_COUNTED;
    let counted_today = CountedToday {
        collectors: vec![CollectorToday {
            command: "one".to_owned(),
            told: Ok((4, 0)),
        }],
        rows: Vec::new(),
    };
    #[rustfmt::skip]
    let table = [
        (Why { record: Some(none.clone()), ..why(answered()) },
         "no collector has counted a session with it; it asks for no reports: DNS has no name _smtp._tls.a.test (NXDOMAIN), and Postfix counts sessions with domains that have a record".to_owned(), "no record"),
        (Why { record: Some(record), ..why(answered()) },
         format!("no collector has counted a session with it; DNS has a TLSRPT record of it; {conditions}"), "a record, no session"),
        (Why { record: Some(LookupResult::Unknown("SERVFAIL".to_owned())), ..why(answered()) },
         format!("no collector has counted a session with it; DNS did not answer whether it wants reports (SERVFAIL); {conditions}"), "DNS fails"),
        (Why { last_counted: Some(day("2026-11-18")), ..why(answered()) },
         "no collector has counted a session with it; it was last counted on 2026-11-18".to_owned(), "seldom"),
        (Why { relatives: vec!["mail.a.test".to_owned()], last_counted: Some(day("2026-11-18")), ..why(answered()) },
         "no collector has counted a session with it; it was last counted on 2026-11-18; sessions were counted with mail.a.test: every mail domain has reports of its own".to_owned(), "the host's name, or the domain's"),
        (Why { counted_today: Some(counted_today), last_counted: Some(day("2026-11-18")), ..why(answered()) },
         "no collector has counted a session with it; 4 sessions have been counted today; it was last counted on 2026-11-18".to_owned(), "today's"),
        (why(state(vec![job("one", JobStage::Waiting)], false)),
         format!("no collector that has answered so far has counted a session with it; collector one has not answered yet and is asked at 2026-11-21 09:05 UTC; {conditions}"), "gathering"),
        (why(state(Vec::new(), true)),
         format!("that day was decided on, and its rows have been removed since (keep_days); {conditions}"), "cleaned"),
        (why(state(Vec::new(), false)),
         format!("collectors were never asked for that day: tlsrpt-reportd has not run since, or the day is older than keep_days; {conditions}"), "never asked"),
    ];
    assert_said(
        table
            .iter()
            .map(|(why, want, reason)| (why.clone(), want.as_str(), *reason))
            .collect(),
    );
}

#[test]
fn today() {
    let today = |counted: Vec<Answered<'_>>, preview: Option<Preview>| Why {
        day: day("2026-11-21"),
        counted_today: Some(CountedToday {
            rows: counted
                .iter()
                .filter(|(_, told)| told.is_ok_and(|(sessions, _)| sessions > 0))
                .map(|(name, _)| CollectorRow {
                    fetcher: (*name).to_owned(),
                    data: None,
                })
                .collect(),
            collectors: counted
                .into_iter()
                .map(|(command, told)| CollectorToday {
                    command: command.to_owned(),
                    told: told.map_err(str::to_owned),
                })
                .collect(),
        }),
        preview,
        last_counted: Some(day("2026-11-20")),
        ..why(DomainDayState::default())
    };
    let silent = "collector two did not tell (exit status: 255)";
    #[rustfmt::skip]
    let table = [
        (today(vec![("one", Ok((3, 0)))], Some(preview(Ok(vec!["mailto:b@a.test"])))),
         "3 sessions have been counted so far, none of them failed; after midnight UTC a report would go to mailto:b@a.test".to_owned(), "one collector"),
        (today(vec![("one", Ok((3, 0))), ("two", Err("exit status: 255"))], Some(preview(Ok(vec!["mailto:b@a.test"])))),
         format!("3 sessions have been counted so far, none of them failed; {silent}; after midnight UTC a report would go to mailto:b@a.test"), "one does not tell"),
        (today(vec![("one", Ok((2, 0))), ("two", Ok((1, 0)))], Some(preview(Err("opted out: no such name in DNS")))),
         "3 sessions have been counted so far by 2 collectors, none of them failed; no report would be made, because it asks for no reports: DNS has no name _smtp._tls.a.test (NXDOMAIN)".to_owned(), "opted out since"),
        (today(vec![("one", Ok((0, 0))), ("two", Err("exit status: 255"))], None),
         format!("no session with it has been counted today; {silent}"), "nothing"),
    ];
    assert_said(
        table
            .iter()
            .map(|(why, want, reason)| (why.clone(), want.as_str(), *reason))
            .collect(),
    );
}
