//! What happened, in numbers: for the log, and for whoever observes.
//!
//! They keep a law: received = counted + malformed + dropped + waiting. With several storages each keeps it, with figures
//! of its own: the plain ones are those of the first storage, which is the one that the fetcher reads.

mod counters;
mod hourly;

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use tlsrptd_proto::day::Day;

pub(crate) use counters::{CountedFigure, Counter, DropReason, ReasonCounters};
pub(crate) use hourly::HourlyFigures;

/// All numbers since the start of the process, but for those of today.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Datagrams read from the sockets.
    pub(crate) received: Counter,
    /// When the last ones were read: seconds since 1970. 0: none was.
    pub(crate) last_received: Counter,
    /// The day that the reader counts for.
    pub(crate) today: Mutex<Option<Day>>,
    /// Datagrams accepted for counting, committed or not.
    pub(crate) counted: CountedFigure,
    /// Datagrams that are in the storage.
    pub(crate) committed: Counter,
    /// Datagrams that are not what libtlsrpt sends, by reason.
    pub(crate) malformed: ReasonCounters,
    /// Datagrams that were dropped, by reason.
    pub(crate) dropped: ReasonCounters<DropReason>,
    /// Datagrams that were counted in spite of an anomaly, by anomaly.
    pub(crate) anomalies: ReasonCounters,
    /// Policies and failures whose details were folded by a limit.
    pub(crate) folded: ReasonCounters,
    /// Transactions.
    pub(crate) commits: Counter,
    /// Transactions that failed.
    pub(crate) commit_failures: Counter,
    /// Datagrams counted and not yet committed.
    pub(crate) uncommitted: Counter,
    /// Days closed.
    pub(crate) days_closed: Counter,
    /// The most datagrams that ever waited for the writer.
    pub(crate) queue_high_water: Counter,
    /// Domains with sessions today.
    pub(crate) domains_today: Counter,
    /// Policies with sessions today.
    pub(crate) policies_today: Counter,
    /// Sessions in the storage that did not fail, one a datagram and policy: a figure of its own, since a difference of two that
    /// grow one after the other may fall.
    pub(crate) successful: Counter,
    /// Those that failed.
    pub(crate) failed: Counter,
    /// Sessions of today, one a datagram and policy, that are in the storage, and those of them that failed. Of a large file
    /// that was there at the start they are not known.
    pub(crate) sessions_today: Mutex<Option<Sessions>>,
    /// Bytes of today's file that are in use.
    pub(crate) day_file_bytes: Counter,
    /// The URL of the storage, where there are several.
    pub(crate) storage: Option<String>,
    /// The figures of the storages after the first.
    pub(crate) others: Vec<Arc<Stats>>,
}

/// Numbers of sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sessions {
    pub(crate) total: u64,
    pub(crate) failed: u64,
}

impl Stats {
    /// Publishes for which day the reader counts.
    pub(crate) fn set_today(&self, day: Day) {
        *self.today.lock().unwrap_or_else(PoisonError::into_inner) = Some(day);
    }

