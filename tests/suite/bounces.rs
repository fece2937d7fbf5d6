//! Mails that come back, with a real Postfix as relay and another as receiver: the relay's pipe(8) or local(8) runs `tlsrptctl bounce`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use nix::unistd::User;
use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::day;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::postfix::{PIPE_USER, Postfix, PostfixPrograms};
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::stored::{ReportRow, Stored};
use tlsrptd_tests::harness::wait::until_true;

const RECORD: &str = "v=TLSRPTv1; rua=mailto:tlsrpt@dead.example";
const BOUNCES: &str = "tlsrpt-bounces@sender.example";

#[test]
fn a_dead_address_is_suspended_and_comes_back_by_itself() {
    let Some(mut site) = Site::or_skip(Way::Pipe) else {
        return;
    };
    for (day, bounced) in [("2026-11-21", 1), ("2026-11-22", 2), ("2026-11-23", 3)] {
        let reportd = site.report(day);
        site.wait_for("the bounce, taken", "refused", bounced);
        reportd.stop().success();
    }
    let stored = site.lab.stored();
    let reason = stored.deliveries[0].reason.clone().unwrap_or_default();
    assert!(
        reason.contains("550 5.1.1") && reason.contains("User unknown"),
        "the receiver's own words: {reason}"
    );
    let [suspended] = &stored.suppressed[..] else {
        panic!("{:?}", stored.suppressed);
    };
    assert_eq!(suspended.target, "mailto:tlsrpt@dead.example");
    assert_eq!(suspended.domain, "dead.example");
    assert_eq!(suspended.until.as_deref(), Some("2026-11-30"));

    let reportd = site.report("2026-11-24");
    site.lab
        .wait_for_stored("no mail while it lasts", |stored| {
            let reason = |report: &ReportRow| report.reason.clone().unwrap_or_default();
            let mut reasons = stored.reports.iter().map(reason);
            reasons.any(|reason| reason.starts_with("suppressed: ") && reason.contains("550 5.1.1"))
        });
    reportd.stop().success();
    assert_eq!(site.mailed().len(), 3, "{}", site.relay.log());

    site.add_user();
    let reportd = site.report("2026-12-01");
    site.wait_for("the probe", "sent", 1);
    site.receiver
        .wait_for_log(&["to=<tlsrpt@dead.example>", "status=sent"]);

    // What strangers may send while its outcome is what it is.
    let tags = site.mailed();
    let real = tags.last().unwrap().clone();
    let (body, last) = real.split_at(real.len() - 1);
    let other = if last == "a" { "b" } else { "a" };
    for (tag, why) in [
        (format!("{body}{other}"), "a check that is not ours"),
        (tags[0].clone(), "a bounce that has come, again"),
        ("nobody".to_owned(), "no tag"),
    ] {
        let address = BOUNCES.replace('@', &format!("+{tag}@"));
        site.relay.give(&address, &bounce(&address));
        let recipient = format!("to=<{address}>");
        site.relay.wait_for_log(&[&recipient, "status="]);
        println!("{why}: {}", site.status_of(&recipient));
    }
    let untouched = |stored: &Stored| (stored.ended("sent"), stored.ended("refused")) == (1, 3);
    assert!(untouched(&site.lab.stored()), "{:?}", site.lab.stored());
    reportd.stop().success();

    for (day, sent) in [("2026-12-02", 2), ("2026-12-09", 3)] {
        let reportd = site.report(day);
        site.wait_for("welcome again", "sent", sent);
        site.lab
            .wait_for_stored("it is known by its refusals for a week more", |stored| {
                stored.refusals.is_empty() == (day == "2026-12-09")
            });
        reportd.stop().success();
    }
}

/// local(8) takes the rights of the owner of the alias file, and tells the address in variables.
#[test]
fn an_alias_takes_bounces_too() {
    let Some(mut site) = Site::or_skip(Way::Alias) else {
        return;
    };
    let reportd = site.report("2026-11-21");
    site.wait_for("the bounce, taken", "refused", 1);
    let address = BOUNCES.replace('@', "+nobody@");
    site.relay.give(&address, &bounce(&address));
    let recipient = format!("to=<{address}>");
    site.relay.wait_for_log(&[&recipient, "status=bounced"]);
    let said = site.status_of(&recipient);
    assert!(said.contains("takes bounces of TLS reports only"), "{said}");
    reportd.stop().success();
}

/// How the relay gives bounces to the program.
#[derive(Clone, Copy)]
enum Way {
    Pipe,
    Alias,
}

/// A site whose relay and receiver are Postfix.
struct Site {
    lab: Lab,
    clock: FakeClock,
    relay: Postfix,
    receiver: Postfix,
    reportd: Program,
}

