//! What a monitoring system reads: judged by Prometheus' own tools, scraped by a real Prometheus that fires each alert, and shown by
//! the queries of the dashboard.

mod alerts;
mod dashboard;
mod forms;
mod site;

use std::{fs, path::Path};

/// A file of the project.
fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    fs::read_to_string(path).unwrap()
}

/// The alert rules.
fn rules() -> String {
    document("packaging/monitoring/tlsrptd.rules.yml")
}

/// The names of the alerts, in their order.
fn alert_names(rules: &str) -> Vec<&str> {
    let lines = rules.lines();
    lines
        .filter_map(|line| line.trim_start().strip_prefix("- alert: "))
        .collect()
}
