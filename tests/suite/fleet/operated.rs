//! A fleet on a real PostgreSQL, as its operator sees it: `tlsrptctl`, the page, the metrics.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::fleet::{Fleet, FleetHost, Member};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::{Ended, Program};
use tlsrptd_tests::harness::statusd::Statusd;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";
const HOSTS: [&str; 2] = ["mx1", "mx2"];

/// Two members, and two hosts that ship: `mx1` has three sessions, `mx2` one.
struct Site {
    lab: Lab,
    clock: Option<FakeClock>,
    fleet: Fleet,
    members: Vec<Member>,
    hosts: Vec<FleetHost>,
}

impl Site {
    fn start(lab: Lab, clock: Option<FakeClock>) -> Option<Site> {
        let fleet = Fleet::or_skip()?;
        let reportd = |number| fleet.reportd(&lab, number).set("spread_out_delivery", 1);
        let seeing = |program: Program| match &clock {
            Some(clock) => program.clock(clock),
            None => program,
        };
        let members = [1, 2].map(|number| fleet.join(&seeing(reportd(number))));
        let hosts = HOSTS.map(|name| fleet.host(&lab, clock.as_ref(), name));
        lab.dns.tlsrpt("a.test", TXT);
        lab.dns.tlsrpt("b.test", TXT);
        hosts[0].mta.send_all([
            mta::success("a.test", TXT),
            mta::failure("a.test", TXT, 203),
            mta::success("b.test", TXT),
        ]);
        hosts[1].mta.send(&mta::success("a.test", TXT));
        fleet.wait_for(
            "both members have shards",
            "SELECT count(DISTINCT owner) = 2 AND bool_and(owner IS NOT NULL) FROM tlsrpt.shard",
        );
        fleet.wait_for(
            "all sessions are there",
            "SELECT coalesce(sum(sessions), 0) = 4 FROM tlsrpt.shipment",
        );
        Some(Site {
            lab,
            clock,
            fleet,
            members: members.into(),
            hosts: hosts.into(),
        })
    }

    fn ask(&self, words: &[&str]) -> Ended {
        let ctl = self.fleet.ctl(&self.lab);
        let ctl = match &self.clock {
            Some(clock) => ctl.clock(clock),
            None => ctl,
        };
        words.iter().fold(ctl, |ctl, word| ctl.arg(word)).run()
    }

    fn text(&self, words: &[&str]) -> String {
        self.ask(words).success().stdout
    }

    fn json(&self, words: &[&str]) -> Value {
        let text = self.text(&[words, &["--json"]].concat());
        serde_json::from_str(&text).unwrap()
    }

    fn day(&self, day: &str) -> Value {
        let fleet = self.json(&["fleet"]);
        let mut days = fleet["days"].as_array().unwrap().iter();
        let found = days.find(|one| one["day"] == day).cloned();
        found.unwrap_or_else(|| panic!("{day}: {fleet}"))
    }

    fn collector(&self, name: &str) -> Value {
        let fleet = self.json(&["fleet"]);
        let mut all = fleet["collectors"].as_array().unwrap().iter();
        let found = all.find(|one| one["name"] == name).cloned();
        found.unwrap_or_else(|| panic!("{name}: {fleet}"))
    }
}

fn today() -> String {
    TimeZone::UTC
        .to_datetime(Timestamp::now())
        .date()
        .to_string()
}

#[test]
fn members_shards_collectors_and_days() {
    let Some(site) = Site::start(Lab::new(), None) else {
        return;
    };
    let fleet = site.json(&["fleet"]);
    let members = fleet["members"].as_array().unwrap();
    let names: Vec<&Value> = members.iter().map(|one| &one["name"]).collect();
    let want: Vec<&String> = site.members.iter().map(|one| &one.name).collect();
    assert_eq!(names, want, "{fleet}");
    let shards = members.iter().map(|one| one["shards"].as_u64().unwrap());
    assert_eq!(shards.sum::<u64>(), 64, "{fleet}");
    assert!(members.iter().all(|one| one["is_live"] == true), "{fleet}");
    for name in HOSTS {
        let one = site.collector(name);
        assert_eq!(one["day"], today(), "{one}");
        assert_eq!(
            (&one["is_done"], &one["retired_from"]),
            (&json!(false), &Value::Null)
        );
        assert!(one["silent_seconds"].as_u64().unwrap() < 60, "{one}");
    }
    for name in ["shards_without_owner", "overdue_days", "silent_collectors"] {
        assert_eq!(fleet[name], json!([]), "{fleet}");
    }
    let day = site.day(&today());
    assert_eq!(day["state"], "open");
    let collectors = [&day["collectors_done"], &day["collectors_expected"]];
    assert_eq!(collectors, [&json!(0), &json!(2)]);
    let text = site.text(&["fleet"]);
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let line = |first: &str| lines.iter().find(|line| line.first() == Some(&first));
    assert!(line("mx1").unwrap().contains(&"ships"), "{text}");
    assert!(line(&today()).unwrap().contains(&"0/2"), "{text}");
}

