//! The texts, by those who read them: promtool, node_exporter; and the rules, by promtool.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use tlsrptd_tests::harness::prometheus::{NodeExporter, promtool_or_skip};
use tlsrptd_tests::harness::wait::until_true;

use super::{alert_names, document, rules, site::Site};

/// Runs it with this on its standard input; what it says when it finds nothing wrong.
fn promtool(path: &Path, words: &[&str], input: &str) -> String {
    let mut child = Command::new(path)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{words:?}: {said}\n{input}");
    said.into_owned()
}

#[test]
fn promtool_finds_nothing_wrong_with_any_text() {
    let Some(path) = promtool_or_skip() else {
        return;
    };
    let mut site = Site::new();
    let statusd = site.statusd();
    let of_collector = site.lab.file("collectd.prom");
    until_true("the stats file", || of_collector.exists());
    for (what, text) in [
        ("tlsrptctl", site.ctl(&["metrics"]).run().success().stdout),
        ("stats_file", fs::read_to_string(&of_collector).unwrap()),
        ("tlsrpt-statusd", statusd.get("/metrics").body),
    ] {
        assert_eq!(promtool(&path, &["check", "metrics"], &text), "", "{what}");
        assert!(text.contains("\ntlsrpt_collectd_up"), "{what}: {text}");
        // Nothing in it grows with the domains.
        assert!(text.len() < 20_000, "{what}: {} bytes", text.len());
    }
    let accept =
        "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let open = statusd.ask(&format!(
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    ));
    assert!(open.body.ends_with("\n# EOF\n"), "{}", open.body);
    assert!(
        open.field("content-type")
            .starts_with("application/openmetrics-text;"),
        "{open:?}"
    );
    assert!(
        statusd
            .get("/metrics")
            .field("content-type")
            .starts_with("text/plain; version=0.0.4"),
        "without Accept"
    );
    // A daemon that does not answer has nothing but its word.
    site.stop_collector();
    site.stop_reporter();
    let text = site.ctl(&["metrics"]).run().success().stdout;
    assert!(text.contains("\ntlsrpt_reportd_up 0\n"), "{text}");
    assert!(!text.contains("tlsrpt_collectd_received"), "{text}");
    assert_eq!(promtool(&path, &["check", "metrics"], &text), "");
}

#[test]
fn node_exporter_tells_what_the_files_have() {
    let site = Site::new();
    let folder = site.lab.file("textfiles");
    fs::create_dir(&folder).unwrap();
    let Some(exporter) = NodeExporter::or_skip(&folder) else {
        return;
    };
    let file = folder.join("tlsrpt.prom");
    let ctl = site.ctl(&["metrics", "--output"]).arg(file.display());
    for _ in 0..2 {
        assert_eq!(ctl.run().success().stdout, "");
    }
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o644
    );
    // The file of a collector beside it has no series of the same labels: of two node_exporter tells one.
    let of_collector = site.lab.file("collectd.prom");
    until_true("the stats file", || of_collector.exists());
    fs::copy(of_collector, folder.join("collectd.prom")).unwrap();
    let told = exporter.metrics();
    assert!(told.contains("node_textfile_scrape_error 0\n"), "{told}");
    let times = told
        .lines()
        .filter(|line| line.starts_with("tlsrpt_metrics_timestamp_seconds"));
    assert_eq!(times.count(), 2, "{told}");
    let text = fs::read_to_string(&file).unwrap();
    let mut series = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(
            told.contains(&format!("\n{name}")),
            "{name} is not in {told}"
        );
        series += 1;
    }
    assert!(series > 80, "{series}");
    // The old file stays when there is nothing new.
    let without = site.ctl(&["metrics", "--output"]).arg(file.display());
    let failed = without.set("dbname", "/nowhere/reportd.sqlite").run();
    assert_ne!(failed.code(), Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let nowhere = site.ctl(&["metrics", "--output", "/nowhere/x.prom"]).run();
    assert!(
        nowhere.stderr.contains("cannot write /nowhere/x.prom: "),
        "{nowhere:?}"
    );
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rules() {
    let Some(path) = promtool_or_skip() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    fs::write(&file, rules()).unwrap();
    let file = file.to_str().unwrap();
    promtool(&path, &["check", "rules", file], "");
    let tests = document("tests/suite/monitoring/tlsrptd.rules.test.yml");
    let test = folder.path().join("test.yml");
    fs::write(&test, tests.replace("RULES", file)).unwrap();
    promtool(&path, &["test", "rules", test.to_str().unwrap()], "");
    for name in alert_names(&rules()) {
        let of_it = format!("alertname: {name},");
        let of_it_too = format!("alertname=\"{name}\"");
        let is_about_it = |line: &&str| line.contains(&of_it) || line.contains(&of_it_too);
        let last = tests.lines().rfind(is_about_it).unwrap_or_default();
        let is_silent = last.contains("exp_alerts: []") || last.contains("or vector(0)");
        assert!(is_silent, "{name} is tried, and its end last: {last}");
    }
}

/// What the page tells to put into `prometheus.yml`.
#[test]
fn promtool_finds_nothing_wrong_with_the_configuration_of_the_page() {
    let Some(path) = promtool_or_skip() else {
        return;
    };
    let page = document("docs/monitoring.md");
    let (_, block) = page.split_once("    scrape_configs:\n").unwrap();
    let lines = block.lines().take_while(|line| line.starts_with("    "));
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().display(), "/usr/share/tlsrptd");
    let lines: Vec<String> = lines
        .map(|line| line[4..].replace(there, &here.to_string()))
        .collect();
    let configuration = format!("scrape_configs:\n{}\n", lines.join("\n"));
    let at = |name: &str| folder.path().join(name);
    fs::write(at("tlsrptd.rules.yml"), rules()).unwrap();
    fs::write(at("prometheus.yml"), configuration).unwrap();
    let said = promtool(
        &path,
        &["check", "config", at("prometheus.yml").to_str().unwrap()],
        "",
    );
    assert!(said.contains("1 rule files found"), "{said}");
}

/// Whoever is woken finds out what to do.
#[test]
fn each_alert_has_its_section() {
    let (rules, page) = (rules(), document("docs/monitoring.md"));
    let mut runbooks = rules.lines().filter_map(|line| {
        let (_, anchor) = line.trim().strip_prefix("runbook: ")?.split_once(".md#")?;
        anchor.strip_suffix('\'')
    });
    let headings: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(str::to_lowercase)
        .collect();
    let names = alert_names(&rules);
    for name in &names {
        let anchor = runbooks.next().unwrap();
        assert!(headings.contains(&anchor.to_owned()), "{name}: {anchor}");
    }
    assert!(names.len() >= 8 && runbooks.next().is_none());
}
