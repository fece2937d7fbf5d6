//! A machine of a distribution in a temporary folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::day;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta::{self, Mta};
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::{until, until_true};

/// How a program finds its options; a name is one of `tests/data/wild`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Configured {
    /// `--config_file`.
    ByFile(&'static str),
    /// Nothing but variables.
    ByEnvironment(&'static str),
}
use Configured::{ByEnvironment, ByFile};

/// Directories and programs there, and their places here. The longer ones first: some begin as others do.
const PLACES: [(&str, &str); 15] = [
    (
        "/nix/store/3v7zq0x8-tlsrpt-reporter-0.6.0/bin/tlsrpt-fetcher",
        "bin/tlsrpt-fetcher --config_file {}/nixos/fetcher.cfg",
    ),
    ("/nix/store/9k2c4wxn-curl-8.16.0-bin/bin/", "bin/"),
    ("/run/wrappers/bin/", "bin/"),
    ("/usr/local/bin/", "bin/"),
    ("/usr/local/etc/tlsrpt-reporter/", "freebsd/"),
    ("/etc/tlsrpt-reporter/", "gentoo/"),
    ("/etc/tlsrpt/", "one-file/"),
    ("/var/lib/tlsrpt-reporter/", ""),
    ("/var/lib/tlsrpt/", ""),
    ("/var/db/tlsrpt-reporter/", ""),
    ("/var/log/tlsrpt-reporter/", ""),
    ("/var/run/tlsrpt-reporter/", ""),
    ("/run/tlsrpt-reporter/", ""),
    ("/run/tlsrpt/", ""),
    ("/tlsrpt-", "tlsrpt-"),
];

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@a.test";

pub(super) struct Site {
    lab: Lab,
    /// The text of each file, by its name.
    texts: BTreeMap<String, String>,
}

impl Site {
    pub(super) fn new(place: &str) -> Site {
        let lab = Lab::new();
        lab.dns.tlsrpt("a.test", TXT);
        let data = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("data/wild")
            .join(place);
        let mut site = Site {
            lab,
            texts: BTreeMap::new(),
        };
        for folder in ["bin", "mails", "tlsrpt-data", "tlsrpt-socket", place] {
            fs::create_dir_all(site.lab.file(folder)).unwrap();
        }
        for entry in fs::read_dir(data).unwrap().flatten() {
            let name = format!("{place}/{}", entry.file_name().to_string_lossy());
            let text = site.here(&fs::read_to_string(entry.path()).unwrap());
            site.write(&name, text);
        }
        // What PATH finds.
        let link = |path: &Path| {
            symlink(path, site.lab.file("bin/tlsrpt-fetcher")).unwrap();
            path.to_owned()
        };
        Program::ours("tlsrpt-fetcher", site.lab.folder()).moved(link);
        for name in ["sendmail", "curl"] {
            let path = site.lab.file("bin").join(name);
            let mails = site.lab.file("mails");
            // Written under another name: a file that is written to cannot be started.
            let new = path.with_extension("new");
            let keep = format!(
                "#!/bin/sh\nf=$(mktemp {}/XXXXXXXX) && cat >$f && mv $f $f.whole\n",
                mails.display()
            );
            fs::write(&new, keep).unwrap();
            fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
            fs::rename(&new, &path).unwrap();
        }
        site
    }

    /// A text with the places here.
    fn here(&self, text: &str) -> String {
        let folder = self.lab.folder().display().to_string();
        PLACES
            .iter()
            .enumerate()
            .fold(text.to_owned(), |text, (number, (there, _))| {
                // In two steps, so that no place here is taken for one there.
                text.replace(there, &format!("\0{number};"))
            })
            .split('\0')
            .enumerate()
            .map(|(part, text)| match text.split_once(';') {
                Some((number, rest)) if part > 0 => {
                    let here = PLACES[number.parse::<usize>().unwrap()]
                        .1
                        .replace("{}", &folder);
                    format!("{folder}/{here}{rest}")
                }
                _ => text.to_owned(),
            })
            .collect()
    }

    fn write(&mut self, name: &str, text: String) {
        fs::write(self.lab.file(name), &text).unwrap();
        self.texts.insert(name.to_owned(), text);
    }

    /// Writes `right` in place of the line `wrong` in whatever file has it.
    pub(super) fn write_instead(&mut self, wrong: &str, right: &str) {
        let wrong = format!("{wrong}\n");
        let with = self
            .texts
            .clone()
            .into_iter()
            .filter(|(_, text)| text.contains(&wrong));
        let files: Vec<_> = with.collect();
        assert!(!files.is_empty(), "no line {wrong}");
        for (name, text) in files {
            self.write(&name, text.replace(&wrong, &format!("{right}\n")));
        }
    }

    pub(super) fn collectd(&self, configured: Configured) -> Program {
        self.configured(
            Program::ours("tlsrpt-collectd", self.lab.folder()),
            configured,
        )
    }

    pub(super) fn their_collectd(&self, sys4: &Sys4, configured: Configured) -> Program {
        self.configured(
            sys4.program("tlsrpt-collectd", self.lab.folder()),
            configured,
        )
        // It commits at a time-out only.
        .env("TLSRPT_COLLECTD_SOCKETTIMEOUT", 1)
    }

    pub(super) fn fetcher(&self, configured: Configured) -> Program {
        self.configured(
            Program::ours("tlsrpt-fetcher", self.lab.folder()),
            configured,
        )
    }

    /// The reporter; the DNS is the test's, and reports are due now.
    pub(super) fn reportd(&self, configured: Configured) -> Program {
        self.configured(
            Program::ours("tlsrpt-reportd", self.lab.folder()),
            configured,
        )
        .env("TLSRPT_REPORTD_DNS_SERVERS", self.lab.dns.address())
        .env("TLSRPT_REPORTD_SPREAD_OUT_DELIVERY", 1)
        .env("TLSRPT_REPORTD_INTERVAL_MAIN_LOOP", 1)
    }

    pub(super) fn ctl(&self, configured: Configured) -> Program {
        self.configured(Program::ours("tlsrptctl", self.lab.folder()), configured)
    }

    fn configured(&self, program: Program, configured: Configured) -> Program {
        let path = format!("{}:/usr/bin:/bin", self.lab.file("bin").display());
        let program = program.no_config().env("PATH", path);
        match configured {
            ByFile(name) => program
                .arg("--config_file")
                .arg(self.lab.file(name).display()),
            ByEnvironment(name) => self.texts[name]
                .lines()
                .filter_map(|line| line.split_once('='))
                .fold(program, |program, (name, value)| program.env(name, value)),
        }
    }

    /// A value of any file here: a path.
    fn path(&self, option: &str) -> PathBuf {
        let value = self
            .texts
            .values()
            .flat_map(|text| text.lines())
            .find_map(|line| {
                let (name, value) = line.split_once(['=', ':'])?;
                name.trim()
                    .to_lowercase()
                    .ends_with(option)
                    .then(|| value.trim().trim_start_matches("sqlite://"))
            });
        PathBuf::from(value.unwrap_or_else(|| panic!("no {option} in the files")))
    }

    pub(super) fn count_one(&self, collectd: &Program) {
        self.started(collectd, 1).stop();
    }

    pub(super) fn count_two_and_close(&self, collectd: &Program) {
        let database = self.path("storage");
        let before = self.sessions(&database);
        let running = self.started(collectd, 2);
        running.signal(Signal::SIGUSR2);
        self.lab.wait_for_sessions(&closed(&database), before + 2);
        running.stop().success();
    }

    /// Runs it until it has counted some sessions more.
    fn started(&self, collectd: &Program, sessions: i64) -> Running {
        let socket = self.path("socketname");
        let database = self.path("storage");
        let mut running = collectd.start();
        until_true("the collector's socket", || {
            assert!(running.is_running(), "the collector ended");
            UnixDatagram::unbound().is_ok_and(|unbound| unbound.connect(&socket).is_ok())
        });
        let closed = closed(&database);
        until_true("the collector's files", || {
            closed.exists() && database.exists()
        });
        // Theirs makes the file first and its tables then.
        let made = "SELECT count(*) FROM sqlite_master WHERE name = 'finalresults'";
        self.lab.wait_for_query(&database, made, "1");
        let before = self.sessions(&database);
        for _ in 0..sessions {
            Mta::new(&socket).send(&mta::failure("a.test", TXT, 203));
        }
        self.lab.wait_for_sessions(&database, before + sessions);
        running
    }

    /// None while there is no file.
    fn sessions(&self, database: &Path) -> i64 {
        if !database.exists() {
            return 0;
        }
        day::sessions(database, None)
    }

    /// The sessions in the one report that it mails.
    pub(super) fn reported(&self, reportd: &Program) -> i64 {
        let running = reportd.start();
        let mail = until("a report's mail", || {
            let files = fs::read_dir(self.lab.file("mails")).unwrap().flatten();
            let mut whole =
                files.filter(|file| file.path().extension().is_some_and(|end| end == "whole"));
            whole
                .next()
                .map(|file| fs::read_to_string(file.path()).unwrap())
        });
        self.lab.wait_for_query(
            &self.path("dbname"),
            "SELECT group_concat(status) FROM destinations",
            "sent",
        );
        running.stop().success();
        let mail = ReportMail::parse(mail.replace('\n', "\r\n").as_bytes());
        assert_eq!(
            mail.header("TLS-Report-Submitter").as_deref(),
            Some("sender.example")
        );
        mail.report()["policies"][0]["summary"]["total-failure-session-count"]
            .as_i64()
            .unwrap()
    }
}

fn closed(database: &Path) -> PathBuf {
    PathBuf::from(format!("{}.yesterday", database.display()))
}