    /// The figures of storages with these URLs.
    pub(crate) fn of_storages<'u>(urls: impl IntoIterator<Item = &'u str>) -> Stats {
        let mut all: Vec<Stats> = urls
            .into_iter()
            .map(|url| Stats {
                storage: Some(url.to_owned()),
                ..Stats::default()
            })
            .collect();
        if all.is_empty() {
            return Stats::default();
        }
        let mut first = all.remove(0);
        if all.is_empty() {
            first.storage = None;
        }
        first.others = all.into_iter().map(Arc::new).collect();
        first
    }

    /// These figures and those of the other storages.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Stats> {
        std::iter::once(self).chain(self.others.iter().map(Arc::as_ref))
    }

    /// `key value` lines, one a number; a reason is written `key{reason}`.
    fn text(&self) -> String {
        let mut text = String::new();
        for (key, n) in self.counters() {
            push_line(&mut text, key, None, n);
        }
        for (key, reasons) in self.by_reason() {
            let total = reasons.iter().map(|(_, n)| n).sum();
            push_line(&mut text, key, None, total);
            for (reason, n) in reasons {
                push_line(&mut text, key, Some(reason), n);
            }
        }
        for other in &self.others {
            for (key, n) in other.of_one_storage() {
                push_line(&mut text, key, other.storage.as_deref(), n);
            }
        }
        text
    }

    /// The numbers that may differ between storages.
    fn of_one_storage(&self) -> [(&'static str, u64); 6] {
        [
            ("storage_counted", self.counted.value()),
            ("storage_dropped", self.dropped.total()),
            ("storage_uncommitted", self.uncommitted.value()),
            ("storage_commits", self.commits.value()),
            ("storage_commit_failures", self.commit_failures.value()),
            ("storage_day_file_bytes", self.day_file_bytes.value()),
        ]
    }

    /// [`Stats::text`] on one line, without the numbers that are zero.
    pub(crate) fn summary(&self) -> String {
        self.text()
            .lines()
            .filter(|line| !line.ends_with(" 0"))
            .map(|line| line.replacen(' ', "=", 1))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// What `systemctl status` shows.
    pub(crate) fn status(&self) -> String {
        format!(
            "{} datagrams received, {} counted, {} malformed, {} dropped; {} domains today",
            self.received.value(),
            self.counted.value(),
            self.malformed.total(),
            self.dropped.total(),
            self.domains_today.value()
        )
    }

    fn counters(&self) -> [(&'static str, u64); 10] {
        [
            ("received", self.received.value()),
            ("counted", self.counted.value()),
            ("uncommitted", self.uncommitted.value()),
            ("commits", self.commits.value()),
            ("commit_failures", self.commit_failures.value()),
            ("days_closed", self.days_closed.value()),
            ("queue_high_water", self.queue_high_water.value()),
            ("domains_today", self.domains_today.value()),
            ("policies_today", self.policies_today.value()),
            ("day_file_bytes", self.day_file_bytes.value()),
        ]
    }

    fn by_reason(&self) -> [(&'static str, Vec<(&'static str, u64)>); 4] {
        [
            ("malformed", self.malformed.by_name()),
            ("dropped", self.dropped.by_name()),
            ("anomalies", self.anomalies.by_name()),
            ("folded", self.folded.by_name()),
        ]
    }
}

/// Adds `KEY N`, or `KEY{LABEL} N`: the label is a reason, or the URL of a storage.
fn push_line(text: &mut String, key: &str, label: Option<&str>, n: u64) {
    // Writing to a String cannot fail.
    let _ = match label {
        None => writeln!(text, "{key} {n}"),
        Some(label) => writeln!(text, "{key}{{{label}}} {n}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_summary() {
        let stats = Stats::default();
        stats.received.add(3);
        stats.counted.add(2);
        stats.malformed.add("not-json", 1);
        let text = stats.text();
        assert!(text.starts_with("received 3\ncounted 2\n"), "{text}");
        assert!(
            text.contains("\nmalformed 1\nmalformed{not-json} 1\ndropped 0\n"),
            "{text}"
        );
        assert_eq!(
            stats.summary(),
            "received=3 counted=2 malformed=1 malformed{not-json}=1"
        );
    }

    #[test]
    fn each_storage_has_its_own() {
        let stats = Stats::of_storages(["sqlite:///a", "sqlite:///b"]);
        stats.counted.add(5);
        stats.others[0].counted.add(3);
        stats.others[0].dropped.add(DropReason::Storage, 2);
        let text = stats.text();
        for want in [
            "\ncounted 5\n",
            "\ndropped 0\n",
            "\nstorage_counted{sqlite:///b} 3\n",
            "\nstorage_dropped{sqlite:///b} 2\n",
        ] {
            assert!(text.contains(want), "{want} in {text}");
        }
        let only = Stats::of_storages(["sqlite:///a"]);
        assert_eq!(only.text(), Stats::default().text(), "one needs no name");
    }
}