/// A host that says nothing is named by what it is waited for; it is retired; and that was a mistake.
#[test]
fn a_collector_is_retired_and_taken_back() {
    let Some(mut site) = Site::start(Lab::new(), None) else {
        return;
    };
    // Its day stays as it is, and nobody writes that it was seen.
    site.hosts.pop().unwrap().lose();
    site.fleet
        .query("UPDATE tlsrpt.collector SET seen = seen - interval '1 h' WHERE name = 'mx2'");
    let lag = "mx2 has shipped nothing for 60 min";
    let text = site.text(&["fleet"]);
    assert!(
        text.contains(lag) && text.contains("or retire it"),
        "{text}"
    );
    let check = site.ask(&["status", "--check"]);
    assert!(check.stdout.contains(lag), "{}", check.stdout);

    let told = site.text(&["fleet", "retire", "mx2"]);
    assert!(told.contains("fleet unretire mx2 takes it back"), "{told}");
    assert_eq!(site.collector("mx2")["retired_from"], today());
    assert_eq!(site.day(&today())["collectors_expected"], 1);
    let text = site.text(&["fleet"]);
    assert!(!text.contains(lag) && text.contains("retired"), "{text}");

    let told = site.json(&["fleet", "unretire", "mx2"]);
    assert_eq!(
        told,
        json!({ "unretired": "collector", "name": "mx2", "from": today() })
    );
    assert_eq!(site.collector("mx2")["retired_from"], Value::Null);
    assert_eq!(site.day(&today())["collectors_expected"], 2);
    assert!(site.text(&["fleet"]).contains(lag));
    for (words, part, why) in [
        (
            ["fleet", "retire", "mx3"],
            "no collector that is waited for",
            "unknown",
        ),
        (
            ["fleet", "unretire", "mx2"],
            "no collector that is retired",
            "it is waited for",
        ),
    ] {
        let ended = site.ask(&words);
        assert_eq!(ended.code(), Some(1), "{why}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{why}: {}", ended.stderr);
    }
}

#[test]
fn a_member_is_retired_and_stopped() {
    let Some(mut site) = Site::start(Lab::new(), None) else {
        return;
    };
    let first = &site.members[0];
    let id = site.json(&["fleet"])["members"][0]["id"].clone();
    let told = site.text(&["fleet", "retire", &first.name]);
    assert!(told.contains("stop it, or it joins anew"), "{told}");
    let joined = format!(
        "SELECT count(*) = 1 FROM tlsrpt.member WHERE NOT fenced AND name = '{}' AND id > {id}",
        first.name
    );
    site.fleet.wait_for("it joins anew", &joined);
    site.members.remove(0).running.stop().success();
    let others =
        "SELECT count(DISTINCT owner) = 1 AND bool_and(owner IS NOT NULL) FROM tlsrpt.shard";
    site.fleet.wait_for("the other one has all shards", others);
    let fleet = site.json(&["fleet"]);
    let mut live = fleet["members"].as_array().unwrap().iter();
    let live = live.find(|one| one["is_live"] == true).unwrap();
    assert_eq!(live["name"], site.members[0].name, "{fleet}");
    assert_eq!(live["shards"], 64, "{fleet}");
    assert!(site.members[0].running.is_running());
}

/// What packages have as `fetchers` asks the collector of the member's own host. It is warned of before; where that collector ships
/// too it is a failure.
#[test]
fn a_fetcher_of_the_members_own_host() {
    let Some(fleet) = Fleet::or_skip() else {
        return;
    };
    let lab = Lab::new();
    let fetcher = lab.fetcher().command_line();
    let reportd = fleet.reportd(&lab, 1).set("fetchers", &fetcher);
    let checked = reportd.clone().arg("--check_config").run();
    let warned = "asks the collector of whichever member of the fleet runs it";
    assert!(checked.stderr.contains(warned), "{}", checked.stderr);
    let member = fleet.join(&reportd);
    assert!(
        member.running.log().contains(warned),
        "{}",
        member.running.log()
    );
    let doctor = || {
        let ctl = fleet.ctl(&lab).set("fetchers", &fetcher);
        let ended = ctl.arg("doctor").arg("--json").run();
        let found: Value = serde_json::from_str(&ended.stdout).unwrap();
        let findings = found["findings"].as_array().unwrap().clone();
        let failed = |one: &Value| one["level"] == "fail" && one["area"] == "fetcher";
        let texts = findings
            .iter()
            .filter(|one| failed(one))
            .map(|one| one["finding"].to_string());
        texts.collect::<String>()
    };
    assert_eq!(
        doctor().matches("counted twice").count(),
        0,
        "nothing ships"
    );
    let name = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let host = fleet.host(&lab, None, &name);
    let known = format!("SELECT count(*) = 1 FROM tlsrpt.collector WHERE name = '{name}'");
    fleet.wait_for("it ships", &known);
    let told = doctor();
    assert!(
        told.contains("ships too") && told.contains("counted twice"),
        "{told}"
    );
    host.shipper.stop().success();
    member.running.stop().success();
}

