//! Pages of whatever strangers write, and of as much as there can be.

mod fixtures;

use fixtures::{Filling, destination_of, destination_with, overview_of, overview_with};

use crate::{
    answers::{
        destination::DestinationView,
        overview::{HistorySpan, Overview},
        status::{ReporterStatus, Status},
    },
    store::OutcomeTotals,
};

/// The page takes no more, whatever there is.
const MOST_BYTES: usize = 200_000;

/// What is between `<` and `>`: the name of the element, and the names of its attributes. Texts have no `<`.
fn skeleton(html: &str) -> Vec<String> {
    let tags = html.split('<').skip(1);
    tags.map(|tag| {
        let tag = tag.split('>').next().unwrap_or_default();
        let mut names = String::new();
        // Values stand in double quotes, and have none.
        for (place, part) in tag.split('"').enumerate() {
            if place % 2 == 0 {
                names += part;
            }
        }
        names
    })
    .collect()
}

const HOSTILE: &[(&str, &str)] = &[
    ("<script>alert(1)</script>", "an element that runs"),
    ("\"><img src=x onerror=alert(1)>", "out of an attribute"),
    (
        "' onmouseover='alert(1)",
        "out of an attribute in single quotes",
    ),
    ("</title></head><body onload=alert(1)>", "out of the title"),
    ("</text></svg><svg onload=alert(1)>", "out of a drawing"),
    ("--><!-- ]]> <![CDATA[", "comments and sections"),
    ("</style><style>body{display:none}", "a style"),
    ("x;background:url(https://evil.example/)", "a declaration"),
    ("&lt;b&gt; &#60; &amp", "what is or looks escaped"),
    ("javascript:alert(1)", "an address that runs"),
    ("{{7*7}} ${7*7} <%= 7*7 %>", "templates of others"),
    (
        "\u{202e}gpj.exe\u{2069}\u{200b}\u{feff}",
        "hidden characters",
    ),
    ("\0\x01\x1b[31m\x7f\r\n\t", "control characters"),
    (
        "a\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}",
        "marks on marks",
    ),
    (
        "😀🏳\u{fe0f}\u{200d}🌈",
        "pictures that are several characters",
    ),
    (
        "\u{5d0}\u{5d1}\u{5d2} abc \u{645}\u{631}",
        "from right to left",
    ),
    ("../../etc/passwd?x=1#y", "a way out of a path"),
    ("", "nothing"),
];

#[test]
fn whatever_is_written_the_page_stays_the_same() {
    let plain = |span| overview_of(&Filling::few("x", span));
    for span in HistorySpan::ALL {
        let want = skeleton(&plain(span));
        for (text, why) in HOSTILE {
            let html = overview_of(&Filling::few(text, span));
            assert_eq!(skeleton(&html), want, "{why}");
            let hidden = |c: char| c != '\n' && tlsrptd_config::visible::is_hidden(c);
            assert!(!html.contains(hidden), "{why}: nothing is hidden");
        }
    }
    let want = skeleton(&destination_of(&Filling::few("x", HistorySpan::Days30)));
    for (text, why) in HOSTILE {
        let html = destination_of(&Filling::few(text, HistorySpan::Days30));
        assert_eq!(skeleton(&html), want, "{why}");
    }
}

/// Nothing runs, nothing is styled or loaded but from where the page is.
#[test]
fn elements_and_attributes_are_those_that_cannot_do_harm() {
    let filling = Filling::few("x", HistorySpan::Days90);
    for html in [overview_of(&filling), destination_of(&filling)] {
        for tag in skeleton(&html) {
            for word in [
                "script", "style", "iframe", "object", "embed", "form", "img", "base",
            ] {
                assert!(!tag.starts_with(word), "{tag}");
            }
            for attribute in [" style=", " src=", " on", " srcset=", " xlink"] {
                assert!(!tag.contains(attribute), "{tag}");
            }
        }
        let addresses = html.split(" href=\"").skip(1);
        for address in addresses.map(|rest| rest.split('"').next().unwrap_or_default()) {
            assert!(
                address.starts_with('/') && !address.starts_with("//") || address.starts_with('#'),
                "{address}"
            );
        }
        let ids: Vec<&str> = html
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "an id is there once: {ids:?}");
    }
}

#[test]
fn a_page_has_an_end() {
    for (text, why) in [
        ("\"".repeat(10_000), "what grows most when it is escaped"),
        (
            "\u{202e}".repeat(10_000),
            "what grows most when it is shown",
        ),
        ("<".repeat(100_000), "long"),
        ("😀".repeat(10_000), "four bytes a character"),
        ("a".repeat(10_000), "letters"),
    ] {
        for span in HistorySpan::ALL {
            let bytes = overview_of(&Filling::most(&text, span)).len();
            assert!(bytes < MOST_BYTES, "{why}, {span:?}: {bytes}");
        }
        let bytes = destination_of(&Filling::most(&text, HistorySpan::Days30)).len();
        assert!(bytes < MOST_BYTES, "{why}: {bytes}");
    }
}

