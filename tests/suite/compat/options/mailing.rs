//! The options of `tlsrpt-reportd` about mail.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::smtp::Smtp;
use tlsrptd_tests::harness::wait::until_true;

use super::super::scene::end;
use super::effect::{Effect, Of};
use super::site::{Site, is};

fn mail(site: &Site, reporter: Program) -> ReportMail {
    site.report(&reporter);
    ReportMail::parse(&site.smtp.mails()[0].bytes)
}

/// To whom a digest is sent.
fn digest(site: &Site, reporter: Program) -> String {
    let is_wanted = reporter.setting("digest").is_some();
    let _running = site.report(&reporter);
    let digests = || {
        let mails = site.smtp.mails().into_iter();
        let others = mails.filter(|mail| {
            let mail = ReportMail::parse(&mail.bytes);
            mail.header("TLS-Report-Domain").is_none()
        });
        others.flat_map(|mail| mail.to).collect::<Vec<_>>()
    };
    if is_wanted {
        until_true("a digest", || !digests().is_empty());
    }
    digests().pop().unwrap_or_else(|| "none".to_owned())
}

/// How a delivery to a relay that wants a login ends; or the start, where the configuration is wrong.
fn login(site: &Site, reporter: Program) -> String {
    let relay = Smtp::start_with_auth();
    let password = site.scene.write("password", "secret\n");
    let reporter = reporter
        .set("mail_transport", relay.transport())
        .set("max_retries_delivery", 0);
    let reporter = match (
        reporter.setting("mail_user"),
        reporter.setting("mail_password_file"),
    ) {
        (None, None) | (Some(_), Some(_)) => reporter,
        (Some(_), None) => reporter.set("mail_password_file", password),
        (None, Some(_)) => reporter.set("mail_user", "tlsrpt"),
    };
    if reporter.setting("mail_user").is_some() != reporter.setting("mail_password_file").is_some() {
        return end(&reporter.run());
    }
    site.report(&reporter);
    format!("{} logins", relay.logins())
}

/// The envelope sender of a report, with `TAG` for what differs.
fn envelope(site: &Site, reporter: Program) -> String {
    site.report(&reporter);
    let from = site.smtp.mails()[0].from.clone();
    let (local, domain) = from.split_once('@').unwrap();
    match local.find(|c: char| !c.is_ascii_alphanumeric()) {
        Some(at) => format!("{}TAG@{domain}", &local[..=at]),
        None => from,
    }
}

/// What `tlsrptctl bounce` makes of a mail that came back from this address: its first word, or its exit status.
fn bounced(site: &Site, ctl: Program, address: &str) -> String {
    let reporter = site.program("tlsrpt-reportd");
    let reporter = reporter.set("bounce_address", "back@m.test");
    site.report(&reporter).stop();
    let mail = format!(
        "From: MAILER-DAEMON@m.test\nMIME-Version: 1.0\nContent-Type: multipart/report; \
         report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; m.test\n\nFinal-Recipient: rfc822; {address}\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
    );
    let mail = site.scene.write("bounce.eml", &mail);
    let read = format!("exec \"$0\" \"$@\" <{mail}");
    let recipient = match address {
        "stranger@m.test" => "back@m.test".to_owned(),
        _ => site.smtp.mails()[0].from.clone(),
    };
    let ctl = ctl.under(&["/bin/sh", "-c", &read]).arg("bounce");
    let ended = ctl.arg("--recipient").arg(recipient).run();
    match ended.code() {
        Some(0) => ended
            .stdout
            .split([':', ' '])
            .next()
            .unwrap_or_default()
            .to_owned(),
        code => format!("{code:?}"),
    }
}

