//! Fetchers of all manners, merged.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::PathBuf,
    time::{Duration, Instant},
};

use tlsrptd_config::Start;
use tlsrptd_proto::{
    counts::DomainCounts,
    datagram::{Datagram, TextLimits},
    day::Day,
    fetch,
};

use super::*;

const LIMITS: TodayLimits = TodayLimits {
    head: Duration::from_secs(1),
    all: Duration::from_secs(4),
};

/// A folder of fetchers and what they print.
struct Fetchers(tempfile::TempDir);

impl Fetchers {
    fn new() -> Fetchers {
        Fetchers(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The begin of an answer, and some domains with one session each: two files.
    fn tells(&self, name: &str, domains: impl IntoIterator<Item = String>) {
        let (mut head, now) = (Vec::new(), Timestamp::now());
        fetch::write_stream_head(&mut head, now, Some(Day::of(now).previous())).unwrap();
        std::fs::write(self.path(&format!("{name}.head")), head).unwrap();
        let (mut lines, mut told) = (Vec::new(), 0);
        for domain in domains {
            let text = format!(
                r#"{{"d":"{domain}","pr":"v=TLSRPTv1;rua=mailto:a@b","policies":[{{"policy-type":9,"f":0}}]}}"#
            );
            let datagram = Datagram::parse(text.as_bytes(), &TextLimits::default()).unwrap();
            let (domain, mut counts) = (datagram.domain.clone(), DomainCounts::default());
            for result in datagram.into_session_results() {
                counts.add(result);
            }
            lines.extend(fetch::stream_line(&domain, &counts).into_bytes());
            lines.push(b'\n');
            told += 1;
        }
        std::fs::write(self.path(&format!("{name}.lines")), &lines).unwrap();
        fetch::write_stream_end(&mut lines, told).unwrap();
        std::fs::write(self.path(&format!("{name}.rest")), lines).unwrap();
    }

    /// A script is run in the folder.
    fn script(&self, name: &str, lines: &str) -> String {
        let (path, folder) = (self.path(name), self.0.path().display());
        std::fs::write(&path, format!("cd {folder}\n{lines}\n")).unwrap();
        format!("/bin/sh {}", path.display())
    }

    async fn merged(
        &self,
        commands: &[String],
    ) -> (BTreeMap<String, usize>, Vec<CollectorTonight>) {
        let words = [
            format!("--dbname={}", self.path("none").display()),
            format!("--fetchers={}", commands.join(", ")),
            "--organization_name=Org".to_owned(),
            "--contact_info=tls@sender.example".to_owned(),
        ];
        let words = words.into_iter().map(OsString::from);
        let Start::Run(settings) = tlsrptd_config::reportd::load(words, []) else {
            panic!("settings");
        };
        let question = TodayQuestion {
            domain: None,
            now: Timestamp::now(),
            limits: LIMITS,
        };
        let mut merged = MergedToday::ask(&settings.values, &question, |_| {}).await;
        let mut domains = BTreeMap::new();
        while let Some((domain, rows)) = merged.next() {
            assert_eq!(domains.insert(domain, rows.len()), None, "once each");
        }
        (domains, merged.collectors())
    }
}

/// More than a pipe holds comes from one whose names are all behind those of the other, who waits until it has told them.
#[tokio::test]
async fn nobody_waits_for_another_collectors_names() {
    let fetchers = Fetchers::new();
    let late = (0..3000).map(|n| format!("z{n:04}.a-rather-long-name.test"));
    fetchers.tells("late", late.chain(["zz.test".to_owned()]));
    fetchers.tells("early", ["a.test", "zz.test"].map(str::to_owned));
    let commands = [
        fetchers.script("first", "cat late.head late.rest; touch told"),
        fetchers.script(
            "second",
            "cat early.head; while ! [ -e told ]; do sleep 0.02; done; cat early.rest",
        ),
    ];
    let (domains, collectors) = fetchers.merged(&commands).await;
    assert_eq!(domains.len(), 3002);
    assert_eq!(domains["zz.test"], 2, "of both");
    let told: Vec<_> = collectors
        .iter()
        .map(|collector| (collector.domains, collector.error.as_deref()))
        .collect();
    assert_eq!(told, [(3001, None), (2, None)]);
}

#[tokio::test]
async fn what_does_not_come_in_time_is_named_and_the_rest_is_told() {
    let fetchers = Fetchers::new();
    fetchers.tells("good", ["a.test", "b.test"].map(str::to_owned));
    fetchers.tells("mixed", ["b.test", "a.test"].map(str::to_owned));
    let mut commands = vec![fetchers.script("good", "cat good.head good.rest")];
    let cases = [
        ("sleep 60", 0, "no answer in 1 s", "silent"),
        (
            "cat good.head good.lines; sleep 60",
            2,
            "the answer took longer than 4 seconds",
            "silent in the middle",
        ),
        (
            "cat mixed.head mixed.rest",
            1,
            "a.test is out of order",
            "in no order",
        ),
        (
            "cat good.head good.lines; exit 3",
            2,
            "exit status: 3",
            "cut off",
        ),
    ];
    for (place, (lines, ..)) in cases.iter().enumerate() {
        commands.push(fetchers.script(&format!("bad{place}"), lines));
    }
    let began = Instant::now();
    let (domains, collectors) = fetchers.merged(&commands).await;
    assert!(began.elapsed() < LIMITS.all * 3, "all at once");
    assert_eq!(domains.keys().collect::<Vec<_>>(), ["a.test", "b.test"]);
    assert_eq!(collectors[0].error, None);
    for ((_, told, error, why), collector) in cases.iter().zip(&collectors[1..]) {
        assert_eq!(collector.domains, *told, "{why}");
        let found = collector.error.as_deref().unwrap_or_default();
        assert!(found.contains(error), "{why}: {found}");
    }
}
