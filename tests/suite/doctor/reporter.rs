//! Mistakes between the reporter and the world.

use std::{
    fs::{self, Permissions},
    net::{Ipv4Addr, UdpSocket},
    os::unix::fs::PermissionsExt as _,
    process::Command,
};

use nix::unistd::{Uid, User};
use tlsrptd_tests::harness::{
    dns::Trouble,
    skip::or_skip,
    smtp::{Act, Stage},
};

use super::site::{Site, ask};

const FIRST: &str = "mail-tlsrpt._domainkey.sender.example";
const SECOND: &str = "tlsrpt._domainkey.sender.example";

#[test]
fn a_set_up_that_is_right() {
    let site = Site::start();
    let found = ask(&site.doctor());
    for area in [
        "configuration",
        "database",
        "fetcher",
        "dns",
        "dkim",
        "dmarc",
        "contact",
        "relay",
    ] {
        found.green(area);
    }
    assert!(found.wrong("spf").is_empty());
    assert!(
        found.has("unknown", "spf", "cannot be seen from here"),
        "{found:?}"
    );
    assert!(found.has("ok", "database", "at work, process"), "{found:?}");
    assert!(site.lab.smtp.mails().is_empty(), "nothing is sent");
    assert_eq!(found.code.map(|code| code < 2), Some(true), "{found:?}");
}

#[test]
fn keys_and_their_records() {
    let site = Site::start();
    let dns = &site.lab.dns;
    let good = site.key["records"][0]["text"].as_str().unwrap();
    let other = good.replacen("p=MII", "p=MIJ", 1);
    for (record, words, why) in [
        (None, "no TXT record", "none"),
        (Some(other.as_str()), "another key", "another key's"),
        (Some("v=DKIM1; p="), "revoked", "taken back"),
        (Some("v=spf1 -all"), "no DKIM record", "something else"),
        (Some("\u{202e}\u{1b}[31m"), "no DKIM record", "rubbish"),
    ] {
        match record {
            Some(text) => dns.txt(FIRST, &[text]),
            None => dns.remove(FIRST),
        }
        println!("{why}");
        let found = ask(&site.doctor());
        found.expect(
            "fail",
            "dkim",
            words,
            "tlsrptctl dkim-record | grep '^mail-tlsrpt",
        );
        site.publish();
    }
    dns.txt(SECOND, &[good]);
    ask(&site.doctor()).expect(
        "warn",
        "dkim",
        "no record with s=tlsrpt alone",
        "dkim_keys =",
    );
    dns.trouble(SECOND, Trouble::ServFail);
    assert!(
        ask(&site.doctor()).has("unknown", "dkim", "SERVFAIL"),
        "a failure is no answer"
    );
    dns.mend(SECOND);
    site.publish();
    ask(&site.doctor()).green("dkim");

    let away = site.lab.file("away.pem");
    fs::rename(site.key_path(), &away).unwrap();
    ask(&site.doctor()).expect(
        "fail",
        "dkim",
        "cannot be read",
        "dkim-record --new mail-tlsrpt",
    );
    fs::rename(away, site.key_path()).unwrap();
    fs::set_permissions(site.key_path(), Permissions::from_mode(0o644)).unwrap();
    ask(&site.doctor()).expect("warn", "dkim", "open to every user", "chmod 0640");
}

