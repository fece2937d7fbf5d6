//! The meaning of an HTTP response for the delivery (RFC 8460 section 5.4, RFC 9110).

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use jiff::Timestamp;
use tlsrptd_config::visible;
use url::Url;

use crate::deliver::Outcome;

/// What to do after a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Done(Outcome),
    /// Send the same to another URL.
    Follow(Url),
}

/// Decides by status alone; `said` is the beginning of the response body, for the log.
pub(super) fn verdict_of(
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
    said: &str,
) -> Verdict {
    let reason = if said.is_empty() {
        status.to_string()
    } else {
        format!("{status}: {said}")
    };
    Verdict::Done(match status.as_u16() {
        200..=299 => Outcome::Sent { detail: reason },
        _ if is_followed(status) => return redirect(url, &reason, headers),
        // 421 is about the connection (RFC 9110 section 15.5.20), 101 about a protocol that was not requested, and undefined
        // statuses count as server errors (section 15).
        101 | 408 | 421 | 425 | 429 | 500.. => Outcome::Retry {
            reason,
            after: retry_after(headers),
        },
        _ => Outcome::Refused { reason },
    })
}

/// Decides when only the status is known: the rest of the header could not be read, for the reason `why`.
pub(super) fn outcome_of_status(url: &Url, status: StatusCode, why: &str) -> Outcome {
    let said = format!("the rest of the answer cannot be read: {why}");
    match verdict_of(url, status, &HeaderMap::new(), &said) {
        Verdict::Done(outcome) if !is_followed(status) => outcome,
        // A redirect without its Location.
        _ => Outcome::retry(format!("{status}: {said}")),
    }
}

/// 301 and 302 let a client repeat the POST (RFC 9110 section 15.4). 303 asks for a GET, which would not deliver the report.
fn is_followed(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 307 | 308)
}

/// Only to the same scheme and host: the record names no other.
fn redirect(url: &Url, reason: &str, headers: &HeaderMap) -> Verdict {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let Some(next) = location.and_then(|location| url.join(location).ok()) else {
        return Verdict::Done(Outcome::Refused {
            reason: format!("{reason}, without a usable Location"),
        });
    };
    if next.scheme() != url.scheme() || next.host() != url.host() {
        let reason = format!(
            "{reason} to {}: redirects to another scheme or host are not followed",
            visible::excerpt(next.as_str())
        );
        return Verdict::Done(Outcome::Refused { reason });
    }
    Verdict::Follow(next)
}

/// `Retry-After`; if there are several, the longest.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    // Relative to the server's Date, as the clocks may differ; without one, to the time of receipt (section 6.6.1).
    let date = headers.get(DATE).and_then(|value| value.to_str().ok());
    let now = date.and_then(http_date).unwrap_or_else(Timestamp::now);
    let values = headers.get_all(RETRY_AFTER).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.filter_map(|text| wish(text.trim(), now)).max()
}

/// Seconds, or a date. Some servers send fractions; too large a number is the longest time.
fn wish(text: &str, now: Timestamp) -> Option<Duration> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_number(whole) && is_number(part) {
        let more = u64::from(part.bytes().any(|byte| byte != b'0'));
        let seconds: u64 = whole.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds.saturating_add(more)));
    }
    let wait = http_date(text)?.as_second() - now.as_second();
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

