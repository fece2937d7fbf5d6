//! Instants as sys4 writes them: compared as text, so the form is the order.

use jiff::Timestamp;

/// `YYYY-MM-DD HH:MM:SS.ffffff+00:00`, the fraction left out when it is 0.
pub(super) fn nexttry(at: Timestamp) -> String {
    if at.subsec_nanosecond() / 1_000 == 0 {
        at.strftime("%Y-%m-%d %H:%M:%S+00:00").to_string()
    } else {
        at.strftime("%Y-%m-%d %H:%M:%S.%6f+00:00").to_string()
    }
}

/// `YYYY-MM-DD HH:MM:SS`, as SQLite's CURRENT_TIMESTAMP.
pub(super) fn its(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Reads either form.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (at, want, why) in [
            (
                "2026-11-21T23:43:30.313048Z",
                "2026-11-21 23:43:30.313048+00:00",
                "as sys4",
            ),
            (
                "2026-11-21T23:43:30.31Z",
                "2026-11-21 23:43:30.310000+00:00",
                "six digits",
            ),
            (
                "2026-11-21T23:43:30Z",
                "2026-11-21 23:43:30+00:00",
                "no fraction",
            ),
            (
                "2026-11-21T23:43:30.0000005Z",
                "2026-11-21 23:43:30+00:00",
                "half a microsecond is none",
            ),
        ] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!(nexttry(at), want, "{why}");
        }
        let whole: Timestamp = "2026-11-21T23:43:30Z".parse().unwrap();
        assert_eq!(instant("2026-11-21 23:43:30"), Some(whole), "its");
        assert_eq!(instant("2026-11-21 23:43:30+00:00"), Some(whole), "nexttry");
        assert_eq!(instant("soon"), None, "nonsense");
    }

    #[test]
    fn text_order_is_time_order() {
        let second: Timestamp = "2026-11-21T23:43:30Z".parse().unwrap();
        let after: Timestamp = "2026-11-21T23:43:30.000001Z".parse().unwrap();
        assert!(nexttry(second) < nexttry(after));
    }
}