#[test]
fn from_and_contact() {
    let site = Site::start();
    let dns = &site.lab.dns;
    let from = |address: &str| site.doctor().set("sender_address", address);
    let found = ask(&from("reports@elsewhere.example"));
    found.expect(
        "fail",
        "dmarc",
        "does not count the signature",
        "sender_address = tlsrpt@sender.example",
    );
    ask(&from("reports@mail.sender.example")).green("dmarc");
    dns.txt("_dmarc.sender.example", &["v=DMARC1; p=reject; adkim=s"]);
    ask(&from("reports@mail.sender.example")).expect(
        "fail",
        "dmarc",
        "does not count",
        "sender_address",
    );
    ask(&site.doctor()).green("dmarc");
    dns.remove("_dmarc.sender.example");
    ask(&site.doctor()).expect(
        "warn",
        "dmarc",
        "no DMARC record",
        "_dmarc.sender.example. IN TXT",
    );

    site.mail_host(".");
    ask(&site.doctor()).expect("fail", "contact", "null MX", "contact_info =");
    site.mail_host("mx.sender.example.");
    ask(&site.doctor()).green("contact");
    dns.remove("sender.example");
    let found = ask(&site.doctor());
    found.expect("fail", "contact", "there is no domain", "contact_info =");
    found.expect("warn", "spf", "no SPF record", "v=spf1");
    dns.txt("sender.example", &["v=spf1 -all"]);
    ask(&site.doctor()).expect("fail", "spf", "no host may send", "v=spf1 mx");
}

#[test]
fn a_relay_that_denies() {
    let site = Site::start();
    let smtp = &site.lab.smtp;
    for (stage, reply, level, words, remedy, why) in [
        (
            Stage::Rcpt,
            "554 5.7.1 <x>: Relay access denied",
            "fail",
            "Relay access denied",
            "mynetworks",
            "not from here",
        ),
        (
            Stage::Mail,
            "550 5.1.8 Sender address rejected",
            "fail",
            "Sender address rejected",
            "sender_address",
            "not this sender",
        ),
        (
            Stage::Ehlo,
            "504 5.5.2 need fully-qualified",
            "fail",
            "EHLO",
            "helo_name",
            "not this name",
        ),
        (
            Stage::Rcpt,
            "550 5.1.1 no such user",
            "fail",
            "no such user",
            "contact_info",
            "no such contact",
        ),
        (
            Stage::Rcpt,
            "450 4.2.2 full",
            "warn",
            "full",
            "tlsrptctl doctor",
            "later perhaps",
        ),
        (
            Stage::Rcpt,
            "450 4.2.0 Greylisted",
            "warn",
            "Greylisted",
            "tlsrptctl doctor",
            "greylisted, which is no mistake",
        ),
        (
            Stage::Rcpt,
            "554 5.7.1 \u{202e}\u{1b}[2J",
            "fail",
            "RCPT TO",
            "mynetworks",
            "a hostile text",
        ),
    ] {
        smtp.script(stage, Act::reply(reply));
        if stage == Stage::Ehlo {
            smtp.script(Stage::Ehlo, Act::reply(reply));
        }
        println!("{why}");
        ask(&site.doctor()).expect(level, "relay", words, remedy);
        smtp.heal();
        ask(&site.doctor()).green("relay");
    }
    let dead = site.doctor().set("mail_transport", "smtp://127.0.0.1:1");
    ask(&dead).expect(
        "fail",
        "relay",
        "Connection refused",
        "mail_transport = smtp://",
    );
    smtp.script(Stage::Banner, Act::Hang);
    let slow = site.doctor().set("sendmail_timeout", 1);
    ask(&slow).expect("fail", "relay", "connecting", "mail_transport = smtp://");
    let unasked = site.doctor().set("sendmail_script", "cat >/dev/null");
    assert!(ask(&unasked).has("unknown", "relay", "only a mail can tell"));
    assert!(smtp.mails().is_empty());
}

