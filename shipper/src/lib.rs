//! `tlsrpt-shipper`: tells a fleet's database what the collector of one host has counted.
//!
//! The collector knows nothing of it, and waits for nothing. Its day files are the outbox: while the database is away, they
//! wait. What is told are absolutes, "so many of this key on this day so far", so that a row that comes twice changes nothing,
//! and whoever is in doubt tells it again. In the order of the data:
//!
//! 1. [`incarnation`] is who this collector is, and was ([`numbers`]): a file beside its day files, lost with them; by [`told_note`]
//!    it sees that its folder is a copy, by [`baseline`] nothing is told twice then, and by [`done_note`] it knows what was told
//!    whatever somebody writes into the database's rows;
//! 2. [`reading`] asks `tlsrpt-fetcher` for today and for closed days, [`outbox`] knows which days are to be told;
//! 3. [`growth`] says which counts are told again, [`shipped_keys`] remembers what was told, in little memory;
//! 4. [`batch`] is what goes in one transaction, [`day_shipping`] makes them of a reading;
//! 5. [`fleet`] is the protocol with the database;
//! 6. [`shipper`] does all that once ([`notes`] tells what is unusual), [`worker`] again and again, [`daemon`] is the process, [`check_config`] its
//!    `--check-config`.
#![forbid(unsafe_code)]

mod baseline;
mod batch;
pub mod check_config;
mod daemon;
mod day_shipping;
mod done_note;
mod error;
mod fleet;
mod growth;
mod incarnation;
mod notes;
mod numbers;
mod outbox;
mod reading;
mod rights;
mod shipped_keys;
mod shipper;
mod stop;
mod told_note;
mod worker;

use tlsrptd_config::{Settings, exit, shipper::Shipper};
use tlsrptd_service::log;
use tracing::{debug, error, info, warn};

use error::Error;

/// `tlsrpt-shipper` from its settings to its exit code.
pub fn ship(settings: Settings<Shipper>) -> u8 {
    let values = settings.values;
    let run = || {
        let log = log::init(
            "tlsrpt-shipper",
            values.log_level,
            values.logfilename.as_deref(),
        )?;
        info!("{}", settings.summary);
        settings.lines.iter().for_each(|line| debug!("{line}"));
        settings.warnings.iter().for_each(|line| warn!("{line}"));
        daemon::serve(values, &log)
    };
    match run() {
        Ok(()) => exit::OK,
        Err(error) => {
            match &error {
                // There is no log to write to.
                Error::Log(_) => {
                    eprintln!("{}", tlsrptd_config::visible::lines(&error.to_string()));
                }
                _ => error!("{error}"),
            }
            error.exit_code()
        }
    }
}
