//! One run: a fresh collector under one load.

use std::fmt;
use std::path::Path;

use crate::daemon::{Daemon, Kind, Programs};
use crate::error::BenchError;
use crate::law;
use crate::load::{Load, Sent};

/// What one run gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// What became of the datagrams, as the senders saw it.
    pub(crate) sent: Sent,
    /// CPU seconds of the collector.
    pub(crate) cpu: f64,
    /// Its peak of resident memory, in MiB.
    pub(crate) memory: f64,
    /// What its files count; the floor has none.
    pub(crate) counted: Option<u64>,
}

impl Run {
    /// Runs; and holds ours to the law.
    pub(crate) fn new(kind: Kind, programs: &Programs, load: &Load) -> Result<Run, BenchError> {
        let daemon = Daemon::start(kind, programs)?;
        let load = Load {
            socket: daemon.socket(),
            ..load.clone()
        };
        let sent = load.spawn()?.finish()?;
        let ended = daemon.stop()?;
        let folder = ended.folder.path();
        let counted = match kind {
            Kind::Floor => None,
            Kind::Theirs | Kind::Ours => Some(law::sessions(folder)?),
        };
        if kind == Kind::Ours {
            keeps_the_law(&load, sent.accepted, counted.unwrap_or(0), folder)?;
        }
        Ok(Run {
            sent,
            cpu: ended.cpu,
            memory: ended.memory,
            counted,
        })
    }

    /// Datagrams that were accepted and are in no file; below zero, sessions that nobody sent.
    pub(crate) fn uncounted(&self) -> i64 {
        self.counted.map_or(0, |counted| {
            self.sent.accepted.cast_signed() - counted.cast_signed()
        })
    }

    /// Their share.
    pub(crate) fn uncounted_share(&self) -> f64 {
        self.uncounted() as f64 / self.sent.accepted.max(1) as f64
    }

    /// CPU seconds a million datagrams: those that are counted, for one that is dropped costs little.
    pub(crate) fn cpu_per_million(&self) -> f64 {
        let datagrams = self.counted.unwrap_or(self.sent.accepted);
        self.cpu / (datagrams.max(1) as f64 / 1e6)
    }
}

fn keeps_the_law(
    load: &Load,
    accepted: u64,
    counted: u64,
    folder: &Path,
) -> Result<(), BenchError> {
    let received = law::told(folder, "tlsrpt_collectd_received_total");
    let dropped = law::told(
        folder,
        "tlsrpt_collectd_datagrams_total{result=\"dropped\"}",
    );
    if received == accepted && counted + dropped == accepted {
        return Ok(());
    }
    Err(BenchError::Law {
        accepted,
        received,
        counted,
        dropped,
        load: load.to_string(),
    })
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run {
            sent, cpu, memory, ..
        } = self;
        write!(f, "{sent} cpu={cpu:.2} memory={memory:.1}")?;
        match self.counted {
            Some(counted) => write!(f, " counted={counted}"),
            None => Ok(()),
        }
    }
}