#[test]
fn dead_fetchers() {
    let site = Site::start();
    let user = User::from_uid(Uid::effective()).unwrap().unwrap().name;
    for (command, words, why) in [
        ("/bin/false", "exit status: 1", "it fails"),
        ("/no/such/program", "cannot run", "it is not there"),
        ("/bin/echo", "", "it says something else"),
    ] {
        println!("{why}");
        // With the service's eyes: whoever has others cannot know.
        let doctor = site.doctor().set("fetchers", command);
        let found = ask(&doctor.arg("--user").arg(&user));
        found.expect("fail", "fetcher", words, &format!("{command} 1999-01-01"));
    }
    ask(&site.doctor()).green("fetcher");
    // Keys are the service's: who looks with other eyes cannot tell.
    site.script(
        "ssh",
        "#!/bin/sh\necho 'Host key verification failed.' >&2; exit 255",
    );
    let ssh = format!("{} mx2 tlsrpt-fetcher", site.lab.file("bin/ssh").display());
    let found = ask(&site.doctor().set("fetchers", ssh));
    for words in [
        "Host key verification failed",
        "may see it otherwise",
        "sudo tlsrptctl doctor",
    ] {
        assert!(found.has("unknown", "fetcher", words), "{words}: {found:?}");
    }
    assert!(found.wrong("fetcher").is_empty(), "{found:?}");
}

#[test]
fn dead_name_servers() {
    let site = Site::start();
    // Bound, and never read from: no port that somebody else may get.
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let deaf = deaf.local_addr().unwrap();
    let servers = |text: String| site.doctor().set("dns_servers", text);
    let found = ask(&servers(deaf.to_string()));
    found.expect("fail", "dns", "no answer", "dig @127.0.0.1 -p");
    assert!(
        found.has("unknown", "dkim", "no name server answers"),
        "not guessed: {found:?}"
    );
    assert!(found.wrong("dkim").is_empty(), "{found:?}");
    let found = ask(&servers(format!("{deaf},{}", site.lab.dns.address())));
    found.expect("warn", "dns", "waits for the next server", "dns_servers =");
    found.green("dkim");
    ask(&site.doctor()).green("dns");
}

#[test]
fn a_full_disk() {
    let is_root = nix::unistd::geteuid().is_root();
    let Some(()) = or_skip(is_root.then_some(()), "only root mounts a small disk") else {
        return;
    };
    let site = Site::start();
    let small = site.lab.file("small");
    fs::create_dir(&small).unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=8m,nr_inodes=20000", "tmpfs"])
        .arg(&small)
        .status();
    let Some(()) = or_skip(
        mount.is_ok_and(|ended| ended.success()).then_some(()),
        "nothing can be mounted here",
    ) else {
        return;
    };
    let doctor = site
        .doctor()
        .set("dbname", small.join("db.sqlite").display());
    let full = ask(&doctor);
    let grown = Command::new("mount")
        .args(["-o", "remount,size=8g,nr_inodes=1000000"])
        .arg(&small)
        .status()
        .unwrap();
    let mended = ask(&doctor);
    Command::new("umount").arg(&small).status().unwrap();
    full.expect("fail", "disk", "MiB free", "df -h");
    assert!(grown.success());
    assert!(
        !mended.has("fail", "disk", "the reporter's database"),
        "{mended:?}"
    );
}

#[test]
fn block_lists() {
    let site = Site::start();
    let dns = &site.lab.dns;
    let doctor = || site.doctor().set("destination_dnsbl", "dbl.test");
    let list = |point: &str, octets: [u8; 4]| {
        dns.host(
            &format!("{point}.dbl.test"),
            &[Ipv4Addr::from(octets).into()],
        );
    };
    assert!(ask(&site.doctor()).wrong("dnsbl").is_empty(), "none is set");
    let expect = |level, words| ask(&doctor()).expect(level, "dnsbl", words, "dig ");
    expect("warn", "lists neither of the test points");
    list("test", [127, 0, 0, 2]);
    ask(&doctor()).green("dnsbl");
    list("invalid", [127, 0, 0, 2]);
    expect("fail", "it lists everybody");
    list("invalid", [192, 0, 2, 1]);
    expect("warn", "not in 127.0.0.0/8");
    list("invalid", [127, 255, 255, 254]);
    ask(&doctor()).expect(
        "warn",
        "dnsbl",
        "does not serve this resolver",
        "dns_servers",
    );
    dns.trouble("invalid.dbl.test", Trouble::ServFail);
    expect("warn", "gives no answer");
}
