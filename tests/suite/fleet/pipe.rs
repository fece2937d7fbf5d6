//! The way to another host: a script that stands for ssh. It is slow, breaks off, greets, and finds another version.

use std::fs;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::until;

use super::Whose::{Ours, Theirs};
use super::hosts::Host;
use super::{Whose, sessions};
use crate::in_turn::{patient, their_reporter};

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";

/// As ssh does it: a host, then the words of a command, which a shell over there takes apart again.
/// `$ill` is true as long as the test has not healed the way.
const PRELUDE: &str =
    "here=${0%/*}; host=$1; shift; ill() { [ ! -e $here/healed ]; }; there() { sh -c \"$*\"; }\n";

/// What the way does, whether anything arrives before it is healed, a part of our log for it, and why.
type Row = (&'static str, bool, &'static str, &'static str);

#[rustfmt::skip]
const WAYS: &[Row] = &[
    ("there \"$@\"", true, "", "a way without trouble"),
    ("echo 'Authorized uses only.' >&2; there \"$@\"", true, "", "a banner beside the answer"),
    ("there \"$@\" | while IFS= read -r line; do sleep 0.05; printf '%s\\n' \"$line\"; done", true, "", "slow"),
    ("there \"$@\" | tee $here/answer | (ill && head -c 71 || cat); ill && exit 255; exit 0", false, "failed", "breaks off in the middle"),
    ("ill && echo 'Welcome to mx1!'; there \"$@\"", false, "Welcome to mx1!", "a banner before the answer"),
    ("there \"$@\" | sed \"1s/ v1/ $(ill && echo v2 || echo v1)/\"", false, "failed", "another version"),
    ("ill && { echo 'ssh: connect to host mx1 port 22: No route to host' >&2; exit 255; }; there \"$@\"", false, "No route to host", "no way at all"),
];

#[test]
fn our_reporter_over_a_way_in_trouble() {
    each(Ours);
}

#[test]
fn sys4s_reporter_over_a_way_in_trouble() {
    each(Theirs);
}

fn each(reporter: Whose) {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    // Each with the fetcher of the other, and ours with its own too.
    let fetchers: &[Whose] = if reporter == Ours {
        &[Ours, Theirs]
    } else {
        &[Ours]
    };
    for fetcher in fetchers {
        for row in WAYS {
            over(&sys4, reporter, *fetcher, row);
        }
    }
}

fn over(sys4: &Sys4, reporter: Whose, fetcher: Whose, (way, arrives, log, why): &Row) {
    let why = format!("{why}; {reporter:?} reads {fetcher:?}");
    let lab = Lab::new();
    for domain in ["a.test", "b.test"] {
        lab.dns.tlsrpt(domain, TXT);
    }
    let host = Host::new(&lab, sys4, "host");
    host.closed_day(
        &host.collectd(Ours),
        &["a.test", "b.test", "b.test"].map(|domain| mta::failure(domain, TXT, 203)),
    );
    let ssh = lab.file("ssh.sh");
    fs::write(&ssh, format!("{PRELUDE}{way}\n")).unwrap();
    let command = format!(
        "/bin/sh {} tlsrpt@mx1 {}",
        ssh.display(),
        host.fetcher(fetcher)
    );
    let reportd = match reporter {
        Ours => patient(lab.reportd()),
        Theirs => their_reporter(&lab, sys4, "nobody"),
    };
    let mut running = reportd.set("fetchers", command).start();
    if !arrives {
        running.wait_for_log(if reporter == Ours {
            log
        } else {
            "failed in run"
        });
        assert_eq!(
            mails(&lab, reporter).len(),
            0,
            "{why}: nothing before the way is healed"
        );
        fs::write(lab.file("healed"), "").unwrap();
    }
    let mut found = until("both reports", || {
        Some(mails(&lab, reporter)).filter(|mails| mails.len() == 2)
    });
    lab.deliveries();
    running.stop();
    found.sort();
    assert_eq!(found, [(0, 1), (0, 2)], "{why}: each session once");
    assert_eq!(mails(&lab, reporter).len(), 2, "{why}");
}

/// The sessions in each report.
fn mails(lab: &Lab, reporter: Whose) -> Vec<(i64, i64)> {
    let bytes: Vec<Vec<u8>> = match reporter {
        Ours => lab
            .smtp
            .mails()
            .into_iter()
            .map(|mail| mail.bytes)
            .collect(),
        Theirs => lab.their_mails(),
    };
    let report =
        |mail: &Vec<u8>| sessions(&tlsrptd_tests::harness::mail::ReportMail::parse(mail).report());
    bytes.iter().map(report).collect()
}
