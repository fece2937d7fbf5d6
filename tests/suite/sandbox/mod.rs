//! The units of NixOS: the programs do their whole work with what those leave them.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::{self, ReportMail};
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::sandbox::{Sandbox, Tried, Unit};
use tlsrptd_tests::harness::wait::until_true;

use Tried::{Could, Killed, Refused};

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";

/// What is tried, what becomes of it as collector and as reporter, and why. Without a sandbox each succeeds.
#[rustfmt::skip]
const FORBIDDEN: &[(&str, Tried, Tried, &str)] = &[
    ("nothing", Could, Could, "the sandbox itself harms nobody"),
    ("chown", Killed, Killed, "of @privileged"),
    ("priority", Killed, Killed, "of @resources"),
    ("write-execute", Refused, Refused, "memory that is writable and executable"),
    ("make-executable", Refused, Refused, "memory that becomes executable"),
    ("space", Refused, Refused, "name spaces"),
    ("capabilities", Refused, Refused, "no capability is left"),
    ("unix", Could, Refused, "AF_UNIX is the collector's"),
    ("inet", Refused, Could, "AF_INET is the reporter's"),
    ("inet6", Refused, Could, "AF_INET6 too"),
    ("netlink", Refused, Could, "AF_NETLINK too"),
    ("packet", Refused, Refused, "nobody's"),
];

#[test]
fn what_a_unit_may_not_do_is_stopped() {
    let lab = Lab::new();
    let Some(sandbox) = Sandbox::or_skip(lab.folder()) else {
        return;
    };
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let connect = format!("connect:{}", server.local_addr().unwrap().port());
    let rows = FORBIDDEN.iter().copied();
    for (what, collector, reporter, why) in rows.chain([(
        connect.as_str(),
        Refused,
        Could,
        "the network is the reporter's",
    )]) {
        // Not root, it has neither capabilities nor name spaces to begin with.
        if nix::unistd::Uid::effective().is_root()
            || !matches!(what, "capabilities" | "space" | "packet")
        {
            assert_eq!(
                sandbox.tries(None, what),
                Could,
                "{what}: without a sandbox"
            );
        }
        let found = [Unit::Collectd, Unit::Reportd].map(|unit| sandbox.tries(Some(unit), what));
        assert_eq!(found, [collector, reporter], "{what}: {why}");
    }
}

#[test]
fn a_day_is_counted_closed_and_reported() {
    let lab = Lab::new();
    let Some(sandbox) = Sandbox::or_skip(lab.folder()) else {
        return;
    };
    count_and_close(&lab, &sandbox);
    report(&lab, &sandbox);
}

/// Two failed sessions of `mail.test` and one of `post.test`, and what is no datagram.
fn count_and_close(lab: &Lab, sandbox: &Sandbox) {
    let (told, script) = (lab.file("told"), lab.file("script"));
    fs::write(
        &script,
        format!("test -s \"$2\" && : >{}\n", told.display()),
    )
    .unwrap();
    let collectd = lab
        .collectd()
        .set("socketmode", "0220")
        .set(
            "daily_rollover_script",
            format!("/bin/sh {}", script.display()),
        )
        .set("stats_file", lab.file("stats").display())
        .set("pidfilename", lab.file("collectd.pid").display())
        .set("logfilename", lab.file("collectd.log").display())
        // There is a socket for it, and nobody reads it.
        .env("NOTIFY_SOCKET", lab.file("manager.sock").display());
    let collectd = lab.start_ready(&sandbox.under(collectd, Unit::Collectd));
    let datagrams =
        ["mail.test", "post.test", "mail.test"].map(|domain| mta::failure(domain, TXT, 203));
    lab.mta().send_all(datagrams);
    lab.mta().send_all(
        mta::hostile()
            .into_iter()
            .map(|(_, bytes)| bytes)
            .filter(|bytes| !bytes.is_empty()),
    );
    lab.close_day(&collectd, 3);
    until_true("the rollover script", || told.exists());
    let ended = collectd.stop().success();
    assert!(!ended.stderr.contains("ERROR"), "{}", ended.stderr);
}

