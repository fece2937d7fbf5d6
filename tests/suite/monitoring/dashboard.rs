//! The dashboard: each of its queries returns data.

use serde_json::Value;
use tlsrptd_tests::harness::prometheus::Prometheus;
use tlsrptd_tests::harness::wait::within;

use super::document;

/// Every `expr` of the dashboard, with the panel that asks it.
fn queries() -> Vec<(String, String)> {
    let text = document("packaging/monitoring/tlsrptd.dashboard.json");
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels.iter().flat_map(|panel| {
        let targets = panel["targets"].as_array().unwrap();
        targets.iter().map(|target| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&panel["title"]), text(&target["expr"]))
        })
    });
    queries.collect()
}

/// As Grafana asks them, at once of all instances.
fn filled_in(expression: &str) -> String {
    let filled = expression
        .replace("$instance", ".*")
        .replace("$__rate_interval", "5s");
    assert!(!filled.contains("$_"), "{filled}");
    filled
}

/// Waits until all of them do.
pub(super) fn assert_all_return_data(prometheus: &Prometheus) {
    let mut asked = 0;
    for (panel, expression) in queries() {
        let filled = filled_in(&expression);
        let data = within(std::time::Duration::from_secs(30), || {
            let series = prometheus.query(&filled);
            let has_number = |it: &Value| {
                let value = it["value"][1].as_str().unwrap_or("NaN");
                value.parse::<f64>().is_ok_and(f64::is_finite)
            };
            series.iter().any(has_number).then_some(())
        });
        assert!(data.is_some(), "{panel}: {filled} returns nothing");
        asked += 1;
    }
    assert!(asked > 20, "{asked}");
}

#[test]
fn it_is_one_that_grafana_imports() {
    let text = document("packaging/monitoring/tlsrptd.dashboard.json");
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(dashboard["id"], Value::Null);
    assert!(dashboard["schemaVersion"].as_u64() >= Some(38));
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert_eq!(variables[0]["type"], "datasource");
    let mut places = Vec::new();
    let mut numbers = std::collections::BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
        assert!(numbers.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let place = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap());
        assert!(place[0] + place[2] <= 24, "{panel}");
        assert!(!panel["description"].as_str().unwrap().is_empty());
        places.push(place);
    }
    for (at, [x, y, w, h]) in places.iter().enumerate() {
        let covers =
            |[a, b, c, d]: &[u64; 4]| x < &(a + c) && a < &(x + w) && y < &(b + d) && b < &(y + h);
        assert!(
            !places[at + 1..].iter().any(covers),
            "panel {at} covers another"
        );
    }
}
