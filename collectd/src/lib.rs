//! The collector of tlsrptd, the sending side of SMTP TLS Reporting (RFC 8460), and the fetcher that reads its files.
//!
//! `tlsrpt-collectd`, in the order of the data:
//!
//! 1. [`socket`] makes the sockets, or takes those that a service manager passes;
//! 2. [`receive`] is the reader, the thread that waits for nothing but the sockets: [`seen_table`] holds what it has seen in
//!    this epoch, [`queue`] what it hands over, [`control`] the requests to it;
//! 3. [`writer`] is a thread for each storage: it parses new datagrams and counts them ([`yield_cpu`] lets the reader go
//!    first), [`reject`] reports what is not a datagram;
//! 4. [`store_writer`] decides when counts are committed and days are closed; [`store`] is where they are kept, with the
//!    engines behind its ports; [`days`] says which day it is; after a day is closed, the operator's program runs;
//! 5. [`stats`] are the figures, [`dropped`] logs dropped datagrams, [`heartbeat`] shows that the threads live, [`daemon`] is
//!    the process, [`observe`] answers whoever asks it what it does, [`mod@error`] its exit codes, [`check_config`] its `--check_config`.
//!
//! An epoch is the time in which the ids of the seen table are valid. The reader starts one when the day or the clock
//! changes, for SIGUSR2, when the table is full, and when a writer requests it.
//!
//! [`fetcher`] is the other program: it asks a closed day of the [`store`], or today of the collector, and writes the answer. Nobody
//! but the collector opens today's file. Neither program ever sends a datagram, or asks DNS.
#![forbid(unsafe_code)]

pub mod check_config;
mod control;
pub mod daemon;
mod days;
mod dropped;
pub mod error;
pub mod fetcher;
mod heartbeat;
mod observe;
mod queue;
mod receive;
mod reject;
mod script;
mod seen_table;
pub mod socket;
mod stats;
pub mod store;
mod store_writer;
mod writer;
mod yield_cpu;

use std::sync::Arc;

use jiff::Timestamp;
use tlsrptd_config::{Settings, collectd::Collectd, fetcher::Fetcher};
use tlsrptd_service::log;
use tracing::{debug, error, info, warn};

use error::Error;

pub use days::ReadClocks;

/// The wall clock, for log lines and the like. Days follow from [`ReadClocks`].
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// `tlsrpt-collectd` from its settings to its exit code.
pub fn collect(settings: Settings<Collectd>, read_clocks: ReadClocks) -> u8 {
    let values = settings.values;
    let run = || {
        let log = log::init(
            "tlsrpt-collectd",
            values.log_level,
            values.logfilename.as_deref(),
        )?;
        info!("{}", settings.summary);
        settings.lines.iter().for_each(|line| debug!("{line}"));
        settings.warnings.iter().for_each(|line| warn!("{line}"));
        daemon::Collector::prepare(values, read_clocks)?.serve(&log)
    };
    exit_code(run())
}

/// `tlsrpt-fetcher` from its settings to its exit code.
pub fn fetch(settings: Settings<Fetcher>, now: Timestamp) -> u8 {
    let values = settings.values;
    let run = || {
        log::init(
            "tlsrpt-fetcher",
            values.log_level,
            values.logfilename.as_deref(),
        )?;
        settings.lines.iter().for_each(|line| debug!("{line}"));
        settings.warnings.iter().for_each(|line| warn!("{line}"));
        fetcher::answer(&values, now, &mut std::io::stdout().lock())
    };
    exit_code(run())
}

fn exit_code(result: Result<(), Error>) -> u8 {
    match result {
        Ok(()) => tlsrptd_config::exit::OK,
        Err(error) => {
            // Before the log is open, this goes nowhere; then the error itself is about the log.
            match &error {
                Error::Log(_) => {
                    eprintln!("{}", tlsrptd_config::visible::lines(&error.to_string()))
                }
                _ => error!("{error}"),
            }
            error.exit_code()
        }
    }
}
