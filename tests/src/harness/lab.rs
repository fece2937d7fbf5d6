//! One whole site in a temporary folder: collector, fetcher and reporter, ready configured, with the DNS and the
//! receivers of the reports on loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::day::{self, DayFile};
use super::dkim::DkimKey;
use super::dns::Dns;
use super::https::Https;
use super::mta::{self, Mta};
use super::program::{Program, Running};
use super::query::query;
use super::smtp::Smtp;
use super::stored::Stored;
use super::sys4::Sys4;
use super::tls::Ca;
use super::wait::{DEADLINE, until_true, within};

/// The site. Its fields are what tests speak with.
#[derive(Debug)]
pub struct Lab {
    /// The name server that reportd asks.
    pub dns: Dns,
    /// The relay that takes reportd's mails.
    pub smtp: Smtp,
    /// A receiver of posted reports: `https://https.reports.test:PORT/`.
    pub https: Https,
    /// The authority that the receivers' certificates are from; reportd trusts it.
    pub ca: Ca,
    /// The keys that sign: RSA, then Ed25519; published under [`Lab::SUBMITTER`].
    pub keys: [DkimKey; 2],
    folder: TempDir,
}

impl Default for Lab {
    fn default() -> Lab {
        Lab::new()
    }
}

impl Lab {
    /// The reporting domain: that of `contact_info`, and of the DKIM signatures.
    pub const SUBMITTER: &str = "sender.example";

    /// A new site. The relay speaks plain SMTP.
    pub fn new() -> Lab {
        Lab::with_smtp(Smtp::start())
    }

    /// A new site with a relay of your choice.
    pub fn with_smtp(smtp: Smtp) -> Lab {
        clear_of_midnight();
        let folder = tempfile::Builder::new()
            .prefix("tlsrptd-")
            .tempdir()
            .expect("the temporary folder can be written");
        let (dns, ca) = (Dns::start(), Ca::new());
        let https = Https::start(&ca);
        dns.host(Https::HOST, &[std::net::Ipv4Addr::LOCALHOST.into()]);
        let keys = [DkimKey::rsa(folder.path()), DkimKey::ed25519(folder.path())];
        for key in &keys {
            key.publish(&dns, Lab::SUBMITTER);
        }
        fs::write(folder.path().join("ca.pem"), ca.pem())
            .expect("the temporary folder can be written");
        Lab {
            dns,
            smtp,
            https,
            ca,
            keys,
            folder,
        }
    }

    /// The folder of all files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The collector's database of today.
    pub fn collectd_db(&self) -> PathBuf {
        self.file("collectd.sqlite")
    }

    /// The collector's database of yesterday: the closed day.
    pub fn closed_db(&self) -> PathBuf {
        self.file("collectd.sqlite.yesterday")
    }

    /// The reporter's database.
    pub fn reportd_db(&self) -> PathBuf {
        self.file("reportd.sqlite")
    }

    /// The collector's socket.
    pub fn socket(&self) -> PathBuf {
        self.file("collectd.sock")
    }

    /// A sender to the collector.
    pub fn mta(&self) -> Mta {
        Mta::new(&self.socket())
    }

    /// `tlsrpt-collectd`, configured, not started. `sockettimeout` is 1.
    pub fn collectd(&self) -> Program {
        self.configured_collectd(Program::ours("tlsrpt-collectd", self.folder()))
    }

    /// sys4's `tlsrpt-collectd` on the same files.
    pub fn their_collectd(&self, sys4: &Sys4) -> Program {
        self.configured_collectd(sys4.program("tlsrpt-collectd", &self.folder_for("sys4")))
    }

    /// `tlsrpt-fetcher`, without its arguments.
    pub fn fetcher(&self) -> Program {
        self.configured_fetcher(Program::ours("tlsrpt-fetcher", self.folder()))
    }

    /// sys4's `tlsrpt-fetcher` on the same files.
    pub fn their_fetcher(&self, sys4: &Sys4) -> Program {
        self.configured_fetcher(sys4.program("tlsrpt-fetcher", &self.folder_for("sys4")))
    }

    /// `tlsrpt-reportd`, configured to read [`Lab::fetcher`] and to deliver at once to the loopback receivers.
    pub fn reportd(&self) -> Program {
        self.delivering(Program::ours("tlsrpt-reportd", self.folder()))
    }

    /// `tlsrptctl` with all that reportd's configuration says, without its command: for previews and mails.
    pub fn full_ctl(&self) -> Program {
        self.delivering(Program::ours("tlsrptctl", self.folder()))
    }

