//! All metrics: one row drives the texts and docs/monitoring.md.

use prometheus_client::{metrics::MetricType, registry::Unit};

/// The metrics of one name.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// As its values are named, with the unit, and `_total` of a counter.
    pub name: &'static str,
    /// Which type.
    pub kind: FamilyKind,
    /// The labels that its values may have.
    pub labels: &'static [&'static str],
    /// What it tells: a sentence without quotes and backslashes, which the two forms write differently.
    pub help: &'static str,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyKind {
    /// It never falls, but when its program starts anew.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Its labels are what it tells.
    Info,
}

impl FamilyKind {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            FamilyKind::Counter => "counter",
            FamilyKind::Gauge => "gauge",
            FamilyKind::Info => "info",
        }
    }

    pub(crate) fn metric_type(self) -> MetricType {
        match self {
            FamilyKind::Counter => MetricType::Counter,
            FamilyKind::Gauge => MetricType::Gauge,
            FamilyKind::Info => MetricType::Info,
        }
    }
}

impl Family {
    /// The library puts unit and suffix behind the name by itself.
    pub(crate) fn bare_name(&self) -> (&'static str, Option<Unit>) {
        let suffix = match self.kind {
            FamilyKind::Counter => "_total",
            FamilyKind::Gauge => "",
            FamilyKind::Info => "_info",
        };
        let name = self.name.strip_suffix(suffix).unwrap_or(self.name);
        for unit in [Unit::Seconds, Unit::Bytes] {
            let bare = name
                .strip_suffix(unit.as_str())
                .and_then(|name| name.strip_suffix('_'));
            if let Some(bare) = bare {
                return (bare, Some(unit));
            }
        }
        (name, None)
    }
}

