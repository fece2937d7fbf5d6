//! Which of our crates may use which: the drawing in ARCHITECTURE.md, asserted from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

#[test]
fn crates_use_each_other_as_drawn() {
    let daemons = BTreeSet::from([
        "tlsrptd-proto",
        "tlsrptd-config",
        "tlsrptd-service",
        "tlsrptd-metrics",
    ]);
    let drawn = BTreeMap::from([
        ("tlsrptd-proto", BTreeSet::new()),
        ("tlsrptd-config", BTreeSet::new()),
        // What a daemon needs of its system, whatever it reports.
        ("tlsrptd-service", BTreeSet::from(["tlsrptd-config"])),
        // Names and texts of what a monitoring system reads.
        ("tlsrptd-metrics", BTreeSet::new()),
        // The database of a fleet.
        (
            "tlsrptd-fleet",
            BTreeSet::from(["tlsrptd-proto", "tlsrptd-cluster"]),
        ),
        // For tests: a PostgreSQL of their own.
        ("tlsrptd-cluster", BTreeSet::new()),
        // For tests: the attribute that makes each twice.
        ("tlsrptd-engines", BTreeSet::new()),
        ("tlsrptd-collectd", daemons.clone()),
        (
            "tlsrptd-reporter",
            daemons
                .into_iter()
                .chain(["tlsrptd-fleet", "tlsrptd-cluster", "tlsrptd-engines"])
                .collect(),
        ),
        // It reads a collector's days by the collector's own programs, and shares no code with them.
        (
            "tlsrptd-shipper",
            BTreeSet::from([
                "tlsrptd-proto",
                "tlsrptd-config",
                "tlsrptd-service",
                "tlsrptd-fleet",
                "tlsrptd-cluster",
            ]),
        ),
        // The suite speaks with the programs from outside.
        ("tlsrptd-tests", BTreeSet::from(["tlsrptd-cluster"])),
        // It makes closed days, for which it must know their keys; the engines of a fleet are measured by themselves.
        (
            "tlsrptd-bench",
            BTreeSet::from([
                "tlsrptd-proto",
                "tlsrptd-config",
                "tlsrptd-fleet",
                "tlsrptd-reporter",
                "tlsrptd-cluster",
            ]),
        ),
        // It runs parts of the programs, to count their instructions.
        (
            "tlsrptd-instructions",
            BTreeSet::from([
                "tlsrptd-proto",
                "tlsrptd-config",
                "tlsrptd-service",
                "tlsrptd-collectd",
                "tlsrptd-reporter",
            ]),
        ),
    ]);
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let found: BTreeMap<&str, BTreeSet<&str>> = packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap(), ours(package)))
        .collect();
    assert_eq!(found, drawn);
}

/// Those of a package's dependencies, of whatever kind, that are ours.
fn ours(package: &Value) -> BTreeSet<&str> {
    let names = package["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|dependency| dependency["name"].as_str().unwrap());
    names.filter(|name| name.starts_with("tlsrptd-")).collect()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}