    fn delivering(&self, program: Program) -> Program {
        let [rsa, ed25519] = &self.keys;
        self.configured_reportd(program, &self.fetcher())
            .set("allow_private_destinations", "yes")
            .set("dns_servers", self.dns.address())
            .set("dns_timeout", 2)
            .set("https_ca_file", self.file("ca.pem").display())
            .set("mail_transport", self.smtp.transport())
            .set(
                "dkim_keys",
                format!("{},{}", rsa.option(), ed25519.option()),
            )
    }

    /// sys4's `tlsrpt-reportd` on the same database, with our fetcher. What it mails and posts: [`Lab::their_mails`],
    /// [`Lab::their_posts`].
    pub fn their_reportd(&self, sys4: &Sys4) -> Program {
        let keep = |folder: &str| {
            let folder = self.folder_for(folder);
            // Renamed when whole, so that no test reads half a mail.
            format!(
                "f=$(mktemp {}/XXXXXXXX) && cat >$f && mv $f $f.whole",
                folder.display()
            )
        };
        // The script's last word is the URL, which nobody needs here.
        let http_script = format!("{} #", keep("sys4-posts"));
        self.configured_reportd(
            sys4.program("tlsrpt-reportd", &self.folder_for("sys4")),
            &self.fetcher(),
        )
        .set("sendmail_script", keep("sys4-mails"))
        .set("http_script", http_script)
    }

    /// The mails that sys4's reportd has handed over, in no order.
    pub fn their_mails(&self) -> Vec<Vec<u8>> {
        contents(&self.file("sys4-mails"))
    }

    /// The bodies that sys4's reportd has posted, in no order.
    pub fn their_posts(&self) -> Vec<Vec<u8>> {
        contents(&self.file("sys4-posts"))
    }

    /// `tlsrptctl` with reportd's configuration, without its command.
    pub fn ctl(&self) -> Program {
        self.configured_reportd(Program::ours("tlsrptctl", self.folder()), &self.fetcher())
    }

    /// Starts the collector and waits until its socket takes datagrams.
    pub fn start_collectd(&self) -> Running {
        self.start_ready(&self.collectd())
    }

    /// Starts a collector of any make and waits until its socket takes datagrams, and until a first start has made both
    /// of [`Lab`]'s files: whoever reads today's file while it is turned into yesterday's keeps the collector from it.
    pub fn start_ready(&self, collectd: &Program) -> Running {
        let socket = collectd
            .setting("socketname")
            .map_or_else(|| self.socket(), PathBuf::from);
        let mut running = collectd.start();
        until_true("the collector's socket", || {
            assert!(running.is_running(), "the collector ended");
            std::os::unix::net::UnixDatagram::unbound()
                .is_ok_and(|unbound| unbound.connect(&socket).is_ok())
        });
        if collectd.setting("storage") == Some(&self.storage()) {
            until_true("the collector's files", || {
                assert!(running.is_running(), "the collector ended");
                self.closed_db().exists() && self.collectd_db().exists()
            });
        }
        running
    }

    /// Waits until the collector has counted at least `count` sessions today, tells it (SIGUSR2) to make today's data
    /// yesterday's, and waits until the closed file holds them. What is still in the socket's queue at the signal is the
    /// next day's, with sys4 at least, hence the number.
    /// Start reportd only after it: a day that it has seen as empty is done.
    pub fn close_day(&self, collectd: &Running, count: i64) {
        let before = day::sessions(&self.closed_db(), None);
        self.wait_for_sessions(&self.collectd_db(), count);
        collectd.signal(Signal::SIGUSR2);
        self.wait_for_sessions(&self.closed_db(), before + count);
    }

    /// Waits until a collector's file holds at least `count` sessions.
    pub fn wait_for_sessions(&self, day_file: &Path, count: i64) {
        let mut found = 0;
        let done = within(DEADLINE, || {
            found = day::sessions(day_file, None);
            (found >= count).then_some(())
        });
        assert!(
            done.is_some(),
            "{} holds {found} sessions, not {count}",
            day_file.display()
        );
    }

    /// Sends good datagrams through a collector of its own, closes the day and stops it: the state in which reportd
    /// starts.
    pub fn collect<D: AsRef<[u8]>>(&self, datagrams: impl IntoIterator<Item = D>) {
        let collectd = self.start_collectd();
        let mut count = 0;
        for datagram in datagrams {
            self.mta().send(datagram.as_ref());
            count += mta::sessions_of(datagram.as_ref());
        }
        self.close_day(&collectd, count);
        collectd.stop().success();
    }

    /// The day whose reports are due: yesterday, `YYYY-MM-DD`.
    pub fn day(&self) -> String {
        let yesterday = Timestamp::now() - jiff::SignedDuration::from_hours(24);
        TimeZone::UTC.to_datetime(yesterday).date().to_string()
    }

