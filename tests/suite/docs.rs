//! What docs/ and the manuals tell the reader to type, typed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tlsrptd_tests::harness::dkim::DkimKey;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::skip::skip;

const TXT: &str = "v=TLSRPTv1; rua=mailto:tls@a.test";

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    fs::read_to_string(path).unwrap()
}

/// A literal block of a manual page, from its first line on, as it is shown.
fn shown(page: &str, first: &str) -> String {
    let page = document(page);
    let begin = page.find(first).unwrap_or_else(|| panic!("no {first}"));
    let block = page[begin..].split("\n.Ed").next().unwrap();
    block
        .replace("\\-", "-")
        .replace("\\(aq", "'")
        .replace("\\&", "")
        .replace("\\e", "\\")
}

fn shell(line: &str, variables: &[(&str, &str)]) -> Output {
    Command::new("/bin/sh")
        .args(["-c", line])
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn the_keys_of_the_dkim_page_sign() {
    if Command::new("openssl").arg("version").output().is_err() {
        return skip("no openssl here");
    }
    let lab = Lab::new();
    let folder = lab.folder().to_str().unwrap();
    let here = |text: &str| text.replace("/etc/tlsrpt", folder);
    let page = document("docs/dkim.md");
    let typed = |command: &'static str| {
        let lines = page.lines().filter_map(|line| line.strip_prefix("    "));
        lines.filter_map(move |line| line.strip_prefix(command))
    };
    // As the page does it first: beside the configuration.
    let mut made = 0;
    for words in typed("tlsrptctl dkim-record --new") {
        let ctl = lab.ctl().arg("dkim-record").arg("--new");
        let ctl = words
            .split_whitespace()
            .fold(ctl, |ctl, word| ctl.arg(word));
        ctl.run().success();
        made += 1;
    }
    assert_eq!(made, 2, "RSA and Ed25519");
    // By hand, elsewhere. The group is the package's; nobody but root may give a file away.
    let hand = lab.file("hand");
    fs::create_dir(&hand).unwrap();
    for command in ["install ", "openssl "] {
        let lines: Vec<&str> = typed(command).collect();
        assert_eq!(lines.len(), 1, "{command}: {lines:?}");
        let line = format!("{command}{}", lines[0]).replace(" -g tlsrpt", "");
        let line = line.replace("/etc/tlsrpt", hand.to_str().unwrap());
        let ended = shell(&line, &[]);
        assert!(ended.status.success(), "{line}: {ended:?}");
    }
    let by_hand = hand.join("mail-tlsrpt.pem");
    let mode = fs::metadata(&by_hand).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    lab.reportd()
        .set("dkim_keys", format!("x:{}", by_hand.display()))
        .arg("--check_config")
        .run()
        .success();
    let keys = page
        .lines()
        .filter_map(|line| line.strip_prefix("    dkim_keys = "));
    let openssl = |command: &str| {
        let ended = shell(&here(&format!("{command} | openssl base64 -A")), &[]);
        String::from_utf8(ended.stdout).unwrap()
    };
    let rsa =
        openssl("openssl rsa -in /etc/tlsrpt/mail-tlsrpt.pem -pubout -outform DER 2>/dev/null");
    let ed25519 =
        openssl("openssl pkey -in /etc/tlsrpt/tlsrpt-ed.pem -pubout -outform DER | tail -c 32");
    let mut records = vec![
        format!("mail-tlsrpt._domainkey.sender.example. IN TXT v=DKIM1; k=rsa; p={rsa}"),
        format!("tlsrpt._domainkey.sender.example. IN TXT v=DKIM1; k=rsa; s=tlsrpt; p={rsa}"),
    ];
    let mut told = 0;
    for keys in keys {
        if !keys.contains("/run/credentials") {
            let ctl = lab.ctl().set("dkim_keys", here(keys)).arg("dkim-record");
            let shown = ctl.run().success().stdout;
            assert!(
                shown.split('"').all(|string| string.len() <= 255),
                "{shown}"
            );
            let joined = shown.replace("\" \"", "").replace('"', "");
            assert_eq!(joined.lines().collect::<Vec<_>>(), records, "{keys}");
            told += 1;
            records.push(format!(
                "tlsrpt-ed._domainkey.sender.example. IN TXT v=DKIM1; k=ed25519; p={ed25519}"
            ));
        }
        let ended = lab
            .reportd()
            .set("dkim_keys", here(keys))
            .arg("--check_config")
            .run();
        let ended = ended.success();
        assert!(
            !ended.stderr.contains("is open to every user"),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(told, 2, "one key, and Ed25519 beside it");
}

/// As sshd runs it: the user's shell, and what was asked for in a variable.
#[test]
fn the_forced_command_asks_for_a_day_and_nothing_else() {
    let lab = Lab::new();
    lab.collect([mta::success("a.test", TXT)]);
    let page = document("docs/several-hosts.md");
    let command = page.split("command=\"").nth(1).unwrap();
    let command = command.split("\" ssh-ed25519").next().unwrap();
    let command = command.replace("/usr/bin/tlsrpt-fetcher", &lab.fetcher().command_line());
    let (day, file) = (lab.day(), lab.file("touched"));
    let hostile = format!("tlsrpt-fetcher {day};touch {}", file.display());
    let substitution = format!("tlsrpt-fetcher $(touch {0}) `touch {0}`", file.display());
    #[rustfmt::skip]
    let rows: &[(&str, i32, &str, &str)] = &[
        (&format!("tlsrpt-fetcher {day}"), 0, "\na.test\n.\n", "the list"),
        (&format!("/usr/sbin/tlsrpt-fetcher {day} a.test"), 0, "\"d\": \"a.test\"", "a domain, by another path"),
        (&format!("tlsrpt-fetcher {day} ."), 0, "\n. 1\n", "the stream"),
        ("tlsrpt-fetcher --config_file /etc/passwd", 2, "", "an option"),
        ("tlsrpt-fetcher", 2, "", "nothing"),
        ("", 2, "", "a login"),
        (&hostile, 2, "", "another command"),
        (&substitution, 2, "", "a substitution"),
        ("tlsrpt-fetcher /*", 2, "", "a pattern"),
    ];
    for (asked, code, wanted, reason) in rows {
        let ended = shell(&command, &[("SSH_ORIGINAL_COMMAND", asked)]);
        let (told, said) = (
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr),
        );
        assert_eq!(ended.status.code(), Some(*code), "{reason}: {told} {said}");
        assert!(
            told.contains(wanted) && (*code == 0 || told.is_empty()),
            "{reason}: {told}"
        );
        assert!(
            !said.contains("/bin"),
            "{reason}: a pattern was filled in: {said}"
        );
    }
    assert!(!file.exists());
}

#[test]
fn the_datagram_of_the_collectors_page_counts() {
    let lab = Lab::new();
    let example = shown("packaging/man/tlsrpt-collectd.8", "printf %s");
    let datagram = example.split('\'').nth(1).unwrap();
    lab.collect([datagram]);
    let counted = lab
        .fetcher()
        .arg(lab.day())
        .arg("example.com")
        .run()
        .success();
    assert!(
        counted.stdout.contains("\"cntrtotal\": 1"),
        "{}",
        counted.stdout
    );
}

#[test]
fn the_maps_of_the_manual_do_what_it_says() {
    let lab = Lab::new();
    let page = "packaging/man/tlsrptd.conf.5";
    for (map, option) in [("record", "tlsrpt_record_map"), ("http", "http_upload_map")] {
        let text = shown(page, &format!("# /etc/tlsrpt/{map}.map"));
        fs::write(lab.file(&format!("{map}.map")), &text).unwrap();
        #[rustfmt::skip]
        let rows: &[(&str, &str, &str, &str)] = &[
            ("record", "unwilling.example", "mailto:a@b.test", "none: discarded by a map"),
            ("record", "example.com", "mailto:a@b.test", "directory:/var/lib/tlsrpt/own"),
            ("record", "a.partner.example", "mailto:a@b.test", "mailto:tls@partner.example"),
            ("record", "partner.example", "mailto:a@b.test", "After mapping:\n  mailto:a@b.test\n"),
            ("http", "a.test", "https://r.test/up", "https://gateway.example.com/r.test/up"),
        ];
        for (_, domain, uri, wanted) in rows.iter().filter(|row| row.0 == map) {
            let ctl = lab
                .ctl()
                .set(option, lab.file(&format!("{map}.map")).display());
            let record = format!("v=TLSRPTv1; rua={uri}");
            let shown = ctl.arg("maptest").arg(domain).arg(record).run().success();
            assert!(shown.stdout.contains(wanted), "{domain}: {}", shown.stdout);
        }
    }
}

#[test]
fn the_queries_of_the_manual_are_answered() {
    let lab = Lab::new();
    lab.collect([mta::success("a.test", TXT)]);
    // Nobody publishes a record here: the domain has opted out.
    let reportd = lab.reportd().start();
    lab.wait_for_query(&lab.reportd_db(), "SELECT count(*) FROM reports", "1");
    let reasons =
        shown("packaging/man/tlsrptctl.8", "SELECT domain,").replace("2026-11-20", &lab.day());
    let rows = lab.query(&lab.reportd_db(), &reasons);
    assert_eq!(
        (rows[0][0].as_str(), rows[0][1].as_str()),
        ("a.test", "1"),
        "{rows:?}"
    );
    assert!(rows[0][2].starts_with("opted out: "), "{rows:?}");
    let failures = shown("packaging/man/tlsrptctl.8", "SELECT day, domain");
    assert_eq!(lab.query(&lab.reportd_db(), &failures).len(), 0);
    reportd.stop().success();
}

#[test]
fn the_least_configuration_of_the_reporters_page_is_right() {
    let lab = Lab::new();
    let key = DkimKey::ed25519(lab.folder()).path;
    let text = shown("packaging/man/tlsrpt-reportd.8", "[tlsrpt_reportd]")
        .replace("/etc/tlsrpt/dkim.pem", key.to_str().unwrap())
        .replace("/var/lib/tlsrpt", lab.folder().to_str().unwrap())
        .replace("/usr/bin/tlsrpt-fetcher", "/bin/sh");
    lab.reportd()
        .config_text(&text)
        .arg("--check_config")
        .run()
        .success();
}

/// What a list of GRANTs gives: a right, on what.
fn granted(sql: &str) -> BTreeSet<(String, String)> {
    let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let statements = words.split(';').map(str::trim);
    let grants = statements.filter_map(|statement| statement.strip_prefix("GRANT "));
    let mut granted = BTreeSet::new();
    for grant in grants {
        let (rights, rest) = grant.split_once(" ON ").unwrap();
        let (places, _) = rest.split_once(" TO tlsrpt_shipper").unwrap();
        // A comma between columns is none between rights.
        let mut depth = 0;
        let rights = rights.split(|sign| {
            depth += i32::from(sign == '(') - i32::from(sign == ')');
            sign == ',' && depth == 0
        });
        for right in rights {
            for place in places.split(',') {
                granted.insert((right.trim().to_owned(), place.trim().to_owned()));
            }
        }
    }
    granted
}

/// A test of tlsrpt-shipper's works with those of the manual.
#[test]
fn the_rights_of_the_fleets_page_are_those_of_the_manual() {
    let page = document("docs/fleet.md");
    let begin = page.find("    GRANT USAGE").unwrap();
    let block = page[begin..]
        .lines()
        .take_while(|line| line.starts_with("    "));
    let of_page = granted(&block.collect::<Vec<_>>().join("\n"));
    let of_manual = granted(&shown("packaging/man/tlsrpt-shipper.8", "GRANT USAGE"));
    assert!(of_page.len() > 9, "{of_page:#?}");
    assert_eq!(of_page, of_manual);
}
