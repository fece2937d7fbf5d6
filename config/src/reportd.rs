//! The settings of `tlsrpt-reportd`.

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

mod checks;
mod database;
mod fetchers;

use crate::{
    BlockList, DigestFrequency, DkimKey, FetcherCommand, MailTransport, ReportDays, Start,
    args::Words, load, log_level::LogLevel, option::Program, reader::Reader, value::is_address,
};

/// The settings of `tlsrpt-reportd`; each field is the option of its name.
///
/// The retry options are `None` where they are not set: then `fetch_deadline` and `retry_window` rule.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // `option` has a meaning for each
pub struct Reportd {
    pub pidfilename: Option<PathBuf>,
    pub logfilename: Option<PathBuf>,
    pub log_level: LogLevel,
    /// A file, or an address of PostgreSQL: see [`Reportd::database_file`] and [`Reportd::database_address`].
    pub dbname: PathBuf,
    pub dbname_password_file: Option<PathBuf>,
    /// May be empty where `dbname` is an address.
    pub fetchers: Vec<FetcherCommand>,
    pub organization_name: String,
    pub contact_info: String,
    /// `contact_info` unless set.
    pub sender_address: String,
    pub compression_level: i32,
    pub keep_days: u32,
    /// Bytes.
    pub max_kept_reports_size: u64,
    pub history_days: u32,
    pub history_failures: usize,
    pub clock_confirmation: Duration,
    /// Zero: only with the next day.
    pub late_interval: Duration,
    /// Zero: a line for each report.
    pub log_sent_interval: Duration,
    pub tlsrpt_record_map: Option<PathBuf>,
    pub mail_destination_map: Option<PathBuf>,
    pub http_upload_map: Option<PathBuf>,
    pub http_script: Option<String>,
    pub http_timeout: Duration,
    pub sendmail_script: Option<String>,
    pub sendmail_timeout: Duration,
    pub spread_out_delivery: Duration,
    pub interval_main_loop: Duration,
    pub max_collectd_timediff: Duration,
    pub max_retries_delivery: Option<u32>,
    pub min_wait_delivery: Option<Duration>,
    pub max_wait_delivery: Option<Duration>,
    pub max_retries_domainlist: Option<u32>,
    pub min_wait_domainlist: Option<Duration>,
    pub max_wait_domainlist: Option<Duration>,
    pub max_retries_domaindetails: Option<u32>,
    pub min_wait_domaindetails: Option<Duration>,
    pub max_wait_domaindetails: Option<Duration>,
    pub debug_db: bool,
    pub debug_send_mail_dest: Option<String>,
    pub debug_send_http_dest: Option<String>,
    pub debug_send_file_dest: Option<PathBuf>,
    pub fetch_deadline: Duration,
    /// Bytes.
    pub max_answer_size: u64,
    pub resolve_records: bool,
    /// Empty: the system's.
    pub dns_servers: Vec<SocketAddr>,
    /// Not set: `options timeout` of `resolv.conf`.
    pub dns_timeout: Option<Duration>,
    pub mail_transport: MailTransport,
    pub helo_name: Option<String>,
    pub mail_user: Option<String>,
    pub mail_password_file: Option<PathBuf>,
    pub bcc_address: Option<String>,
    pub bounce_address: Option<String>,
    pub bounce_delimiter: char,
    pub unclaimed_bounces: Option<PathBuf>,
    pub digest_address: Option<String>,
    pub digest: DigestFrequency,
    /// The domain of `contact_info` unless set.
    pub dkim_domain: String,
    /// Empty: the MTA signs.
    pub dkim_keys: Vec<DkimKey>,
    pub https_verify: bool,
    pub https_ca_file: Option<PathBuf>,
    /// Not set: the environment's `https_proxy` and `no_proxy`.
    pub https_proxy: Option<String>,
    pub allow_private_destinations: bool,
    pub max_destinations: usize,
    /// A day; 0: no bound.
    pub max_reports_per_destination: u64,
    pub known_destinations: Vec<String>,
    pub destination_dnsbl: Vec<BlockList>,
    pub max_concurrent_deliveries: usize,
    pub max_concurrent_per_host: usize,
    /// Deliveries a second; 0: no bound.
    pub max_rate_per_host: u32,
    /// Mails a minute; 0: no bound.
    pub max_mail_rate_per_domain: u32,
    pub retry_window: Duration,
    pub max_report_age: Duration,
    /// Bytes.
    pub max_report_size: usize,
    pub loop_guard: bool,
    pub report_days: ReportDays,
    pub min_sessions: u64,
    pub mx_reports: bool,
    pub observation_socket: Option<PathBuf>,
}

/// Reads arguments (without the program's name), environment and file.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Start<Reportd> {
    load::load(args, env)
}

/// The same; on `--check-config`, `look` says what is wrong with the files that the settings name; it is told which file they are from.
pub fn load_with(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    look: impl FnOnce(&Reportd, Option<&Path>) -> Vec<String>,
) -> Start<Reportd> {
    load::load_with(args, env, look)
}

impl load::Load for Reportd {
    const PROGRAM: Program = Program::Reportd;