    /// The report-id of that day's first report on a domain.
    pub fn report_id(&self, domain: &str) -> String {
        let installation = "SELECT id FROM tlsrptd_installation";
        let installation = &self.query(&self.reportd_db(), installation)[0][0];
        format!("{}_idx1-{installation}_{domain}", self.day())
    }

    /// What the reporter has stored.
    pub fn stored(&self) -> Stored {
        Stored::read(&self.reportd_db()).expect("a reporter has made the database")
    }

    /// Waits until what the reporter has stored is so.
    pub fn wait_for_stored(&self, what: &str, is_so: impl Fn(&Stored) -> bool) {
        let mut last = None;
        let done = within(DEADLINE, || {
            last = Stored::read(&self.reportd_db());
            last.as_ref().is_some_and(&is_so).then_some(())
        });
        assert!(done.is_some(), "{what}: {last:?}");
    }

    /// What a collector's file holds.
    pub fn day_file(&self, path: &Path) -> DayFile {
        DayFile::read(path).unwrap_or_else(|| panic!("{} is no day file", path.display()))
    }

    /// Rows of an SQL query on one of the databases, each value as text (NULL as an empty one). Waits while the
    /// database is locked. For tests of the form of sys4's files, which is SQLite's, and of what both programs left in one;
    /// others ask [`Lab::stored`] and [`Lab::day_file`].
    pub fn query(&self, database: &Path, sql: &str) -> Vec<Vec<String>> {
        query(database, sql)
            .unwrap_or_else(|error| panic!("{}: {sql}: {error}", database.display()))
    }

    /// Waits until an SQL query (its first value) gives `value`.
    pub fn wait_for_query(&self, database: &Path, sql: &str, value: &str) {
        let mut last = None;
        let first = |rows: Vec<Vec<String>>| rows.first().and_then(|row| row.first().cloned());
        let done = within(DEADLINE, || {
            last = query(database, sql).ok().and_then(first);
            (last.as_deref() == Some(value)).then_some(())
        });
        assert!(done.is_some(), "{sql} gave {last:?}, not {value:?}");
    }

    /// Waits until no delivery is pending, and returns the deliveries as (destination, status), sorted.
    pub fn deliveries(&self) -> Vec<(String, String)> {
        let pending = "SELECT (SELECT count(*) FROM reports) > 0 AND (SELECT count(*) FROM destinations WHERE status IS NULL) = 0
            AND (SELECT count(*) FROM fetchjobs WHERE status IS NULL) = 0";
        self.wait_for_query(&self.reportd_db(), pending, "1");
        let rows = self.query(
            &self.reportd_db(),
            "SELECT destination, status FROM destinations ORDER BY 1, 2",
        );
        rows.into_iter()
            .map(|row| (row[0].clone(), row[1].clone()))
            .collect()
    }

    fn configured_collectd(&self, program: Program) -> Program {
        program
            .set("storage", self.storage())
            .set("socketname", self.socket().display())
            .set("sockettimeout", 1)
            .set("log_level", "debug")
    }

    fn configured_fetcher(&self, program: Program) -> Program {
        program
            .set("storage", self.storage())
            .set("log_level", "debug")
    }

    fn configured_reportd(&self, program: Program, fetcher: &Program) -> Program {
        program
            .set("dbname", self.reportd_db().display())
            .set("fetchers", fetcher.command_line())
            .set("organization_name", "Sender Example")
            .set("contact_info", "tlsrpt@sender.example")
            .set("sender_address", "TLS Reports <noreply@sender.example>")
            .set("spread_out_delivery", 1)
            .set("interval_main_loop", 1)
            .set("log_level", "debug")
    }

    fn storage(&self) -> String {
        format!("sqlite://{}", self.collectd_db().display())
    }

    /// A folder in the folder; sys4 has one of its own because its programs have the names of ours.
    fn folder_for(&self, name: &str) -> PathBuf {
        let folder = self.file(name);
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        folder
    }
}

fn contents(folder: &Path) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter(|file| file.path().extension().is_some_and(|kind| kind == "whole"))
        .filter_map(|file| fs::read(file.path()).ok())
        .collect()
}

/// The real programs read the real clock: a test that spans midnight by chance would fail by chance. Waits it out.
fn clear_of_midnight() {
    let close = || {
        let now = TimeZone::UTC.to_datetime(Timestamp::now()).time();
        now.hour() == 23 && now.minute() >= 58
    };
    if close() {
        within(Duration::from_secs(180), || (!close()).then_some(()));
    }
}
