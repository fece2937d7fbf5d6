//! A set-up that is right: programs at work, DNS, relay, and a stand-in for Postfix's `postconf`.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
};

use hickory_proto::rr::{Name, RData, rdata::MX};
use nix::unistd::{Group, User, geteuid};
use serde_json::Value;
use tlsrptd_tests::harness::{lab::Lab, program::Program, running::Running};

/// Says what Debian 13's says, in its form, out of files.
const POSTCONF: &str = r#"#!/bin/sh
folder=${0%/*}/../main
[ "$1" = -c ] && { folder=$2; shift 2; }
case $1 in
-M) cat "$folder/master" ;;
*)
    cat "$folder/parameters"
    echo "postconf: warning: smtp_tlsrpt_other: unknown parameter" >&2
    ;;
esac
"#;
/// Debian 13's, as far as it matters.
const MASTER: &str = "\
smtp       inet  n       -       y       -       -       smtpd
pickup     unix  n       -       y       60      1       pickup
smtp       unix  -       -       y       -       -       smtp
relay      unix  -       -       y       -       -       smtp -o syslog_name=${multi_instance_name?{$multi_instance_name}:{postfix}}/$service_name
lmtp       unix  -       -       y       -       -       lmtp
";

/// The set-up.
pub(super) struct Site {
    pub(super) lab: Lab,
    /// The JSON that `dkim-record --new` gave.
    pub(super) key: Value,
    collectd: Option<Running>,
    reportd: Option<Running>,
}

impl Site {
    /// With both daemons at work.
    pub(super) fn start() -> Site {
        let lab = Lab::new();
        let mut site = Site {
            key: Value::Null,
            collectd: None,
            reportd: None,
            lab,
        };
        site.postfix();
        site.zone();
        site.collectd = Some(site.lab.start_ready(&site.collector()));
        let reportd = site.configured(site.lab.reportd());
        let mut running = reportd.start();
        running.wait_for_log("is at work");
        site.reportd = Some(running);
        site
    }

    /// In its queue directory.
    pub(super) fn socket(&self) -> PathBuf {
        self.queue().join("run/tlsrpt.sock")
    }

    pub(super) fn queue(&self) -> PathBuf {
        self.lab.file("queue")
    }

    fn collector(&self) -> Program {
        let collector = self
            .lab
            .collectd()
            .set("socketname", self.socket().display())
            .set("socketmode", "0220")
            .set("observation_socket", self.lab.file("observe").display());
        match geteuid().is_root() {
            true => collector.set("socketgroup", postfix_user().1),
            false => collector,
        }
    }

    /// The collector's configuration, changed behind its back.
    pub(super) fn collector_with_another_socket(&self) -> PathBuf {
        let text = fs::read_to_string(self.collector().config_path()).unwrap();
        let socket = self.socket().display().to_string();
        let both = format!("{socket}, {}", self.lab.file("other.sock").display());
        let path = self.lab.file("changed.cfg");
        let (of, to) = (
            format!("socketname = {socket}"),
            format!("socketname = {both}"),
        );
        fs::write(&path, text.replace(&of, &to)).unwrap();
        path
    }

    pub(super) fn stop_collectd(&mut self) {
        if let Some(collectd) = self.collectd.take() {
            collectd.kill();
        }
    }

    pub(super) fn start_collectd(&mut self) {
        self.collectd = Some(self.lab.start_ready(&self.collector()));
    }

    /// `doctor`, ready configured, as whoever runs the tests.
    pub(super) fn doctor(&self) -> Program {
        self.configured(self.lab.ctl())
            .arg("doctor")
            .arg("--json")
            .arg("--collectd_config")
            .arg(self.collector().config_path().display())
            .env("PATH", self.path())
    }

    pub(super) fn path(&self) -> String {
        let own = std::env::var("PATH").unwrap_or_default();
        format!("{}:{own}", self.lab.file("bin").display())
    }

    pub(super) fn configured(&self, program: Program) -> Program {
        let lab = &self.lab;
        program
            .set("dns_servers", lab.dns.address())
            .set("dns_timeout", 1)
            .set("mail_transport", lab.smtp.transport())
            .set("allow_private_destinations", "yes")
            .set("https_ca_file", lab.file("ca.pem").display())
            .set(
                "dkim_keys",
                self.key["dkim_keys"].as_str().unwrap_or_default(),
            )
    }

    /// The line of `dkim_keys` in another order or with other keys.
    pub(super) fn key_path(&self) -> PathBuf {
        self.lab.file("mail-tlsrpt.pem")
    }

    fn postfix(&self) {
        let make = |name: &&str| fs::create_dir_all(self.lab.file(name)).unwrap();
        ["bin", "main", "queue/run", "lib"].iter().for_each(make);
        // Postfix's user gets through.
        for folder in ["", "queue", "queue/run"] {
            fs::set_permissions(self.lab.file(folder), Permissions::from_mode(0o755)).unwrap();
        }
        self.script("postconf", POSTCONF);
        // The programs need the library by way of Postfix's own.
        fs::write(self.lab.file("lib/smtp"), "ELF libpostfix-tls.so libc.so.6").unwrap();
        fs::write(self.lab.file("lib/libpostfix-tls.so"), "ELF libtlsrpt.so.0").unwrap();
        self.main("run/tlsrpt.sock", "3.10.13", "");
        self.master(MASTER);
    }

    /// A program in front of `PATH`.
    pub(super) fn script(&self, name: &str, text: &str) {
        let path = self.lab.file("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    /// What `postconf` says of `main.cf`.
    pub(super) fn main(&self, socket: &str, version: &str, more: &str) {
        let lib = self.lab.file("lib");
        let text = format!(
            "mail_version = {version}\nqueue_directory = {}\ndaemon_directory = {lib}\nshlib_directory = {lib}\nmail_owner = {owner}\ncompatibility_level = 3.9\nmulti_instance_directories =\nsmtp_tlsrpt_enable = yes\nsmtp_tlsrpt_socket_name = {socket}\nsmtp_tls_security_level = dane\nsmtp_tls_connection_reuse = no\n{more}",
            self.queue().display(),
            lib = lib.display(),
            owner = postfix_user().0,
        );
        fs::write(self.lab.file("main/parameters"), text).unwrap();
    }

    /// What `postconf -M` says of `master.cf`.
    pub(super) fn master(&self, text: &str) {
        fs::write(self.lab.file("main/master"), text).unwrap();
    }

    pub(super) fn usual_master(&self) {
        self.master(MASTER);
    }

    /// All that belongs to the submitter's name, and the key's records as `dkim-record` says them.
    fn zone(&mut self) {
        let made = self
            .lab
            .ctl()
            .arg("dkim-record")
            .arg("--new")
            .arg("mail-tlsrpt")
            .arg("--json")
            .run()
            .success();
        self.key = serde_json::from_str(&made.stdout).unwrap();
        self.publish();
        let dns = &self.lab.dns;
        dns.txt("_dmarc.sender.example", &["v=DMARC1; p=reject"]);
        dns.txt("sender.example", &["v=spf1 mx -all"]);
        self.mail_host("mx.sender.example.");
    }

    /// SPF beside the mail host; what a name has is set as a whole.
    pub(super) fn mail_host(&self, host: &str) {
        let spf = hickory_proto::rr::rdata::TXT::new(vec!["v=spf1 mx -all".to_owned()]);
        let mx = MX::new(10, Name::from_ascii(host).unwrap());
        self.lab
            .dns
            .set("sender.example", vec![RData::TXT(spf), RData::MX(mx)]);
    }

    /// The records of the key, as they were said.
    pub(super) fn publish(&self) {
        for record in self.key["records"].as_array().unwrap() {
            let (name, text) = (
                record["name"].as_str().unwrap(),
                record["text"].as_str().unwrap(),
            );
            self.lab.dns.txt(name, &[text]);
        }
    }
}

/// Postfix's user here, and its group: one that exists everywhere, or whoever runs the tests.
pub(super) fn postfix_user() -> (String, String) {
    let user = match geteuid().is_root() {
        true => User::from_name("nobody"),
        false => User::from_uid(geteuid()),
    };
    let user = user.unwrap().unwrap();
    let group = Group::from_gid(user.gid).unwrap().unwrap();
    (user.name, group.name)
}

/// What a doctor found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) code: Option<i32>,
    pub(super) all: Vec<[String; 4]>,
}

/// Asks one.
pub(super) fn ask(doctor: &Program) -> Found {
    let ended = doctor.run();
    let answer: Value = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", ended.stdout, ended.stderr));
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let findings = answer["findings"].as_array().unwrap().iter();
    let all = findings
        .map(|finding| ["level", "area", "finding", "remedy"].map(|name| text(finding, name)));
    Found {
        code: ended.code(),
        all: all.collect(),
    }
}

impl Found {
    /// A finding of an area and level that has these words, in itself or in its remedy.
    pub(super) fn has(&self, level: &str, area: &str, words: &str) -> bool {
        self.all.iter().any(|[of, place, finding, remedy]| {
            of == level && place == area && (finding.contains(words) || remedy.contains(words))
        })
    }

    /// What is wrong in an area.
    pub(super) fn wrong(&self, area: &str) -> Vec<&[String; 4]> {
        let wrong = |finding: &&[String; 4]| matches!(finding[0].as_str(), "warn" | "fail");
        self.all
            .iter()
            .filter(|finding| finding[1] == area)
            .filter(wrong)
            .collect()
    }

    /// Asserts that a mistake was found, with a remedy.
    #[track_caller]
    pub(super) fn expect(&self, level: &str, area: &str, words: &str, remedy: &str) {
        let found = self.has(level, area, words) && self.has(level, area, remedy);
        assert!(found, "{level} {area} {words} => {remedy}: {:#?}", self.all);
        assert!(
            self.wrong(area)
                .iter()
                .all(|finding| !finding[3].is_empty()),
            "each has a remedy: {:#?}",
            self.all
        );
        let code = if level == "fail" { 2 } else { 1 };
        assert!(self.code >= Some(code), "{:?}", self.code);
    }

    /// Asserts that nothing is wrong in an area, and that it was looked at.
    #[track_caller]
    pub(super) fn green(&self, area: &str) {
        assert!(self.has("ok", area, ""), "{area}: {:#?}", self.all);
        assert!(self.wrong(area).is_empty(), "{area}: {:#?}", self.all);
    }
}
