//! What ends a program, and with which exit code.

use std::io;

use thiserror::Error;
use tlsrptd_config::exit;
use tlsrptd_proto::day::DayError;
use tlsrptd_service::{log::LogError, observe::AskError, pid_file::PidFileError};

use crate::{
    socket::SocketError,
    store::{FailureKind, StoreError},
};

/// Why a program of this crate ends with another code than 0.
#[derive(Debug, Error)]
#[allow(missing_docs)] // the messages say it
pub enum Error {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("storage: `{url}` and `{other}` are one file: its sessions would be counted twice")]
    SameFile { url: String, other: String },
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    #[error("cannot {what}: {source}")]
    System {
        what: &'static str,
        source: io::Error,
    },
    #[error("{0}")]
    Unlink(#[source] SocketError),
    #[error("a storage could not be closed in order at the end ({lost} datagrams are not in it)")]
    Unwritten { lost: u64 },
    #[error("DAY: {0}")]
    Day(#[from] DayError),
    #[error("cannot read the closed days: {0}")]
    Fetch(#[source] StoreError),
    #[error(
        "observation_socket is not set: only the collector knows what it has counted today (see its observation_socket)"
    )]
    NoObservationSocket,
    #[error(transparent)]
    Ask(AskError),
    #[error("cannot write the answer: {0}")]
    Answer(#[source] io::Error),
}

impl Error {
    /// The exit code, as sys4's programs have it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Log(_) | Error::Day(_) | Error::SameFile { .. } => exit::CONFIG,
            Error::Socket(_) => exit::SOCKET_BIND,
            Error::Store(error) if error.kind == FailureKind::Foreign => exit::DATABASE_PURPOSE,
            Error::Store(_) => exit::DATABASE,
            Error::Unlink(_) => exit::SOCKET_CLOSE,
            Error::Unwritten { .. } => exit::STORAGE_CLOSE,
            // sys4's fetcher ends with this code for any fault of its storage.
            Error::Fetch(_) | Error::NoObservationSocket => exit::CONFIG,
            Error::Ask(_) => exit::FAILED,
            Error::PidFile(_) | Error::System { .. } | Error::Answer(_) => exit::OTHER,
        }
    }
}
