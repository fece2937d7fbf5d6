//! What ends the program, and what ends one attempt to ship.

use std::io;

use thiserror::Error;
use tlsrptd_config::exit;
use tlsrptd_fleet::{AddressError, Client, Fault};
use tlsrptd_service::{log::LogError, pid_file::PidFileError};

use crate::{incarnation::IncarnationError, reading::ReadError};

/// Why the program ends with another code than 0.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("ship_to: {0}")]
    Address(#[from] AddressError),
    #[error("ship_as is not set, and this host's name cannot be read: {0}")]
    HostName(io::Error),
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    #[error("cannot {what}: {source}")]
    System {
        what: &'static str,
        source: io::Error,
    },
    #[error("the thread that ships has ended")]
    Worker,
}

impl Error {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Error::Log(_) | Error::Address(_) | Error::HostName(_) => exit::CONFIG,
            Error::PidFile(_) | Error::System { .. } | Error::Worker => exit::OTHER,
        }
    }
}

/// Why an attempt to ship ended early. Whatever it is, all is tried again, and what was told is told again where in doubt.
#[derive(Debug, Error)]
pub(crate) enum ShipError {
    #[error("{0}")]
    Fleet(Fault),
    /// Somebody else holds what is to be written. Other days, and other shards, are told all the same.
    #[error("{fault}{}", held_by(.by))]
    Held { fault: Fault, by: Vec<String> },
    #[error("ship_to_password_file {path}: {source}")]
    Password { path: String, source: io::Error },
    #[error("{0}")]
    Read(#[from] ReadError),
    #[error("{0}")]
    Incarnation(#[from] IncarnationError),
    /// The database knows less than it was told, or the connection is another one.
    #[error("the database does not know all that it was told: it is told again")]
    Anew,
    #[error("stopped")]
    Stopped,
}

impl From<Fault> for ShipError {
    fn from(fault: Fault) -> ShipError {
        match fault.is_locked() {
            true => ShipError::Held {
                fault,
                by: Vec::new(),
            },
            false => ShipError::Fleet(fault),
        }
    }
}

fn held_by(by: &[String]) -> String {
    match by.is_empty() {
        true => String::new(),
        false => format!("; open for long: {}", by.join(", ")),
    }
}

/// What is wrong, and what mends it.
pub(crate) fn explained(fault: &Fault) -> String {
    match fault.remedy(Client::Shipper) {
        Some(remedy) => format!("{fault}; {remedy}"),
        None => fault.to_string(),
    }
}