/// Midnight comes; the day is closed, composed and delivered by both, and all that shows a reporter shows it.
#[test]
fn a_day_on_the_page_and_in_the_metrics() {
    let lab = Lab::new();
    let day = lab.day();
    let Some(clock) = FakeClock::or_skip(lab.folder(), &format!("{day}T23:50:00Z")) else {
        return;
    };
    let Some(site) = Site::start(lab, Some(clock.clone())) else {
        return;
    };
    clock.jump(&format!("{}T00:00:05Z", today()));
    site.fleet.wait_for(
        "the day is delivered",
        &format!(
            "SELECT (SELECT composed FROM tlsrpt.composing WHERE day = '{day}') \
             AND (SELECT count(*) = 2 AND count(*) FILTER (WHERE status = 'sent') = 2 FROM tlsrpt.delivery)"
        ),
    );
    assert_eq!(site.lab.smtp.mails().len(), 2);
    let shown = site.day(&day);
    for (name, want) in [
        ("state", json!("composed")),
        ("collectors_done", json!(2)),
        ("collectors_expected", json!(2)),
        ("shards_composed", json!(64)),
        ("late_sessions", json!(0)),
        ("missing", json!([])),
    ] {
        assert_eq!(shown[name], want, "{name}: {shown}");
    }
    answers(&site, &day);
    metrics(&site);
    page(&site, &day);
}

fn answers(site: &Site, day: &str) {
    let deliveries = site.json(&["deliveries", day]);
    let rows = deliveries["deliveries"].as_array().unwrap();
    let sent: Vec<_> = rows
        .iter()
        .map(|row| (&row["domain"], &row["status"]))
        .collect();
    assert_eq!(sent.len(), 2, "{deliveries}");
    for domain in ["a.test", "b.test"] {
        assert!(
            sent.contains(&(&json!(domain), &json!("sent"))),
            "{deliveries}"
        );
    }
    let report = site.json(&["show", "a.test", day]);
    assert_eq!(super::sessions(&report), (2, 1), "of both hosts: {report}");
    let why = site.text(&["why", "a.test", day]);
    assert!(why.contains("250"), "as the relay said: {why}");
    let history = site.json(&["history"]);
    let of_day = history["days"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["day"] == day);
    assert_eq!(of_day.unwrap()["sessions"], 4, "{history}");
}

/// As they are on every host, whichever member is asked.
const METRICS: [&str; 5] = [
    "tlsrpt_fleet_members 2",
    "tlsrpt_fleet_shards_without_owner 0",
    "tlsrpt_fleet_overdue_days 0",
    "tlsrpt_fleet_late_sessions{collector=\"mx1\"} 0",
    "tlsrpt_fleet_collector_last_seen_timestamp_seconds{collector=\"mx2\"} ",
];

fn metrics(site: &Site) {
    let text = site.text(&["metrics"]);
    for line in METRICS {
        assert!(
            text.lines().any(|found| found.starts_with(line)),
            "{line}: {text}"
        );
    }
}

fn page(site: &Site, day: &str) {
    let reportd = site.fleet.reportd(&site.lab, 1);
    let statusd = site.lab.statusd(&reportd);
    let statusd = Statusd::start(&match &site.clock {
        Some(clock) => statusd.clock(clock),
        None => statusd,
    });
    let page = statusd.get("/");
    assert_eq!(page.status, 200, "{}", page.body);
    let names = site.members.iter().map(|member| member.name.as_str());
    for part in names.chain(HOSTS).chain(["id=\"fleet\"", day]) {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let domain = statusd.get("/domain/a.test");
    assert_eq!(domain.status, 200, "{}", domain.body);
    assert!(domain.body.contains(day), "{}", domain.body);
    let metrics = statusd.get("/metrics");
    assert_eq!(metrics.status, 200, "{}", metrics.body);
    for line in METRICS {
        assert!(
            metrics.body.lines().any(|found| found.starts_with(line)),
            "{line}: {}",
            metrics.body
        );
    }
    statusd.running.stop().success();
}
