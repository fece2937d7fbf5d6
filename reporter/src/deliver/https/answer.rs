//! What an HTTP answer means for the delivery (RFC 8460 section 5.4, RFC 9110).

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{StatusCode, Url};

use crate::deliver::{Outcome, one_line};

/// What to do about an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Done(Outcome),
    /// Send the same again, there.
    Follow(Url),
}

/// Decides by status alone; `said` is the beginning of the answer's body, for the log.
pub(super) fn judge(url: &Url, status: StatusCode, headers: &HeaderMap, said: &str) -> Verdict {
    let reason = if said.is_empty() {
        status.to_string()
    } else {
        format!("{status}: {said}")
    };
    Verdict::Done(match status.as_u16() {
        200..=299 => Outcome::Sent { detail: reason },
        // 301 and 302 let a client repeat the POST (RFC 9110 section 15.4). 303 sends it to
        // read something else: nothing says that the report was taken.
        301 | 302 | 307 | 308 => return redirect(url, &reason, headers),
        408 | 425 | 429 | 500..=599 => Outcome::Retry {
            reason,
            after: retry_after(headers),
        },
        _ => Outcome::Refused { reason },
    })
}

/// Only to the same scheme and host: the record vouches for no other.
fn redirect(url: &Url, reason: &str, headers: &HeaderMap) -> Verdict {
    let location = headers
        .get(reqwest::header::LOCATION)
        .and_then(|value| value.to_str().ok());
    let Some(next) = location.and_then(|location| url.join(location).ok()) else {
        return Verdict::Done(Outcome::Refused {
            reason: format!("{reason}, without a usable Location"),
        });
    };
    if next.scheme() != url.scheme() || next.host() != url.host() {
        let reason =
            // As long as a server likes, otherwise.
            format!(
                "{reason} to {}: redirects to another scheme or host are not followed",
                one_line(next.as_str())
            );
        return Verdict::Done(Outcome::Refused { reason });
    }
    Verdict::Follow(next)
}

/// `Retry-After` in seconds, or as a date, which is compared with the answer's own Date: the
/// two clocks need not agree.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = http_date(headers.get(DATE)?.to_str().ok()?)?;
    let wait = http_date(value)?.as_second() - now.as_second();
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

/// The three forms of RFC 9110 section 5.6.7.
fn http_date(text: &str) -> Option<Timestamp> {
    [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    ]
    .iter()
    .find_map(|form| jiff::civil::DateTime::strptime(form, text).ok())
    .and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC).ok())
    .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
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
            (503, "retry"), (504, "retry"), (599, "retry"), (600, "refused"),
            (301, "refused"), (302, "refused"), (307, "refused"), (308, "refused"),
        ];
        let url = Url::parse("https://h.example/u").unwrap();
        for (code, expected) in rows {
            let status = StatusCode::from_u16(code).unwrap();
            let name = match judge(&url, status, &HeaderMap::new(), "") {
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
                headers.insert(reqwest::header::LOCATION, location.parse().unwrap());
                let verdict = judge(&url, StatusCode::from_u16(code).unwrap(), &headers, "");
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
        headers.insert(reqwest::header::LOCATION, location.parse().unwrap());
        match judge(&url, StatusCode::FOUND, &headers, "") {
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
            ("soon", None, "not a time"),
            ("-5", None, "nor this"),
        ];
        for (value, expected, why) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            headers.insert(DATE, "Sun, 06 Nov 1994 08:49:00 GMT".parse().unwrap());
            assert_eq!(
                retry_after(&headers),
                expected.map(Duration::from_secs),
                "{why}"
            );
        }
        let mut headers = HeaderMap::new();
        headers.insert(
            RETRY_AFTER,
            "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap(),
        );
        assert_eq!(
            retry_after(&headers),
            None,
            "a date without the server's own is no wait"
        );
    }
}
