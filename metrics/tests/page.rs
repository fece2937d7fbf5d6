//! docs/monitoring.md lists the metrics that there are. `UPDATE_MONITORING=1` writes the list anew.

use std::{fs, path::Path};

use tlsrptd_metrics::family::FAMILIES;

const BEGIN: &str = "<!-- metrics: UPDATE_MONITORING=1 cargo test -p tlsrptd-metrics -->\n";
const END: &str = "<!-- end -->\n";

fn table() -> String {
    let mut table = "| metric | type | labels | what it tells |\n|---|---|---|---|\n".to_owned();
    for family in FAMILIES {
        let labels: Vec<String> = family.labels.iter().map(|it| format!("`{it}`")).collect();
        let (name, kind) = (family.name, family.kind.as_str());
        let labels = labels.join(", ");
        table += &format!("| `{name}` | {kind} | {labels} | {} |\n", family.help);
    }
    table
}

#[test]
fn the_page_lists_all_metrics() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/monitoring.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let want = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE_MONITORING").is_some() {
        fs::write(&path, &want).unwrap();
        return;
    }
    assert!(
        page == want,
        "docs/monitoring.md is not up to date: UPDATE_MONITORING=1 writes its list anew"
    );
}
