//! One run: a fresh collector under one load.

use std::fmt;

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
        let counted = match kind {
            Kind::Floor => None,
            Kind::Peer | Kind::Ours => Some(law::sessions(ended.folder.path())?),
        };
        let run = Run {
            sent,
            cpu: ended.cpu,
            memory: ended.memory,
            counted,
        };
        if kind == Kind::Ours && run.uncounted() != 0 {
            return Err(BenchError::Law {
                counted: counted.unwrap_or(0),
                accepted: sent.accepted,
                what: load.to_string(),
            });
        }
        Ok(run)
    }

    /// Datagrams that were accepted and are in no file; below zero, sessions that nobody sent.
    pub(crate) fn uncounted(&self) -> i64 {
        self.counted.map_or(0, |counted| {
            self.sent.accepted.cast_signed() - counted.cast_signed()
        })
    }

    /// CPU seconds a million accepted datagrams.
    pub(crate) fn cpu_per_million(&self) -> f64 {
        self.cpu / (self.sent.accepted.max(1) as f64 / 1e6)
    }
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
