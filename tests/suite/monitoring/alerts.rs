//! A real Prometheus scrapes a site on which one thing after the other goes wrong, and each alert fires.
//!
//! Time is shortened: windows and waits of the rules are divided by [`FASTER`]. Thresholds are as they are; what takes a day is
//! told by figures that the test writes, all else by the real programs.

use jiff::Timestamp;
use tlsrptd_tests::harness::prometheus::{MetricsPage, Prometheus};
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::wait::until_true;

use super::{
    alert_names, dashboard, rules,
    site::{Site, failure, success},
};

/// An hour becomes ten seconds.
const FASTER: u64 = 360;

/// How long ago the week ends that TlsrptFailureShare compares with: the test does not wait for a day.
const OFFSET: &str = "offset 12s";

/// Divides each `[WINDOW]` and `for: WAIT`.
fn faster(rules: &str) -> String {
    let shorter = |text: &str| {
        let (number, unit) = text.split_at(text.len() - 1);
        let seconds = match unit {
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            _ => panic!("{text}"),
        };
        let number: u64 = number.parse().unwrap();
        format!("{}ms", number * seconds * 1000 / FASTER)
    };
    let mut lines = Vec::new();
    for line in rules.lines() {
        let mut line = line.replace("offset 1d", OFFSET);
        if let Some((before, wait)) = line.split_once("for: ") {
            line = format!("{before}for: {}", shorter(wait));
        }
        let mut parts = line.split('[');
        let mut shortened = parts.next().unwrap().to_owned();
        for part in parts {
            let (window, rest) = part.split_once(']').unwrap();
            shortened += &format!("[{}]{rest}", shorter(window));
        }
        lines.push(shortened);
    }
    lines.join("\n")
}

/// What takes days: of a collector that is silent, of one that cannot be fetched from, of a day that lacks one, of figures that
/// are old.
fn figures() -> String {
    let now = Timestamp::now().as_second();
    let two_days_ago = now - 172_800;
    format!(
        "tlsrpt_metrics_timestamp_seconds {two_days_ago}\n\
         tlsrpt_collectd_last_session_timestamp_seconds{{collector=\"a\"}} {two_days_ago}\n\
         tlsrpt_collectd_start_time_seconds{{collector=\"a\"}} {now}\n\
         tlsrpt_reportd_fetcher_failing{{fetcher=\"ssh b\"}} 1\n\
         tlsrpt_last_day_collectors{{stage=\"given_up\"}} 1\n\
         tlsrpt_fleet_members 0\n\
         tlsrpt_fleet_overdue_days 1\n\
         tlsrpt_fleet_collector_last_seen_timestamp_seconds{{collector=\"c\"}} {two_days_ago}\n"
    )
}

#[test]
fn each_alert_fires_when_it_should() {
    let mut site = Site::with(|lab| {
        let denied = Act::reply("554 5.7.1 Relay access denied");
        lab.smtp.script(Stage::Rcpt, denied);
    });
    let statusd = site.statusd();
    let page = MetricsPage::serve("tlsrpt_reportd_up 1\n");
    let targets = [("site", statusd.address), ("figures", page.address)];
    let Some(prometheus) = Prometheus::or_skip(&faster(&rules()), &targets) else {
        return;
    };
    let mut fired = Vec::new();
    let mut fires = |alert: &str| {
        prometheus.wait_for(alert);
        fired.push(alert.split(' ').next().unwrap().to_owned());
    };
    // Of yesterday, and of the relay.
    fires("TlsrptCertificateExpired site");
    fires("TlsrptRelayRefuses site");
    // A good while, and nothing else is wrong.
    site.lab
        .mta()
        .send_all((0..2000).map(|_| success("d1.example")));
    dashboard::assert_all_return_data(&prometheus);
    let counted = "sum(tlsrpt_collectd_sessions_total{instance=\"site\"}) >= 2000";
    until_true("all is counted", || !prometheus.query(counted).is_empty());
    let all_known =
        "min_over_time(sum(tlsrpt_collectd_sessions_total{instance=\"site\"})[30s:1s]) >= 2000";
    until_true("an hour", || !prometheus.query(all_known).is_empty());
    let known = ["TlsrptCertificateExpired site", "TlsrptRelayRefuses site"];
    let mut others = prometheus.firing();
    others.retain(|alert| !known.contains(&alert.as_str()));
    assert_eq!(others, [""; 0], "all else is well");
    site.lab
        .mta()
        .send_all((0..40).map(|_| failure("d1.example")));
    fires("TlsrptFailureShare site");
    // A stranger's names fill the day's file: two owners, so that no share holds them.
    for n in 0..4000 {
        let owner = n % 40;
        site.lab
            .mta()
            .send(&success(&format!("n{n}.o{owner}.example")));
    }
    fires("TlsrptDayFileNearlyFull site");
    fires("TlsrptDropped site");
    site.stop_reporter();
    fires("TlsrptReporterMissing site");
    site.age_pending();
    fires("TlsrptReportsWaiting site");
    site.stop_collector();
    fires("TlsrptCollectorMissing site");
    site.remove_database();
    fires("TlsrptStoreUnreadable site");
    page.set(&figures());
    for alert in [
        "TlsrptNoSessions figures",
        "TlsrptFetcherFailing figures",
        "TlsrptDayNotGathered figures",
        "TlsrptMetricsMissing figures",
        "TlsrptFleetMemberMissing figures",
        "TlsrptFleetDayOverdue figures",
        "TlsrptShipperSilent figures",
    ] {
        fires(alert);
    }
    fired.sort();
    let rules = rules();
    let mut all = alert_names(&rules);
    all.sort_unstable();
    assert_eq!(fired, all, "each was provoked");
}
