//! What stands in our files has to be read by the SQLite that comes with sys4's Python, old ones among them.

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@a.test";

/// What SQLite 3.24 does not read in a schema, with the version that does. Whoever cannot read one table cannot open the
/// file at all.
const NEWER: &[(&str, &str)] = &[
    ("STRICT", "3.37"),
    ("GENERATED", "3.31"),
    (" AS (", "3.31, generated columns"),
    ("NULLS FIRST", "3.30"),
    ("NULLS LAST", "3.30"),
    ("->", "3.38"),
    ("IIF(", "3.32"),
    ("OVER (", "3.25"),
    ("RETURNING", "3.35"),
    (" TRUE", "3.23, but a column's name before"),
];

#[test]
fn old_sqlites_read_our_files() {
    let lab = Lab::new();
    lab.dns.tlsrpt("a.test", TXT);
    lab.collect([mta::success("a.test", TXT)]);
    let running = lab.reportd().start();
    lab.deliveries();
    running.stop().success();
    for file in [lab.collectd_db(), lab.closed_db(), lab.reportd_db()] {
        let texts = lab.query(&file, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL");
        assert!(texts.len() >= 4, "{}", file.display());
        for text in texts.into_iter().flatten() {
            let words = text.to_uppercase();
            for (word, since) in NEWER {
                assert!(!words.contains(word), "{since}: {text}");
            }
        }
        // The version of the format that readers and writers need: 1, as 2 is WAL; and no newer schema format than 4.
        let bytes = std::fs::read(&file).unwrap();
        assert_eq!(bytes[18..20], [1, 1], "{}: whole in itself", file.display());
        assert!(u32::from_be_bytes([bytes[44], bytes[45], bytes[46], bytes[47]]) <= 4);
    }
}
