//! The signals that the main thread obeys, read from a descriptor.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};
use tlsrptd_config::Storage;
use tlsrptd_proto::dayfile;
use tlsrptd_service::log::LogHandle;
use tracing::{error, info, warn};

use crate::control::Control;

/// Whether the collector is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextStep {
    Continue,
    Stop,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Signals(SignalFd);

impl Signals {
    /// From here on, in all threads started later too, these signals come by the descriptor only.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub(super) fn take_over() -> io::Result<Signals> {
        let signals = SigSet::from_iter([
            Signal::SIGTERM,
            Signal::SIGINT,
            Signal::SIGHUP,
            Signal::SIGUSR2,
        ]);
        signals.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Signals(SignalFd::with_flags(&signals, flags)?))
    }

    /// The descriptor to poll.
    pub(super) fn event(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Obeys all signals that wait, also those behind the one to stop: the kernel does not tell in which order they came.
    pub(super) fn obey(
        &self,
        control: &Control,
        log: &LogHandle,
        storages: &[Storage],
    ) -> NextStep {
        let mut next = NextStep::Continue;
        while let Ok(Some(signal)) = self.0.read_signal() {
            match Signal::try_from(signal.ssi_signo as i32) {
                Ok(Signal::SIGUSR2) => rotate(control, storages),
                Ok(Signal::SIGHUP) => {
                    if let Err(error) = log.reopen() {
                        error!(%error, "cannot open the log file again");
                    }
                }
                Ok(signal) => {
                    info!(signal = signal.as_str(), "stopping");
                    next = NextStep::Stop;
                }
                Err(_) => {}
            }
        }
        next
    }
}

/// Where counts are shipped, today's are told as today's by then: as yesterday's they would be told, and reported, once more.
fn rotate(control: &Control, storages: &[Storage]) {
    let mut shipped = storages.iter().filter_map(|storage| match storage {
        Storage::Sqlite { path, .. } => {
            Some(dayfile::incarnation(path)).filter(|file| file.exists())
        }
        Storage::Dummy { .. } => None,
    });
    match shipped.next() {
        None => control.rotate(),
        Some(file) => warn!(
            file = %file.display(),
            "SIGUSR2 is not obeyed, as tlsrpt-shipper has told today's counts already: remove its folder when it ships no more"
        ),
    }
}
