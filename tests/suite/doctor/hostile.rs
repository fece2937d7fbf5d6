//! What the doctor asks may be missing, hang, or say rubbish: it says so, in bounded time.

use std::{
    fs,
    net::UdpSocket,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::site::{Site, ask};

#[test]
fn a_postconf_that_says_rubbish_or_nothing() {
    let site = Site::start();
    let doctor = site.doctor();
    for (script, words, why) in [
        (
            "#!/bin/sh\nhead -c 100000 /dev/urandom",
            "nothing that can be used",
            "rubbish",
        ),
        (
            "#!/bin/sh\nyes 'mail_version = 3.10.13'",
            "postconf: ",
            "without end",
        ),
        ("#!/bin/sh\nsleep 1000", "within 10 s", "hangs"),
        (
            "#!/bin/sh\necho fatal: no config >&2; exit 1",
            "fatal: no config",
            "fails",
        ),
        (
            "#!/bin/sh\nprintf 'mail_version = \\033[31m\\n'",
            "nothing that can be used",
            "a terminal's words",
        ),
        ("#!/bin/sh\nkill -9 $$", "signal", "dies"),
        ("not a program", "", "no program"),
    ] {
        site.script("postconf", script);
        let begin = Instant::now();
        let found = ask(&doctor);
        println!("{why}");
        assert!(found.has("unknown", "postfix", words), "{why}: {found:?}");
        assert!(begin.elapsed() < Duration::from_secs(60), "{why}");
        found.green("socket");
        found.green("relay");
    }
    site.script("postconf", "#!/bin/sh\ncase $1 in -M) head -c 9999 /dev/urandom ;; *) cat ${0%/*}/../main/parameters ;; esac");
    let found = ask(&doctor);
    assert!(
        found.has("unknown", "postfix", "stand in a chroot"),
        "{found:?}"
    );
}

#[test]
fn no_postfix_here() {
    let site = Site::start();
    fs::remove_file(site.lab.file("bin/postconf")).unwrap();
    let found = ask(&site.doctor());
    // Unless there is a real one.
    let is_missing = found.has("unknown", "postfix", "postconf is not here");
    assert!(
        is_missing || std::path::Path::new("/usr/sbin/postconf").exists(),
        "{found:?}"
    );
    let alone = site
        .doctor()
        .arg("--collectd_config")
        .arg("/nowhere/collectd.cfg");
    let found = ask(&alone);
    found.expect(
        "fail",
        "socket",
        "there is no file /nowhere/collectd.cfg",
        "--collectd_config FILE",
    );
    assert!(found.wrong("postfix").is_empty(), "{found:?}");
    // Where nobody names one, the host may well have none.
    let unnamed = site.configured(site.lab.ctl()).arg("doctor").arg("--json");
    let is_here = std::path::Path::new("/etc/tlsrpt/collectd.cfg").exists();
    let found = ask(&unnamed);
    assert!(
        is_here || found.has("unknown", "socket", "no collector on this host"),
        "{found:?}"
    );
}

#[test]
fn a_name_server_that_answers_rubbish() {
    let site = Site::start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let address = socket.local_addr().unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut buffer = [0; 4096];
            while !is_over.load(Ordering::Relaxed) {
                if let Ok((length, client)) = socket.recv_from(&mut buffer) {
                    // The right number, and rubbish behind it.
                    for byte in &mut buffer[2..length] {
                        *byte = byte.wrapping_mul(31).wrapping_add(0xd7);
                    }
                    let _ = socket.send_to(&buffer[..length], client);
                }
            }
        });
        let found = ask(&site.doctor().set("dns_servers", address));
        is_over.store(true, Ordering::Relaxed);
        found.expect("fail", "dns", "no answer", "dig @127.0.0.1 -p");
    });
}

#[test]
fn a_configuration_that_is_wrong_or_missing() {
    let site = Site::start();
    let found = ask(&site
        .doctor()
        .set("dkim_keys", "nonsense")
        .set("helo_nam", "x")
        .unset("contact_info"));
    found.expect("fail", "configuration", "dkim_keys", "--check_config");
    found.expect("fail", "configuration", "helo_nam", "--check_config");
    found.expect("fail", "configuration", "contact_info", "--check_config");
    found.green("fetcher");
    found.green("dns");
    assert!(
        found.has("unknown", "relay", "contact_info is missing"),
        "{found:?}"
    );
    let missing = site
        .doctor()
        .no_config()
        .arg("--config_file")
        .arg("/nowhere/reportd.cfg");
    let found = ask(&missing);
    assert!(
        found.has("fail", "configuration", "/nowhere/reportd.cfg"),
        "{found:?}"
    );
    assert!(
        !found.has("fail", "configuration", "required"),
        "what follows from it is not told: {found:?}"
    );
}

#[test]
fn people_get_a_line_each() {
    let site = Site::start();
    let text = site.doctor();
    let text = text.arg("--dns_servers").arg("127.0.0.1:1");
    let json = text.run();
    let lines = site
        .configured(site.lab.ctl())
        .arg("doctor")
        .arg("--dns_servers")
        .arg("127.0.0.1:1")
        .env("PATH", site.path())
        .run();
    assert_eq!(lines.code(), Some(2), "{}", lines.stdout);
    assert_eq!(json.code(), Some(2));
    let fail = lines.stdout.lines().find(|line| line.starts_with("FAIL"));
    let fail = fail.unwrap_or_else(|| panic!("{}", lines.stdout));
    assert!(
        fail.contains("  dns") && fail.contains(" => dig @127.0.0.1 -p 1 NS ."),
        "{fail}"
    );
    let last = lines.stdout.lines().last().unwrap();
    assert!(last.contains(" FAIL; looked as "), "{last}");
}