#[rustfmt::skip]
pub(super) fn effects() -> Vec<Effect> {
    let of = Of("tlsrpt-reportd");
    let ctl = Of("tlsrptctl");
    vec![
        of.set("mail_transport", "{relay}", ["by sendmail", "by the relay"], |site, reporter| {
            let sendmail = site.scene.write("sendmail", "#!/bin/sh\ncat >/dev/null\n");
            fs::set_permissions(sendmail, fs::Permissions::from_mode(0o755)).unwrap();
            let path = format!("{}:{}", site.scene.folder().display(), std::env::var("PATH").unwrap());
            site.report(&reporter.env("PATH", path));
            if site.smtp.mails().is_empty() { "by sendmail" } else { "by the relay" }.to_owned()
        }),
        of.set("helo_name", "mail.m.test", ["[127.0.0.1] or a name", "mail.m.test"], |site, reporter| {
            site.report(&reporter);
            let name = site.smtp.mails()[0].hello.clone();
            if name == "mail.m.test" { name } else { "[127.0.0.1] or a name".to_owned() }
        }),
        of.set("mail_user", "tlsrpt", ["0 logins", "1 logins"], login),
        of.set("mail_password_file", "{folder}/password", ["0 logins", "1 logins"], login),
        of.set("bcc_address", "archive@m.test", ["x@m.test", "x@m.test archive@m.test"], |site, reporter| {
            site.report(&reporter);
            let mut to: Vec<String> = site.smtp.mails().into_iter().flat_map(|mail| mail.to).collect();
            to.dedup();
            to.join(" ")
        }),
        of.set("bounce_address", "back@m.test", ["tlsrpt@sender.example", "back+TAG@m.test"], envelope),
        of.set("bounce_delimiter", "-", ["back+TAG@m.test", "back-TAG@m.test"], |site, reporter| {
            envelope(site, reporter.set("bounce_address", "back@m.test"))
        }),
        ctl.set("bcc_address", "archive@m.test", ["refused", "copy"], |site, ctl| bounced(site, ctl, "archive@m.test")),
        ctl.set("unclaimed_bounces", "{folder}/kept", ["Some(67)", "not"], |site, ctl| bounced(site, ctl, "stranger@m.test")),
        of.set("digest_address", "op@m.test", ["none", "op@m.test"], |site, reporter| {
            let is_set = reporter.setting("digest_address").is_some();
            digest(site, if is_set { reporter.set("digest", "daily") } else { reporter })
        }),
        of.set("digest", "daily", ["none", "op@m.test"], |site, reporter| {
            digest(site, reporter.set("digest_address", "op@m.test"))
        }),
        of.set("dkim_keys", "ed1:{folder}/ed25519.pem", ["no", "yes"], |site, reporter| {
            is(!mail(site, with_key(site, reporter)).headers("DKIM-Signature").is_empty())
        }),
        of.set("dkim_domain", "other.test", ["sender.example", "other.test"], |site, reporter| {
            let reporter = reporter.set("dkim_keys", key(site));
            let signature = mail(site, reporter).header("DKIM-Signature").unwrap();
            let domain = signature.split(';').find_map(|field| field.trim().strip_prefix("d="));
            domain.unwrap_or_default().to_owned()
        }),
        of.set("sendmail_script", "cat >{folder}/kept/mail", ["no", "yes"], |site, reporter| {
            site.report(&reporter);
            is(site.scene.file("kept/mail").exists())
        }),
        of.set("sendmail_timeout", "1", ["in time", "too late"], |site, reporter| {
            let reporter = reporter.set("sendmail_script", "cat >/dev/null; sleep 3").set("max_retries_delivery", 0);
            site.report(&reporter);
            if site.value("SELECT status FROM destinations") == "sent" { "in time" } else { "too late" }.to_owned()
        }),
    ]
}

/// As the row sets it, with the real name of the key.
fn with_key(site: &Site, reporter: Program) -> Program {
    if reporter.setting("dkim_keys").is_some() {
        reporter.set("dkim_keys", key(site))
    } else {
        reporter
    }
}

fn key(site: &Site) -> String {
    tlsrptd_tests::harness::dkim::DkimKey::ed25519(site.scene.folder()).option()
}
