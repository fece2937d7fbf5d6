//! `dkim-record --new`: keys that sign, and that doctor finds right.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use serde_json::Value;
use tlsrptd_tests::harness::lab::Lab;

#[test]
fn a_key_and_what_to_do_with_it() {
    let lab = Lab::new();
    let new = |selector: &str, kind: &str| {
        lab.ctl()
            .arg("dkim-record")
            .arg("--new")
            .arg(selector)
            .arg("--type")
            .arg(kind)
    };
    for (selector, kind, openssl) in [
        ("mail-tlsrpt", "rsa", "2048 bit"),
        ("ed", "ed25519", "ED25519"),
    ] {
        let made = new(selector, kind).run().success().stdout;
        let path = lab.file(&format!("{selector}.pem"));
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert!(matches!(mode, 0o600 | 0o640), "{mode:o}");
        for part in [
            format!("made {}", path.display()),
            format!("{selector}._domainkey.sender.example. IN TXT \"v=DKIM1; k={kind}; p="),
            format!("dkim_keys = {selector}:{}", path.display()),
            "tlsrpt-reportd --check_config".to_owned(),
        ] {
            assert!(made.contains(&part), "{part}: {made}");
        }
        let shown = Command::new("openssl")
            .args(["pkey", "-noout", "-text", "-in"])
            .arg(&path)
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains(openssl), "{shown}");
        let before = fs::read(&path).unwrap();
        let again = new(selector, kind).run();
        assert_eq!(again.code(), Some(1), "{}", again.stderr);
        assert!(
            again.stderr.contains("is there already"),
            "{}",
            again.stderr
        );
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    // One key, two selectors: the second for those who ask for s=tlsrpt.
    let out = lab.file("other.pem");
    let made = new("mail-other", "rsa")
        .arg("--json")
        .arg("--out")
        .arg(out.display())
        .run()
        .success();
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(made["path"].as_str(), out.to_str());
    assert_eq!(
        made["dkim_keys"],
        format!("mail-other:{0}, tlsrpt:{0}", out.display())
    );
    let texts: Vec<&str> = (0..2)
        .map(|number| made["records"][number]["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts[1].replace("s=tlsrpt; ", ""), texts[0]);
    // dkim-record says the same of the line that was to be added.
    let listed = lab
        .ctl()
        .set("dkim_keys", made["dkim_keys"].as_str().unwrap())
        .arg("dkim-record")
        .arg("--json")
        .run()
        .success();
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed["records"], made["records"]);
}

#[test]
fn what_is_refused() {
    let lab = Lab::new();
    let long = "x".repeat(64);
    for (words, code, told, why) in [
        (vec!["--new", "../../etc/x"], 2, "not a selector", "a path"),
        (vec!["--new", ""], 2, "", "nothing"),
        (vec!["--new", "a b"], 2, "not a selector", "a space"),
        (
            vec!["--new", &long],
            2,
            "not a selector",
            "too long for DNS",
        ),
        (
            vec!["--new", "a", "--type", "dsa"],
            2,
            "rsa, ed25519",
            "another type",
        ),
        (vec!["--type", "rsa"], 2, "without --new", "no selector"),
        (vec!["--out", "x"], 2, "without --new", "no selector"),
        (
            vec!["--new", "a", "--out", "/no/such/folder/x"],
            1,
            "cannot be made",
            "no folder",
        ),
        (
            vec!["--new", "a", "--out", "/tmp/a,b"],
            2,
            "comma",
            "a name that the list cannot hold",
        ),
    ] {
        let program = words
            .iter()
            .fold(lab.ctl().arg("dkim-record"), |program, word| {
                program.arg(word)
            });
        let ended = program.run();
        assert_eq!(
            ended.code(),
            Some(code),
            "{why}: {} {}",
            ended.stdout,
            ended.stderr
        );
        assert!(ended.stderr.contains(told), "{why}: {}", ended.stderr);
    }
    let taken = lab
        .ctl()
        .set("dkim_keys", lab.keys[0].option())
        .arg("dkim-record")
        .arg("--new");
    let selector = lab.keys[0].option();
    let selector = selector.split(':').next().unwrap().to_owned();
    let ended = taken.arg(selector).run();
    assert!(
        ended.stderr.contains("a new key needs a new one"),
        "{}",
        ended.stderr
    );
}
