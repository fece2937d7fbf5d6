use super::*;
use crate::counts::FetchedCounts;

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn day() -> Day {
    Day::parse("2026-11-20").unwrap()
}

fn now() -> Timestamp {
    "2026-11-21T23:52:55.5Z".parse().unwrap()
}

const COUNTS: &str = r#"{"v=TLSRPTv1; rua=mailto:r@a.test": {"{\"policy-type\": 9, \"policy-domain\": \"a.test\"}": {"cntrtotal": 1, "cntrfailure": 1, "failures": {"{\"c\": 201, \"h\": \"mx.a.test\"}": 1}}}}"#;

fn counts() -> DomainCounts {
    DomainCounts::from_json(COUNTS, &domain("a.test")).unwrap()
}

/// The same, as they are read from an answer.
fn fetched() -> FetchedCounts {
    FetchedCounts::from_json(COUNTS, &domain("a.test")).unwrap()
}

/// All events of an answer.
fn read(text: &str) -> Result<Vec<Event>, FetchError> {
    let mut parser = Parser::new();
    let events = text
        .lines()
        .map(|line| parser.line(line))
        .collect::<Result<_, _>>()?;
    parser.finish()?;
    Ok(events)
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn list(out: &mut Vec<u8>, newest: Option<Day>, domains: &[&str]) -> io::Result<()> {
    write_list_head(out, now(), newest)?;
    for domain in domains {
        writeln!(out, "{domain}")?;
    }
    write_list_end(out)
}

#[test]
fn a_list_is_sys4s() {
    let list = text(|out| list(out, Some(day()), &["a.test", "b.test"]));
    let sys4 = "TLSRPT FETCHER v1devel-c domain list\n2026-11-21 23:52:55\n2026-11-20\na.test\nb.test\n.\n";
    assert_eq!(list, sys4);
    let listed = |name: &str| Event::Listed {
        asked: name.to_owned(),
        domain: domain(name),
    };
    let expected = [
        Event::Opened(Mode::List),
        Event::Clock("2026-11-21T23:52:55Z".parse().unwrap()),
        Event::Newest(Some(day())),
        listed("a.test"),
        listed("b.test"),
        Event::End,
    ];
    assert_eq!(read(&list).unwrap(), expected);
}

#[test]
fn without_a_complete_day_there_is_no_third_line() {
    let list = text(|out| list(out, None, &[]));
    assert_eq!(
        list, "TLSRPT FETCHER v1devel-c domain list\n2026-11-21 23:52:55\n.\n",
        "as sys4 writes it"
    );
    assert_eq!(read(&list).unwrap().last(), Some(&Event::Newest(None)));
}

#[test]
fn details_are_sys4s() {
    let expected = r#"{
    "d": "a.test",
    "policies": {
        "v=TLSRPTv1; rua=mailto:r@a.test": {
            "{\"policy-type\": 9, \"policy-domain\": \"a.test\"}": {
                "cntrtotal": 1,
                "cntrfailure": 1,
                "failures": {
                    "{\"c\": 201, \"h\": \"mx.a.test\"}": 1
                }
            }
        }
    }
}"#;
    let details = domain_details("a.test", &counts());
    assert_eq!(details, expected);
    assert_eq!(
        parse_details(&details, &domain("a.test")).unwrap(),
        fetched()
    );
    assert_eq!(
        domain_details(".", &DomainCounts::default()),
        "{\n    \"d\": \".\",\n    \"policies\": {}\n}"
    );
    assert!(matches!(
        parse_details(&details, &domain("b.test")),
        Err(FetchError::OtherDomain)
    ));
}

