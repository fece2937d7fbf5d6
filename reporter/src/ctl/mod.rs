//! `tlsrptctl`: what the operator can ask. It reads the database while the reporter works, and changes nothing but the
//! suppression list.

mod dkim;
mod maptest;
mod status;
mod suppress;

use std::{
    io::{self, Write as _},
    path::Path,
};

use jiff::Timestamp;
use tlsrptd_config::{
    Settings,
    ctl::{Command, Ctl},
    visible,
};
use tlsrptd_proto::day::Day;

use crate::{error::Error, route::Routes};

/// What is wrong with the maps that `maptest` would read. Keys and passwords are the daemon's: who asks need not be able
/// to read them.
pub fn faults(settings: &Ctl, _: Option<&Path>) -> Vec<String> {
    let problems = Routes::load(&settings.reportd).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

/// Does what is asked and prints the answer. Whoever wrote what stands in it: nothing in it hides.
///
/// # Errors
///
/// When the command cannot do what was asked.
pub fn run(settings: Settings<Ctl>) -> Result<(), Error> {
    let Ctl { command, reportd } = settings.values;
    let answer = match command {
        Command::Status => status::status(&reportd)?,
        Command::DkimRecord => dkim::records(&reportd)?,
        Command::Suppress(wish) => suppress::suppress(&reportd, wish, Day::of(Timestamp::now()))?,
        Command::Maptest { domain, record } => maptest::maptest(&reportd, &domain, &record)?,
    };
    match io::stdout().write_all(visible::lines(&answer).as_bytes()) {
        // `tlsrptctl status | head` is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}
