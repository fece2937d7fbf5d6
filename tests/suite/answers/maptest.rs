//! `maptest DOMAIN`: the record that DNS has.

use tlsrptd_tests::harness::dns::Trouble;
use tlsrptd_tests::harness::lab::Lab;

use super::{ask, ask_json};

#[test]
fn the_record_in_dns_and_what_is_none() {
    let lab = Lab::new();
    let record = "v=TLSRPTv1; rua=mailto:a@a.test,https://a.test/r";
    lab.dns.txt("_smtp._tls.a.test", &["another one", record]);
    lab.dns.txt("_smtp._tls.two.test", &[record, record]);
    lab.dns.txt("_smtp._tls.other.test", &["v=spf1 -all"]);
    lab.dns.trouble("_smtp._tls.dead.test", Trouble::ServFail);
    let map = lab.file("mail.map");
    std::fs::write(&map, "a.test REPLACE mailto:mine@b.test\n").unwrap();
    let asked = |words: &[&str]| {
        let ctl = lab.full_ctl().set("mail_destination_map", map.display());
        words.iter().fold(ctl, |ctl, word| ctl.arg(word)).run()
    };
    let ended = asked(&["maptest", "a.test"]).success();
    assert_eq!(
        ended.stdout,
        format!(
            "DNS at _smtp._tls.a.test:\n  {record}\nBefore mapping:\n  mailto:a@a.test\n  https://a.test/r\n\
             After mapping:\n  mailto:mine@b.test\n  https://a.test/r\n"
        )
    );
    let json: serde_json::Value =
        serde_json::from_str(&asked(&["maptest", "a.test", "--json"]).success().stdout).unwrap();
    assert_eq!(json["record"], record);
    assert_eq!(json["dns"]["result"], "record");
    assert_eq!(json["txt_records"].as_array().unwrap().len(), 2);
    assert_eq!(json["after"][0], "mailto:mine@b.test");
    for (domain, result, says, why) in [
        ("none.test", "none", "NXDOMAIN", "no such name"),
        ("two.test", "none", "2 TLSRPT records", "two count as none"),
        ("other.test", "none", "TXT: v=spf1 -all", "another record"),
        (
            "dead.test",
            "failed",
            "DNS did not answer",
            "no answer is not no record",
        ),
    ] {
        let ended = ask(&lab, &["maptest", domain]);
        assert!(ended.stdout.contains(says), "{why}: {}", ended.stdout);
        assert_eq!(ended.code(), Some(1), "{why}");
        let (json, code) = ask_json(&lab, &["maptest", domain]);
        assert_eq!(
            (json["dns"]["result"].as_str(), code),
            (Some(result), Some(1)),
            "{why}"
        );
        assert_eq!(json["after"], serde_json::json!([]), "{why}");
    }
    let (json, code) = ask_json(&lab, &["maptest", "a.test", record]);
    assert_eq!(
        (json["dns"].is_null(), code),
        (true, Some(0)),
        "a record that is given"
    );
}