#[test]
fn what_stands_on_it() {
    let html = overview_of(&Filling::few("mx.example.net", HistorySpan::Days30));
    for (part, why) in [
        ("<html lang=\"en\">", "a language"),
        (
            "<h1>Look at this today <strong class=\"mark warn\">WARNING</strong></h1>",
            "the word of --check",
        ),
        ("<title>WARNING · TLS reporting</title>", "in the tab too"),
        (
            "<a href=\"/domain/mx.example.net\">",
            "a link to the domain",
        ),
        ("<a href=\"/?days=30\" aria-current=\"true\">", "the span"),
        ("<a href=\"/?days=400\">", "the longest"),
        (
            "failed sessions a day, 2026-10-22 to 2026-11-20, at most",
            "what a small plot shows",
        ),
        (
            "[<bdi>mx.example.net</bdi>] and 119 more</span>",
            "hosts of one destination are one row",
        ),
        (
            "<strong class=\"mark ok\">OK</strong> <b>Suppressed</b>",
            "what is fine",
        ),
        ("certificate-expired", "a result type"),
        ("mailto:mx.example.net", "where to"),
        ("Nobody is on the suppression list.", "who gets none"),
    ] {
        assert!(html.contains(part), "{why}: {html}");
    }
    let html = destination_of(&Filling::few("x", HistorySpan::Days30));
    for (part, why) in [
        ("<h1 class=\"name\"><bdi>example.org</bdi></h1>", "its name"),
        ("theirs: whoever runs the MX host", "whose fault"),
        ("please renew it and reload", "what to write"),
        (
            "/api/v1/show?domain=example.org&amp;day=2026-11-20",
            "the report as JSON",
        ),
        ("example.org, 2026-11-20: ", "the sentence of why"),
        ("was sent to", "what became of it"),
    ] {
        assert!(html.contains(part), "{why}: {html}");
    }
}

#[test]
fn nothing_is_said_of_what_is_not_known() {
    type Change = fn(&mut Status, &mut Overview);
    let rows: [(Change, &[&str], &str); 6] = [
        (
            |status, _| status.reporter = ReporterStatus::Silent("no answer".to_owned()),
            &[
                "<strong class=\"mark warn\">UNKNOWN</strong> <b>Newest warning</b>",
                "Not known: tlsrpt-reportd did not say.",
            ],
            "the reporter is silent",
        ),
        (
            |status, _| {
                status.reporter = ReporterStatus::NotAsked;
                status.findings.clear();
            },
            &["<strong class=\"mark warn\">UNKNOWN</strong> <b>Throttled</b>"],
            "the reporter is not asked",
        ),
        (
            |_, found| {
                found.history.days.pop();
                found.failing.to = found.history.to.previous();
            },
            &[
                "<li>2026-11-20 is not reported yet.</li>",
                "2026-11-20 is not reported yet: this is up to 2026-11-19.",
                ">On 2026-11-19</th>",
            ],
            "yesterday is not decided on",
        ),
        (
            |_, found| found.new = None,
            &["Nothing is known of the week before 2026-11-20: what is new cannot be told yet."],
            "the first day",
        ),
        (
            |_, found| {
                found.history.days.clear();
                found.failing.rows.clear();
            },
            &["Nothing is known of the days from 2026-10-22 to 2026-11-20."],
            "a month without a report",
        ),
        (
            |_, found| {
                let outcome = |status: &str, deliveries| OutcomeTotals {
                    status: status.to_owned(),
                    deliveries,
                };
                let last = found.history.days.last_mut().unwrap();
                last.outcomes = vec![
                    outcome("refused", 41),
                    outcome("unknownrua", 300),
                    outcome("unknown", 7),
                ];
            },
            &["<td class=\"number\">341</td>", "7 ended unseen"],
            "every delivery is in a column",
        ),
    ];
    for (change, parts, why) in rows {
        let html = overview_with(&Filling::few("x", HistorySpan::Days30), change);
        for part in parts {
            assert!(html.contains(part), "{why}: {part}: {html}");
        }
    }
}

#[test]
fn a_domain_s_page_tells_all_that_is_known() {
    type Change = fn(&mut DestinationView);
    let rows: [(Change, &[&str], &str); 4] = [
        (
            |view| {
                let last = view.course.known.to;
                view.course.days = vec![(last.previous(), 800), (last, 40)];
                view.failures.rows.truncate(1);
            },
            &["840 sessions failed here on 2 days"],
            "of all hosts, and not of those that are listed",
        ),
        (
            |view| view.failures.known_since = Some(view.failures.from.next()),
            &["The history begins on 2026-10-23."],
            "it is shorter than what is looked at",
        ),
        (
            |view| view.yesterday = view.course.known.to.next(),
            &["2026-11-21 is not reported yet: this is up to 2026-11-20."],
            "yesterday is not decided on",
        ),
        (
            |view| view.failures.rows.retain(|row| row.result_type == "x"),
            &[
                "<h3>other result types</h3>",
                "a result that RFC 8460 does not know",
                "<dt>What became of the mail, and what to look at</dt>",
            ],
            "a word that the RFC does not have",
        ),
    ];
    for (change, parts, why) in rows {
        let html = destination_with(&Filling::few("x", HistorySpan::Days30), change);
        for part in parts {
            assert!(html.contains(part), "{why}: {part}: {html}");
        }
    }
}

/// Whoever waited too long is not sent after permissions.
#[test]
fn without_the_store_the_page_says_why_and_no_more() {
    let site = super::Site {
        organization: "x".to_owned(),
    };
    let now = "2026-11-21T13:00:00Z".parse().unwrap();
    let html = super::unreadable(&site, "it took longer than 5 s", now);
    assert!(html.contains("it took longer than 5 s"), "{html}");
    assert!(html.contains("tlsrptctl doctor"), "{html}");
    assert!(!html.contains("allowed to read"), "{html}");
}

#[test]
fn on_the_first_day_it_says_what_comes() {
    let html = overview_of(&Filling::nothing());
    for part in [
        "Welcome: no day has been reported yet",
        "Collecting and reporting work",
        "tlsrptctl doctor",
        "None: fetchers is not set.",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let html = destination_of(&Filling::nothing());
    assert!(
        html.contains("The history has no session with this domain"),
        "{html}"
    );
}
