//! A fetcher's answer: a cut one is never taken for whole, and counts that were read are read the same when we write them.

use tlsrptd_proto::counts::{DomainCounts, FetchedCounts};
use tlsrptd_proto::domain::Domain;
use tlsrptd_proto::fetch::{Event, Parser, domain_details, parse_details, stream_line};

/// The bytes are an answer, a list, a stream or the details of one domain.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    is_an_answer(&text);
    let Ok(domain) = Domain::parse("example.com") else {
        unreachable!("it is one");
    };
    if let Ok(counts) = parse_details(&text, &domain) {
        is_written_as_read(&domain, &counts);
    }
}

fn is_an_answer(text: &str) {
    let mut parser = Parser::new();
    let mut is_whole = false;
    for line in text.split('\n') {
        match parser.line(line) {
            Ok(Event::Counts(domain, counts)) => is_written_as_read(&domain, &counts),
            Ok(event) => is_whole |= matches!(event, Event::End | Event::Newest(None)),
            Err(_) => return,
        }
    }
    assert_eq!(parser.finish().is_ok(), is_whole, "whole, or cut off");
}

fn is_written_as_read(domain: &Domain, fetched: &FetchedCounts) {
    let counts = match DomainCounts::from_json(&fetched.to_json(), domain) {
        Ok(counts) => counts,
        Err(error) => panic!("{error}: {fetched:?}"),
    };
    for text in [
        domain_details(domain.as_str(), &counts),
        stream_line(domain, &counts),
    ] {
        let again = parse_details(&text, domain);
        let again = again.map(|again| again.to_json());
        assert_eq!(again.ok(), Some(counts.to_json()), "{text}");
    }
}