/// The three forms of RFC 9110 section 5.6.7. The day of the week is ignored: it may be wrong.
fn http_date(text: &str) -> Option<Timestamp> {
    let (_, date) = text.split_once([' ', ','])?;
    [
        "%d %b %Y %H:%M:%S GMT",
        "%d-%b-%y %H:%M:%S GMT",
        "%b %e %H:%M:%S %Y",
    ]
    .iter()
    .find_map(|form| jiff::civil::DateTime::strptime(form, date.trim()).ok())
    .and_then(|civil| jiff::tz::TimeZone::UTC.to_timestamp(civil).ok())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn status_decides() {
        #[rustfmt::skip]
        let rows = [
            (200, "sent"), (201, "sent"), (202, "sent"), (204, "sent"), (299, "sent"),
            (300, "refused"), (303, "refused"), (304, "refused"), (305, "refused"),
            (400, "refused"), (401, "refused"), (403, "refused"), (404, "refused"), (405, "refused"),
            (408, "retry"), (410, "refused"), (413, "refused"), (415, "refused"), (425, "retry"),
            (429, "retry"), (499, "refused"), (500, "retry"), (501, "retry"), (502, "retry"),
            (503, "retry"), (504, "retry"), (599, "retry"), (600, "retry"), (999, "retry"), (101, "retry"), (421, "retry"),
            (407, "refused"), (426, "refused"),
            (301, "refused"), (302, "refused"), (307, "refused"), (308, "refused"),
        ];
        let url = Url::parse("https://h.example/u").unwrap();
        for (code, expected) in rows {
            let status = StatusCode::from_u16(code).unwrap();
            let name = match verdict_of(&url, status, &HeaderMap::new(), "") {
                Verdict::Done(Outcome::Sent { .. }) => "sent",
                Verdict::Done(Outcome::Retry { .. }) => "retry",
                Verdict::Done(Outcome::Refused { .. }) => "refused",
                other => panic!("{code}: {other:?}"),
            };
            assert_eq!(name, expected, "{code}");
        }
    }

    #[test]
    fn redirects_stay_with_the_host() {
        let url = Url::parse("https://h.example/u").unwrap();
        for (location, followed) in [
            ("/other", Some("https://h.example/other")),
            ("https://h.example/x?y", Some("https://h.example/x?y")),
            ("https://H.EXAMPLE/x", Some("https://h.example/x")),
            ("https://www.h.example/u", None),
            ("http://h.example/u", None),
            ("//10.0.0.1/u", None),
            ("file:///etc/passwd", None),
            ("https://h.example@evil.example/", None),
        ] {
            for code in [301, 302, 307, 308] {
                let mut headers = HeaderMap::new();
                headers.insert(LOCATION, location.parse().unwrap());
                let verdict = verdict_of(&url, StatusCode::from_u16(code).unwrap(), &headers, "");
                match (verdict, followed) {
                    (Verdict::Follow(next), Some(expected)) => assert_eq!(next.as_str(), expected),
                    (Verdict::Done(Outcome::Refused { .. }), None) => {}
                    other => panic!("{location}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_long_location_is_not_repeated_whole() {
        let url = Url::parse("https://h.example/u").unwrap();
        let mut headers = HeaderMap::new();
        let location = format!("https://evil.example/{}", "x".repeat(60_000));
        headers.insert(LOCATION, location.parse().unwrap());
        match verdict_of(&url, StatusCode::FOUND, &headers, "") {
            Verdict::Done(Outcome::Refused { reason }) => assert!(reason.len() < 500, "{reason}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn retry_after_in_all_forms() {
        #[rustfmt::skip]
        let rows = [
            ("120", Some(120), "seconds"),
            (" 0 ", Some(0), "at once"),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37), "a date"),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(37), "as of old"),
            ("Sun Nov  6 08:49:37 1994", Some(37), "as C writes it"),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0), "a date that has passed"),
            ("Mon, 06 Nov 1994 08:49:37 GMT", Some(37), "a date on another day of the week"),
            ("18446744073709551615", Some(u64::MAX), "the largest number"),
            ("99999999999999999999999", Some(u64::MAX), "beyond all numbers"),
            ("119.2", Some(120), "parts of a second"),
            ("120.0", Some(120), "no parts of a second"),
            ("soon", None, "not a time"),
            ("-5", None, "nor this"),
            ("+5", None, "nor this"),
            ("5.", None, "nor this"),
            ("1, 2", None, "nor these"),
        ];
        let date = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:00 GMT");
        for (value, expected, why) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            headers.insert(DATE, date.clone());
            assert_eq!(
                retry_after(&headers),
                expected.map(Duration::from_secs),
                "{value}: {why}"
            );
        }
    }

    #[test]
    fn of_several_wishes_the_longest_counts() {
        let mut headers = HeaderMap::new();
        for value in ["soon", "60", "7200", "-1", "120"] {
            headers.append(RETRY_AFTER, value.parse().unwrap());
        }
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7200)));
    }

    #[test]
    fn a_date_without_the_servers_own_is_held_against_our_clock() {
        for (date, least, most, why) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 0, 0, "it has passed"),
            (
                "Sun, 06 Nov 2994 08:49:37 GMT",
                1,
                u64::MAX,
                "it is to come",
            ),
        ] {
            for theirs in [None, Some("today")] {
                let mut headers = HeaderMap::new();
                headers.insert(RETRY_AFTER, date.parse().unwrap());
                theirs.map(|text| headers.insert(DATE, text.parse().unwrap()));
                let wait = retry_after(&headers).unwrap().as_secs();
                assert!((least..=most).contains(&wait), "{why}: {wait}");
            }
        }
    }
}