    fn read(reader: &mut Reader<'_>, words: &Words, _: bool) -> Self {
        load::no_operands(reader, words);
        Reportd::read(reader)
    }
}

impl Reportd {
    /// Takes every option, then looks at what they say together.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Reportd {
        let contact_info: String = reader.take("contact_info");
        let dbname: PathBuf = reader.take("dbname");
        let taken = Reportd {
            observation_socket: reader.take("observation_socket"),
            pidfilename: reader.take("pidfilename"),
            logfilename: reader.take("logfilename"),
            log_level: reader.take("log_level"),
            dbname_password_file: reader.take("dbname_password_file"),
            fetchers: match is_address(&dbname) {
                true => {
                    let fetchers: Option<Vec<FetcherCommand>> = reader.take("fetchers");
                    fetchers.unwrap_or_default()
                }
                false => reader.take("fetchers"),
            },
            dbname,
            organization_name: reader.take("organization_name"),
            sender_address: taken_or(reader, "sender_address", &contact_info),
            compression_level: reader.take("compression_level"),
            keep_days: reader.take("keep_days"),
            max_kept_reports_size: reader.take("max_kept_reports_size"),
            history_days: reader.take("history_days"),
            history_failures: reader.take("history_failures"),
            clock_confirmation: reader.take("clock_confirmation"),
            late_interval: reader.take("late_interval"),
            log_sent_interval: reader.take("log_sent_interval"),
            tlsrpt_record_map: reader.take("tlsrpt_record_map"),
            mail_destination_map: reader.take("mail_destination_map"),
            http_upload_map: reader.take("http_upload_map"),
            http_script: reader.take("http_script"),
            http_timeout: reader.take("http_timeout"),
            sendmail_script: reader.take("sendmail_script"),
            sendmail_timeout: reader.take("sendmail_timeout"),
            spread_out_delivery: reader.take("spread_out_delivery"),
            interval_main_loop: reader.take("interval_main_loop"),
            max_collectd_timediff: reader.take("max_collectd_timediff"),
            max_retries_delivery: reader.take("max_retries_delivery"),
            min_wait_delivery: reader.take("min_wait_delivery"),
            max_wait_delivery: reader.take("max_wait_delivery"),
            max_retries_domainlist: reader.take("max_retries_domainlist"),
            min_wait_domainlist: reader.take("min_wait_domainlist"),
            max_wait_domainlist: reader.take("max_wait_domainlist"),
            max_retries_domaindetails: reader.take("max_retries_domaindetails"),
            min_wait_domaindetails: reader.take("min_wait_domaindetails"),
            max_wait_domaindetails: reader.take("max_wait_domaindetails"),
            debug_db: reader.take("debug_db"),
            debug_send_mail_dest: reader.take("debug_send_mail_dest"),
            debug_send_http_dest: reader.take("debug_send_http_dest"),
            debug_send_file_dest: reader.take("debug_send_file_dest"),
            fetch_deadline: reader.take("fetch_deadline"),
            max_answer_size: reader.take("max_answer_size"),
            resolve_records: reader.take("resolve_records"),
            dns_servers: reader.take("dns_servers"),
            dns_timeout: reader.take("dns_timeout"),
            mail_transport: reader.take("mail_transport"),
            helo_name: reader.take("helo_name"),
            mail_user: reader.take("mail_user"),
            mail_password_file: reader.take("mail_password_file"),
            bcc_address: reader.take("bcc_address"),
            bounce_address: reader.take("bounce_address"),
            bounce_delimiter: reader.take("bounce_delimiter"),
            unclaimed_bounces: reader.take("unclaimed_bounces"),
            digest_address: reader.take("digest_address"),
            digest: reader.take("digest"),
            dkim_domain: taken_or(reader, "dkim_domain", domain_of(&contact_info)),
            dkim_keys: reader.take("dkim_keys"),
            https_verify: reader.take("https_verify"),
            https_ca_file: reader.take("https_ca_file"),
            https_proxy: reader.take("https_proxy"),
            allow_private_destinations: reader.take("allow_private_destinations"),
            max_destinations: reader.take("max_destinations"),
            max_reports_per_destination: reader.take("max_reports_per_destination"),
            known_destinations: reader.take("known_destinations"),
            destination_dnsbl: reader.take("destination_dnsbl"),
            max_concurrent_deliveries: reader.take("max_concurrent_deliveries"),
            max_concurrent_per_host: reader.take("max_concurrent_per_host"),
            max_rate_per_host: reader.take("max_rate_per_host"),
            max_mail_rate_per_domain: reader.take("max_mail_rate_per_domain"),
            retry_window: reader.take("retry_window"),
            max_report_age: reader.take("max_report_age"),
            max_report_size: reader.take("max_report_size"),
            loop_guard: reader.take("loop_guard"),
            report_days: reader.take("report_days"),
            min_sessions: reader.take("min_sessions"),
            mx_reports: reader.take("mx_reports"),
            contact_info,
        };
        checks::together(taken, reader)
    }
}

fn taken_or(reader: &mut Reader<'_>, name: &'static str, otherwise: &str) -> String {
    let taken: Option<String> = reader.take(name);
    taken.unwrap_or_else(|| otherwise.to_owned())
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}
