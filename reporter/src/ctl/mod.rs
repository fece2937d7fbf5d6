//! `tlsrptctl`: what the operator can ask. It reads the database while the reporter works, and changes nothing.

mod maptest;
mod status;

use std::io::{self, Write as _};

use tlsrptd_config::{
    Settings,
    ctl::{Command, Ctl},
};

use crate::error::Error;

/// Does what is asked and prints the answer.
pub fn run(settings: Settings<Ctl>) -> Result<(), Error> {
    let Ctl { command, reportd } = settings.values;
    let answer = match command {
        Command::Status => status::status(&reportd)?,
        Command::Maptest { domain, record } => maptest::maptest(&reportd, &domain, &record)?,
    };
    match io::stdout().write_all(answer.as_bytes()) {
        // `tlsrptctl status | head` is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}