macro_rules! families {
    ($($row:ident $kind:ident $name:literal [$($label:literal)*] $help:literal)*) => {
        $(
            #[doc = $help]
            pub static $row: Family = Family {
                name: $name,
                kind: FamilyKind::$kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*
        /// All of them, in the order of the text.
        pub static FAMILIES: &[&Family] = &[$(&$row),*];
    };
}

families! {
    BUILD_INFO Info "tlsrpt_build_info" ["program" "version" "collector"]
        "The programs that answered, with their versions."
    METRICS_TIMESTAMP Gauge "tlsrpt_metrics_timestamp_seconds" ["program"]
        "When these figures were taken, in seconds since 1970. program is tlsrpt-collectd in a stats_file, and absent elsewhere."

    COLLECTD_UP Gauge "tlsrpt_collectd_up" ["collector"]
        "1 if the collector answers, 0 if it does not. Absent for a collector whose fetcher cannot be asked: sys4's, or an older one."
    COLLECTD_START_TIME Gauge "tlsrpt_collectd_start_time_seconds" ["collector"]
        "When the collector was started, in seconds since 1970."
    COLLECTD_CLOCK_DIFFERENCE Gauge "tlsrpt_collectd_clock_difference_seconds" ["collector"]
        "How far the clock of the collector is from that of the asking host, in either direction."
    COLLECTD_LAST_SESSION Gauge "tlsrpt_collectd_last_session_timestamp_seconds" ["collector"]
        "When the last datagram came from the MTA, in seconds since 1970. Absent before the first since the start."
    COLLECTD_RECEIVED Counter "tlsrpt_collectd_received_total" ["collector"]
        "Datagrams read from the sockets."
    COLLECTD_DATAGRAMS Counter "tlsrpt_collectd_datagrams_total" ["result" "collector" "storage"]
        "What became of datagrams: counted (written to the storage), malformed, dropped. Those that are missing from the received ones wait for the next commit."
    COLLECTD_MALFORMED Counter "tlsrpt_collectd_malformed_total" ["reason" "collector"]
        "Datagrams that are not what libtlsrpt sends, by reason."
    COLLECTD_DROPPED Counter "tlsrpt_collectd_dropped_total" ["reason" "collector" "storage"]
        "Datagrams that were dropped, by reason: queue-full, day-full, domain-share, storage."
    COLLECTD_ANOMALIES Counter "tlsrpt_collectd_anomalies_total" ["kind" "collector"]
        "Datagrams that were counted in spite of an anomaly, by kind."
    COLLECTD_FOLDED Counter "tlsrpt_collectd_folded_total" ["kind" "collector" "storage"]
        "Policies and failures whose details gave way to a limit and were counted together."
    COLLECTD_SESSIONS Counter "tlsrpt_collectd_sessions_total" ["result" "collector" "storage"]
        "TLS sessions that were written to the storage, one a datagram and policy: successful, failed."
    COLLECTD_SESSIONS_TODAY Gauge "tlsrpt_collectd_sessions_today" ["result" "collector" "storage"]
        "TLS sessions of the day that goes on, as far as they are written: successful, failed."
    COLLECTD_DOMAINS_TODAY Gauge "tlsrpt_collectd_domains_today" ["collector" "storage"]
        "Domains with sessions on the day that goes on."
    COLLECTD_POLICIES_TODAY Gauge "tlsrpt_collectd_policies_today" ["collector" "storage"]
        "Policies with sessions on the day that goes on."
    COLLECTD_DAY_FILE_BYTES Gauge "tlsrpt_collectd_day_file_bytes" ["collector" "storage"]
        "Bytes of the running day's file that are in use."
    COLLECTD_DAY_FILE_LIMIT Gauge "tlsrpt_collectd_day_file_limit_bytes" ["collector" "storage"]
        "What max_day_file_size allows: nearer than a quarter, details are counted together, and at it, what needs a new row is dropped."
    COLLECTD_UNCOMMITTED Gauge "tlsrpt_collectd_uncommitted" ["collector" "storage"]
        "Datagrams that wait for a commit."
    COLLECTD_QUEUE_HIGH_WATER Gauge "tlsrpt_collectd_queue_high_water" ["collector" "storage"]
        "The most datagrams that ever waited for the writer since the start."
    COLLECTD_COMMITS Counter "tlsrpt_collectd_commits_total" ["collector" "storage"]
        "Transactions."
    COLLECTD_COMMIT_FAILURES Counter "tlsrpt_collectd_commit_failures_total" ["collector" "storage"]
        "Transactions that failed."
    COLLECTD_DAYS_CLOSED Counter "tlsrpt_collectd_day_files_closed_total" ["collector" "storage"]
        "Days closed."

    STORE_UP Gauge "tlsrpt_store_up" []
        "1 if the database of the reporter can be read, 0 if not: what is counted there is absent then."
    REPORTD_UP Gauge "tlsrpt_reportd_up" []
        "1 if tlsrpt-reportd answers on its observation socket, 0 if it does not. Absent if the socket is not configured."
    REPORTD_START_TIME Gauge "tlsrpt_reportd_start_time_seconds" []
        "When the reporter was started, in seconds since 1970."
    REPORTD_CLOCK_CONFIRMED Gauge "tlsrpt_reportd_clock_confirmed" []
        "1 if the reporter believes its clock; 0 after a jump, while it does nothing that cannot be undone."
    REPORTD_RESOLVER_AVAILABLE Gauge "tlsrpt_reportd_resolver_available" []
        "1 if the name servers answer; 0 if reports go where the MTA saw that they should. Absent if they are not asked."
    REPORTD_FETCHER_LAST_SUCCESS Gauge "tlsrpt_reportd_fetcher_last_success_timestamp_seconds" ["fetcher"]
        "When the reporter last had an answer from the fetcher, in seconds since 1970. Absent before the first since its start."
    REPORTD_FETCHER_FAILING Gauge "tlsrpt_reportd_fetcher_failing" ["fetcher"]
        "1 if the last attempt to ask the fetcher failed."
    REPORTD_UNDER_WAY Gauge "tlsrpt_reportd_under_way" []
        "Deliveries that are attempted right now."
    REPORTD_THROTTLED_QUEUES Gauge "tlsrpt_reportd_throttled_queues" ["carrier"]
        "Destination queues that are held back because nothing was delivered. The one of carrier mail is the relay's."
    REPORTD_PENDING Gauge "tlsrpt_reportd_pending" []
        "Deliveries that wait: for their time, for their turn, or for the next attempt."
    REPORTD_PENDING_LATE Gauge "tlsrpt_reportd_pending_late" []
        "Deliveries that have been due for six hours and were not tried."
    REPORTD_PENDING_FAILING Gauge "tlsrpt_reportd_pending_failing" []
        "Deliveries, of the 20,000 oldest that wait, whose attempts have failed for six hours."
    REPORTD_OLDEST_PENDING Gauge "tlsrpt_reportd_oldest_pending_seconds" []
        "For how long the oldest delivery that waits has been due or has failed; 0 if none is late."
    REPORTD_DELIVERIES Counter "tlsrpt_reportd_deliveries_total" ["carrier" "status"]
        "Deliveries that have ended, by carrier (mail, https, directory, other) and status, since the database remembers carriers."
    REPORTD_BOUNCES Counter "tlsrpt_reportd_bounces_total" ["result"]
        "Mails that came to bounce_address, by what became of them: refused (the report counts as refused, and was counted as sent among the deliveries), delayed, passed; nothing followed from ended, gone, repeated, copy, untagged, no-bounce."
    REPORTD_SUPPRESSED Gauge "tlsrpt_reportd_suppressed" []
        "Entries of the suppression list."

    FLEET_MEMBERS Gauge "tlsrpt_fleet_members" []
        "Members of the fleet that are at work. Absent, as all of tlsrpt_fleet, where dbname is a file."
    FLEET_SHARDS_WITHOUT_OWNER Gauge "tlsrpt_fleet_shards_without_owner" []
        "Shards of which no member takes care: their reports wait. For a moment after a member was lost, this is usual."
    FLEET_OPEN_DAYS Gauge "tlsrpt_fleet_open_days" []
        "Days to which counts are added: today, and after midnight yesterday until all collectors are done with it."
    FLEET_OVERDUE_DAYS Gauge "tlsrpt_fleet_overdue_days" []
        "Days that are open beyond fetch_deadline: no member closes them."
    FLEET_COLLECTOR_SEEN Gauge "tlsrpt_fleet_collector_last_seen_timestamp_seconds" ["collector"]
        "When the shipper of the collector has last written to the database, in seconds since 1970."
    FLEET_LATE_SESSIONS Gauge "tlsrpt_fleet_late_sessions" ["collector"]
        "Sessions that came when their day was closed, and are in no report; of the days that are kept."

    SESSIONS Counter "tlsrpt_sessions_total" ["policy" "result"]
        "TLS sessions of all decided days, by policy type (tlsa is DANE, sts MTA-STS) and result: successful, failed. It grows once a day, when the day before is decided."
    FAILURES Counter "tlsrpt_failures_total" ["result_type"]
        "Failed TLS sessions of all decided days, by the result type of RFC 8460. A session may have several, or none that was told."
    LAST_DAY Gauge "tlsrpt_last_day_timestamp_seconds" []
        "When the last closed day began, in seconds since 1970."
    LAST_DAY_SESSIONS Gauge "tlsrpt_last_day_sessions" ["policy" "result"]
        "TLS sessions of the last closed day, by policy type and result."
    LAST_DAY_DOMAINS Gauge "tlsrpt_last_day_domains" []
        "Domains of the last closed day that are decided on. Absent, as sessions and deliveries are, until the day begins to be decided, and not whole until it is."
    LAST_DAY_DELIVERIES Gauge "tlsrpt_last_day_deliveries" []
        "Deliveries of the reports of the last closed day, however they stand."
    LAST_DAY_COLLECTORS Gauge "tlsrpt_last_day_collectors" ["stage"]
        "Collectors that were or are asked for the last closed day: waiting, answered, given_up."
    LAST_DAY_MOST_FAILED Gauge "tlsrpt_last_day_most_failed_sessions" ["result_type"]
        "Sessions that failed in this way at the one domain that had most of them on the last closed day; of the 1,000 failures of the most sessions. Absent until the day begins to be decided. Which: tlsrptctl failures."
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_rows_are_as_prometheus_wants_them() {
        let mut names = BTreeSet::new();
        for family in FAMILIES {
            let Family {
                name, kind, help, ..
            } = family;
            assert!(names.insert(name), "{name} stands twice");
            assert!(name.starts_with("tlsrpt_"), "{name}");
            let is_counter = *kind == FamilyKind::Counter;
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            assert_eq!(name.ends_with("_info"), *kind == FamilyKind::Info, "{name}");
            assert!(help.ends_with('.'), "{name}");
            assert!(!help.contains(['\\', '"', '\n']), "{name}");
        }
        assert_eq!(
            COLLECTD_DAY_FILE_BYTES.bare_name(),
            ("tlsrpt_collectd_day_file", Some(Unit::Bytes))
        );
        assert_eq!(SESSIONS.bare_name(), ("tlsrpt_sessions", None));
    }
}