#[test]
fn a_stream_comes_back_whole() {
    let stream = text(|out| {
        write_stream_head(out, now(), Some(day()))?;
        writeln!(out, "{}", stream_line(&domain("a.test"), &counts()))?;
        writeln!(
            out,
            "{}",
            stream_line(&domain("b.test"), &DomainCounts::default())
        )?;
        write_stream_end(out, 2)
    });
    let head = "TLSRPTD FETCHER v1 day stream\n2026-11-21 23:52:55\n2026-11-20\n{\"d\": \"a.test\", \"policies\": {";
    assert!(stream.starts_with(head), "{stream}");
    assert!(
        stream.ends_with("{\"d\": \"b.test\", \"policies\": {}}\n. 2\n"),
        "{stream}"
    );
    let events = read(&stream).unwrap();
    assert_eq!(events[3], Event::Counts(domain("a.test"), fetched()));
    assert_eq!(
        events[4],
        Event::Counts(domain("b.test"), FetchedCounts::default())
    );
    assert_eq!(events[5], Event::End);
    for end in (0..stream.len())
        .filter(|end| stream.as_bytes()[*end] == b'\n')
        .rev()
        .skip(1)
    {
        assert!(read(&stream[..=end]).is_err(), "cut off after {end} bytes");
    }
}

type IsExpected = fn(&FetchError) -> bool;

#[test]
fn what_is_no_answer_is_refused() {
    let stream = |rest: &str| format!("{STREAM_HEADER}\n2026-11-21 23:52:55\n2026-11-20\n{rest}");
    let list = |rest: &str| format!("{LIST_HEADER}\n{rest}");
    let rows: [(String, IsExpected, &str); 15] = [
        (
            String::new(),
            |e| matches!(e, FetchError::CutOff),
            "nothing",
        ),
        (
            "ssh: no route\n".to_owned(),
            |e| matches!(e, FetchError::Header),
            "another program's words",
        ),
        (
            "{\n    \"d\": \".\",\n".to_owned(),
            |e| matches!(e, FetchError::NoStream),
            "sys4",
        ),
        (
            list("yesterday\n"),
            |e| matches!(e, FetchError::Clock),
            "no time",
        ),
        (
            list("2026-11-21 23:52:55\n20.11.2026\n"),
            |e| matches!(e, FetchError::Newest),
            "no day",
        ),
        (
            list("2026-11-21 23:52:55\n2026-11-20\na.test\n"),
            |e| matches!(e, FetchError::CutOff),
            "no end",
        ),
        (
            list("2026-11-21 23:52:55\n2026-11-20\n.\nx\n"),
            |e| matches!(e, FetchError::Behind),
            "more",
        ),
        (
            stream(". 1\n"),
            |e| matches!(e, FetchError::Number(0)),
            "a domain is missing",
        ),
        (
            stream(".\n"),
            |e| matches!(e, FetchError::Number(0)),
            "no number",
        ),
        (
            stream("{\n"),
            |e| matches!(e, FetchError::Json(_)),
            "half a line",
        ),
        (
            stream("7\n"),
            |e| matches!(e, FetchError::Details),
            "no object",
        ),
        (
            stream("{\"d\": \"a.test\"}\n"),
            |e| matches!(e, FetchError::Details),
            "no policies",
        ),
        (
            stream("{\"d\": \"a b\", \"policies\": {}}\n"),
            |e| matches!(e, FetchError::Domain(_)),
            "no domain",
        ),
        (
            stream("{\"d\": \"a.test\", \"policies\": 7}\n"),
            |e| matches!(e, FetchError::Counts(_)),
            "no counts",
        ),
        (
            stream(
                "{\"d\": \"b.test\", \"policies\": {}}\n{\"d\": \"a.test\", \"policies\": {}}\n",
            ),
            |e| matches!(e, FetchError::Order(_)),
            "out of order",
        ),
    ];
    for (text, is_expected, reason) in rows {
        let error = read(&text).unwrap_err();
        assert!(is_expected(&error), "{reason}: {error:?}");
    }
}

#[test]
fn a_list_may_hold_what_is_no_domain() {
    let list = format!("{LIST_HEADER}\n2026-11-21 23:52:55\n2026-11-20\na b\nmüller.test\n.\n");
    let events = read(&list).unwrap();
    assert!(matches!(&events[3], Event::Unusable(line, _) if line == "a b"));
    let expected = Event::Listed {
        asked: "müller.test".to_owned(),
        domain: domain("xn--mller-kva.test"),
    };
    assert_eq!(
        events[4], expected,
        "sys4 keeps U-labels and is to be asked for them"
    );
}