/// One report by mail, one by HTTPS.
fn report(lab: &Lab, sandbox: &Sandbox) {
    let url = lab.https.url("/v1/report");
    lab.dns
        .tlsrpt("mail.test", "v=TLSRPTv1; rua=mailto:a@mail.test");
    lab.dns
        .tlsrpt("post.test", &format!("v=TLSRPTv1; rua={url}"));
    let fetcher = sandbox.within_reach(lab.fetcher());
    let reportd = lab
        .reportd()
        .set("fetchers", fetcher.command_line())
        // What needs AF_UNIX fails softly.
        .env("NOTIFY_SOCKET", lab.file("manager.sock").display())
        .env("WATCHDOG_USEC", 200_000);
    let mut reportd = sandbox.under(reportd, Unit::Reportd).start();
    reportd.wait_for_log("Fetcher");
    let mails = lab.smtp.wait_for_mails(1);
    assert_eq!(
        ReportMail::parse(&mails[0].bytes)
            .header("TLS-Report-Domain")
            .as_deref(),
        Some("mail.test")
    );
    let signatures = String::from_utf8_lossy(&mails[0].bytes)
        .matches("DKIM-Signature:")
        .count();
    assert_eq!(signatures, 2, "keys are read and used");
    let statuses: Vec<String> = lab
        .deliveries()
        .into_iter()
        .map(|(_, status)| status)
        .collect();
    assert_eq!(statuses, ["sent"; 2]);
    let posts = lab.https.posts();
    assert_eq!(
        mail::report(&posts[0].body)["policies"][0]["policy"]["policy-domain"],
        "post.test"
    );
    let status = sandbox
        .under(lab.ctl().arg("status"), Unit::Reportd)
        .run()
        .success();
    assert!(status.stdout.contains("sent"), "{}", status.stdout);
    assert!(reportd.is_running());
    reportd.stop().success();
}

/// A script of the operator's runs in the same sandbox.
#[test]
fn scripts_and_maps_are_used() {
    let lab = Lab::new();
    let Some(sandbox) = Sandbox::or_skip(lab.folder()) else {
        return;
    };
    lab.dns
        .tlsrpt("mail.test", "v=TLSRPTv1; rua=mailto:a@mail.test");
    lab.dns
        .tlsrpt("post.test", "v=TLSRPTv1; rua=https://post.test/x");
    lab.dns
        .tlsrpt("folder.test", "v=TLSRPTv1; rua=mailto:a@folder.test");
    lab.collect(["mail.test", "post.test", "folder.test"].map(|domain| mta::success(domain, TXT)));
    let folder = lab.file("reports");
    fs::create_dir(&folder).unwrap();
    let map = lab.file("map");
    fs::write(
        &map,
        format!("folder.test REPLACE directory:{}\n", folder.display()),
    )
    .unwrap();
    let fetcher = sandbox.within_reach(lab.fetcher());
    let reportd = lab
        .reportd()
        .unset("mail_transport")
        .unset("https_ca_file")
        .set("fetchers", fetcher.command_line())
        .set("tlsrpt_record_map", map.display())
        .set(
            "sendmail_script",
            format!("cat >{}/mail", lab.folder().display()),
        )
        .set(
            "http_script",
            format!("cat >{}/post; true", lab.folder().display()),
        );
    let reportd = sandbox.under(reportd, Unit::Reportd).start();
    let statuses: Vec<String> = lab
        .deliveries()
        .into_iter()
        .map(|(_, status)| status)
        .collect();
    assert_eq!(statuses, ["sent"; 3]);
    reportd.stop().success();
    assert!(
        fs::read_to_string(lab.file("mail"))
            .unwrap()
            .contains("TLS-Report-Domain: mail.test")
    );
    assert_eq!(
        mail::report(&fs::read(lab.file("post")).unwrap())["policies"][0]["policy"]["policy-domain"],
        "post.test"
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

/// sys4's fetcher tests a closed day by writing to it. Ours reads, and nothing else: it needs no write access to the
/// file or to its folder.
#[test]
fn our_fetcher_writes_nothing() {
    let lab = Lab::new();
    let Some(sandbox) = Sandbox::or_skip(lab.folder()) else {
        return;
    };
    lab.collect([mta::success("a.test", TXT)]);
    let folder = lab.file("closed");
    fs::create_dir(&folder).unwrap();
    let closed = folder.join("db.sqlite.yesterday");
    fs::rename(lab.closed_db(), &closed).unwrap();
    let fetcher = lab
        .fetcher()
        .set(
            "storage",
            format!("sqlite://{}/db.sqlite", folder.display()),
        )
        .arg(lab.day())
        .arg("a.test");
    let fetcher = sandbox.under(fetcher, Unit::Reportd);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let answer = fetcher.run().success().stdout;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(answer.contains("cntrtotal"), "{answer}");
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}
