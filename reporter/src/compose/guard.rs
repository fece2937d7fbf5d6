//! The session that carries a report is not to be reported (RFC 8460 section 3).
//!
//! Postfix from 3.10.4 leaves it out itself, and nothing is to be done. An older one counts it, so that each report is
//! something to report, for ever, and two such senders keep each other busy. With `loop_guard` a domain whose sessions
//! may all have carried reports on it is reported once a week, and so is never silent for more than six days.
//!
//! Only mails that the domain's own record, or the operator, has sent there count: what others' records name is their
//! doing, and silences nobody.

use tlsrptd_proto::{counts::ReportCounts, day::Day};

use crate::model::{LONGEST_SILENCE, OurMails};

/// Sessions that one mail may take: a receiver that greylists for an hour gets six attempts of Postfix's, each at two of
/// its hosts.
const HANDSHAKES: u64 = 12;

/// The last day reported, when that is report enough of this one. A failure is news, unless it may be that of a mail just
/// sent and the last report told of such.
pub(super) fn explained(mails: &OurMails, day: Day, counts: &ReportCounts) -> Option<Day> {
    let reported = mails.reported?;
    let is_recent = reported < day && day <= reported.ahead(LONGEST_SILENCE);
    let are_ours = counts.sessions() <= mails.most_a_day.saturating_mul(HANDSHAKES);
    let just_sent = mails.last.is_some_and(|last| day <= last.next());
    let is_news = counts.failed() > 0 && !(mails.told_of_failures && just_sent);
    (is_recent && are_ours && !is_news).then_some(reported)
}

#[cfg(test)]
mod tests {
    use tlsrptd_proto::domain::Domain;

    use super::*;

    #[test]
    fn once_a_week_and_never_less() {
        let counts = |total: u64, failed: u64| {
            let policy = r#"{\"policy-type\": 9, \"policy-domain\": \"a.test\"}"#;
            let text = format!(
                r#"{{"": {{"{policy}": {{"cntrtotal": {total}, "cntrfailure": {failed}, "failures": {{}}}}}}}}"#
            );
            ReportCounts::from_json(&text, &Domain::parse("a.test").unwrap()).unwrap()
        };
        let mails = |most_a_day, reported, told_of_failures| OurMails {
            most_a_day,
            last: Day::parse(reported).ok().map(Day::next),
            reported: Day::parse(reported).ok(),
            told_of_failures,
        };
        for (mails, day, total, failed, holds, why) in [
            (
                OurMails::default(),
                "2026-11-20",
                1,
                0,
                false,
                "no mail went there",
            ),
            (
                mails(1, "2026-11-19", false),
                "2026-11-20",
                1,
                0,
                true,
                "one session, one mail",
            ),
            (
                mails(1, "2026-11-19", false),
                "2026-11-20",
                12,
                0,
                true,
                "greylisted for an hour",
            ),
            (
                mails(1, "2026-11-19", false),
                "2026-11-20",
                13,
                0,
                false,
                "more than mails take",
            ),
            (
                mails(10, "2026-11-19", false),
                "2026-11-20",
                20,
                0,
                true,
                "ten addresses",
            ),
            (
                mails(1, "2026-11-14", false),
                "2026-11-20",
                1,
                0,
                true,
                "the sixth day of silence",
            ),
            (
                mails(1, "2026-11-13", false),
                "2026-11-20",
                1,
                0,
                false,
                "a week after the last report",
            ),
            (
                mails(1, "2026-11-20", false),
                "2026-11-20",
                1,
                0,
                false,
                "what came late for a day",
            ),
            (
                mails(1, "2026-11-21", false),
                "2026-11-20",
                1,
                0,
                false,
                "a day that is made up for",
            ),
            (
                mails(1, "2026-11-19", false),
                "2026-11-20",
                1,
                1,
                false,
                "a failure is news",
            ),
            (
                mails(1, "2026-11-19", true),
                "2026-11-20",
                1,
                1,
                true,
                "it was told of",
            ),
            (
                mails(1, "2026-11-17", true),
                "2026-11-20",
                1,
                1,
                false,
                "a failure long after the mail",
            ),
        ] {
            let found = explained(&mails, Day::parse(day).unwrap(), &counts(total, failed));
            assert_eq!(found.is_some(), holds, "{why}");
        }
    }
}
