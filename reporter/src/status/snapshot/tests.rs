use std::os::unix::net::UnixListener;

use tlsrptd_config::FetcherCommand;

use super::*;

const LOCAL: &str = "/usr/bin/tlsrpt-fetcher";
const REMOTE: &str = "ssh mx2 tlsrpt-fetcher";

fn reportd(fetchers: &[&str]) -> Reportd {
    let command = |text: &&str| FetcherCommand {
        text: (*text).to_owned(),
        words: text.split(' ').map(str::to_owned).collect(),
    };
    Reportd {
        fetchers: fetchers.iter().map(command).collect(),
        ..Reportd::default()
    }
}

fn word(collector: &CollectorStatus) -> &'static str {
    match &collector.told {
        CollectorReply::Figures(_) => "figures",
        CollectorReply::Nothing => "nothing",
        CollectorReply::Failed(_) => "failed",
        CollectorReply::NotAsked => "not asked",
    }
}

/// At the usual socket nobody answers: there is none, as of a collector that has stopped, or one that another has taken.
#[test]
fn a_collector_that_is_to_be_expected_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let (none, other) = (folder.path().join("none"), folder.path().join("other"));
    drop(UnixListener::bind(&other).unwrap());
    for (fetchers, named, usual, want, why) in [
        (
            &[LOCAL][..],
            None,
            &none,
            &["failed"][..],
            "the reporter fetches from this host",
        ),
        (
            &[REMOTE, LOCAL],
            None,
            &none,
            &["not asked", "failed"],
            "and from another",
        ),
        (
            &[LOCAL, "tlsrpt-fetcher --storage x"],
            None,
            &none,
            &["not asked", "not asked", "failed"],
            "whichever of two it is",
        ),
        (
            &[LOCAL],
            None,
            &other,
            &["failed"],
            "it has left its socket",
        ),
        (
            &[REMOTE],
            None,
            &none,
            &["not asked"],
            "a host that only reports",
        ),
        (
            &[REMOTE],
            None,
            &other,
            &["not asked", "failed"],
            "a collector that others fetch from",
        ),
        (&[], None, &none, &[], "nothing here"),
        (
            &[LOCAL],
            Some(&[][..]),
            &none,
            &["not asked"],
            "sys4's collector, which has no socket",
        ),
    ] {
        let reportd = reportd(fetchers);
        let all = collectors(SnapshotSources {
            reportd: &reportd,
            collector_sockets: named,
            usual_collector_socket: usual,
        });
        let words: Vec<_> = all.iter().map(word).collect();
        assert_eq!(words, want, "{why}");
    }
}

/// Who waited too long is not sent after permissions, and who may not read is.
#[test]
fn what_is_in_the_way_is_said() {
    let database = || "/nowhere/reportd.sqlite".to_owned();
    let open = |source: &str| StoreError::Open {
        database: database(),
        source: source.into(),
    };
    for (error, says, says_not, why) in [
        (
            open("interrupted"),
            "longer than 5 s",
            "set up",
            "it took too long",
        ),
        (open("disk I/O error"), "disk I/O error", "chmod", "a disk"),
        (
            StoreError::Missing {
                database: database(),
            },
            "tlsrpt-reportd makes it when it starts",
            "chmod",
            "a new site",
        ),
        (
            StoreError::Denied {
                database: database(),
                who: "it belongs to tlsrpt-reportd".to_owned(),
            },
            "chmod g+r",
            "longer",
            "another user",
        ),
    ] {
        let told = in_words(&error);
        assert!(told.contains(says), "{why}: {told}");
        assert!(!told.contains(says_not), "{why}: {told}");
    }
}