impl Site {
    fn or_skip(way: Way) -> Option<Site> {
        let programs = PostfixPrograms::or_skip()?;
        let lab = Lab::new();
        let clock = FakeClock::or_skip(lab.folder(), "2026-11-21T12:00:00Z")?;
        lab.dns.tlsrpt("dead.example", RECORD);
        let user = User::from_name(PIPE_USER).unwrap().unwrap();
        fs::set_permissions(lab.folder(), Permissions::from_mode(0o755)).unwrap();
        chown(lab.folder(), Some(user.uid.as_raw()), None).unwrap();

        fs::write(lab.file("users"), "somebody@dead.example ok\n").unwrap();
        let receiver = programs.start(
            &lab.file("receiver"),
            &format!(
                "myhostname = mx.dead.example\nmydestination =\nvirtual_mailbox_domains = dead.example\n\
                 virtual_mailbox_maps = texthash:{}\nvirtual_transport = discard:\nmax_use = 1\n",
                lab.file("users").display()
            ),
            "",
        );
        let taker = taker(&lab, &clock);
        let (route, service) = match way {
            Way::Pipe => (
                format!("{BOUNCES} tlsrpt:\n"),
                format!(
                    "tlsrpt unix - n n - - pipe user={PIPE_USER} argv={taker} --recipient ${{original_recipient}}\n"
                ),
            ),
            Way::Alias => (String::new(), "local unix - n n - - local\n".to_owned()),
        };
        let receives = receiver.address().port();
        let transport = format!("dead.example smtp:[127.0.0.1]:{receives}\n{route}");
        fs::write(lab.file("transport"), transport).unwrap();
        fs::write(
            lab.file("aliases"),
            format!("tlsrpt-bounces \"|{taker}\"\n"),
        )
        .unwrap();
        chown(lab.file("aliases"), Some(user.uid.as_raw()), None).unwrap();
        let relay = programs.start(
            &lab.file("relay"),
            &format!(
                "myhostname = relay.sender.example\nmydestination = sender.example\nrecipient_delimiter = +\n\
                 transport_maps = texthash:{}\ntlsrpt_destination_recipient_limit = 1\nalias_maps = texthash:{}\n",
                lab.file("transport").display(),
                lab.file("aliases").display()
            ),
            &service,
        );
        let reportd = lab
            .reportd()
            .clock(&clock)
            .set("mail_transport", format!("smtp://{}", relay.address()))
            .set("bounce_address", BOUNCES);
        let site = Site {
            lab,
            clock,
            relay,
            receiver,
            reportd,
        };
        // The database is the service's, whose user takes the bounces.
        let mut running = site.reportd.start();
        running.wait_for_log("is at work");
        running.stop().success();
        for name in ["reportd.sqlite", "reportd.sqlite-lock"] {
            let path = site.lab.file(name);
            if path.exists() {
                chown(&path, Some(user.uid.as_raw()), None).unwrap();
            }
        }
        Some(site)
    }

    /// A session on that day, its report begun.
    fn report(&mut self, date: &str) -> Running {
        self.clock.jump(&format!("{date}T12:00:00Z"));
        let lab = &self.lab;
        let collectd = lab.start_ready(&lab.collectd().clock(&self.clock));
        lab.mta().send(&mta::success("dead.example", RECORD));
        lab.wait_for_sessions(&lab.collectd_db(), 1);
        collectd.signal(Signal::SIGUSR2);
        until_true("the closed day", || {
            day::sessions(&lab.collectd_db(), None) == 0
                && day::sessions(&lab.closed_db(), None) > 0
        });
        collectd.stop().success();
        self.reportd.start()
    }

    fn wait_for(&self, what: &str, status: &str, count: usize) {
        let log = || format!("{what}\n{}", self.relay.log());
        self.lab
            .wait_for_stored(&log(), |stored| stored.ended(status) == count);
    }

    /// The receiver gets the mailbox.
    fn add_user(&self) {
        fs::write(self.lab.file("users"), "tlsrpt@dead.example ok\n").unwrap();
    }

    /// The tags of the mails that the relay has taken from the reporter, in order.
    fn mailed(&self) -> Vec<String> {
        let log = self.relay.log();
        let tag = |line: &str| {
            let (_, after) = line.split_once("from=<tlsrpt-bounces+")?;
            Some(after.split_once('@')?.0.to_owned())
        };
        let mut tags: Vec<String> = log.lines().filter_map(tag).collect();
        tags.dedup();
        tags
    }

    fn status_of(&self, recipient: &str) -> String {
        let log = self.relay.log();
        let is_it = |line: &&str| line.contains(recipient) && line.contains("status=");
        let line = log.lines().find(is_it).unwrap_or_default();
        line.split_once("status=").unwrap_or_default().1.to_owned()
    }
}

/// What Postfix runs: the program where its user reaches it, under the test's clock.
fn taker(lab: &Lab, clock: &FakeClock) -> String {
    let place = |path: &Path| -> PathBuf {
        let place = lab.file("bin").join(path.file_name().unwrap());
        fs::create_dir_all(lab.file("bin")).unwrap();
        fs::copy(path, &place).unwrap();
        place
    };
    let ctl = lab.ctl().moved(place).arg("bounce");
    let clock = clock.environment().into_iter();
    let clock: Vec<String> = clock
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let script = lab.file("taker");
    let words = format!("{} {}", clock.join(" "), ctl.command_line());
    fs::write(
        &script,
        format!("#!/bin/sh\nexec /usr/bin/env {words} \"$@\"\n"),
    )
    .unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    script.display().to_string()
}

/// A bounce as Postfix writes it.
fn bounce(address: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.stranger.example\nTo: {address}\nSubject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; mx.stranger.example\n\nFinal-Recipient: rfc822; tlsrpt@dead.example\nAction: failed\nStatus: 5.1.1\n\
         Diagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--b--\n"
    )
}
