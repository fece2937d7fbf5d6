//! The settings of `tlsrpt-reportd`.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use crate::{DkimKey, FetcherCommand, MailTransport, Start, log::Level};

/// The settings of `tlsrpt-reportd`; each field is the option of its name.
///
/// The retry options are `None` where they are not set: then `fetch_deadline` and `retry_window` rule.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // `option` has a meaning for each
pub struct Reportd {
    pub pidfilename: Option<PathBuf>,
    pub logfilename: Option<PathBuf>,
    pub log_level: Level,
    pub dbname: PathBuf,
    pub fetchers: Vec<FetcherCommand>,
    pub organization_name: String,
    pub contact_info: String,
    /// `contact_info` unless set.
    pub sender_address: String,
    pub compression_level: i32,
    pub keep_days: u32,
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
    pub resolve_records: bool,
    /// Empty: the system's.
    pub dns_servers: Vec<SocketAddr>,
    pub dns_timeout: Duration,
    pub mail_transport: MailTransport,
    pub mail_user: Option<String>,
    pub mail_password_file: Option<PathBuf>,
    pub bcc_address: Option<String>,
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
    pub max_concurrent_deliveries: usize,
    pub max_concurrent_per_host: usize,
    pub retry_window: Duration,
    pub max_report_age: Duration,
    pub loop_guard: bool,
}

/// Reads arguments (without the program's name), environment and file.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Start<Reportd> {
    let _ = (args, env);
    Start::Done {
        code: crate::exit::CONFIG,
        stdout: String::new(),
        stderr: "not built yet\n".into(),
    }
}
