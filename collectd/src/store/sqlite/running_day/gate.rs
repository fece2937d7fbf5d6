//! Who may have today's file open beside the writer, and when.
//!
//! The writer closes the gate before it opens or leaves the file. That takes the connections of all readers away: one that
//! is idle, because its client takes nothing, at once; one that reads is interrupted, and waited for as long as for another
//! program. So the writer waits for no client, and a reader finds out at its next look.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::InterruptHandle;

use super::super::{day_reader::ClosedFile, error::SqliteError};

/// How long the writer waits for a reader that it has interrupted. Then it goes on: what needs the file for itself fails, and
/// is tried again.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(1);

/// See the module.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct Gate(Mutex<GateState>);

#[derive(Debug, Default)]
struct GateState {
    /// So many times, one within the other.
    closed: u32,
    readings: Vec<Weak<Reading>>,
}

/// A reader's connection, until the gate takes it away.
#[derive(Default)]
pub(super) struct Reading {
    is_over: AtomicBool,
    /// Locked for a look.
    file: Mutex<Option<ClosedFile>>,
    interrupt: OnceLock<InterruptHandle>,
}

impl Gate {
    /// Opens the file for reading, unless the gate is closed.
    pub(super) fn enter(
        &self,
        open: impl FnOnce() -> Result<ClosedFile, SqliteError>,
    ) -> Result<Arc<Reading>, SqliteError> {
        let reading = Arc::new(Reading::default());
        let mut file = lock(&reading.file);
        {
            let mut state = lock(&self.0);
            if state.closed > 0 {
                return Err(SqliteError::DayCloses);
            }
            state.readings.retain(|known| known.strong_count() > 0);
            state.readings.push(Arc::downgrade(&reading));
        }
        let opened = open()?;
        let _ = reading.interrupt.set(opened.db.get_interrupt_handle());
        *file = Some(opened);
        drop(file);
        reading.check()?;
        Ok(reading)
    }

    /// Takes the connections away, and lets nobody in, until what it returns is dropped.
    pub(in crate::store::sqlite) fn close(&self) -> ClosedGate<'_> {
        let readings = {
            let mut state = lock(&self.0);
            state.closed += 1;
            std::mem::take(&mut state.readings)
        };
        let readings: Vec<_> = readings.iter().filter_map(Weak::upgrade).collect();
        for reading in &readings {
            reading.is_over.store(true, SeqCst);
        }
        let end = Instant::now() + PATIENCE;
        for reading in &readings {
            while !reading.take_away() && Instant::now() < end {
                thread::sleep(PAUSE);
            }
        }
        ClosedGate(self)
    }
}

/// While it is there, nobody reads.
pub(in crate::store::sqlite) struct ClosedGate<'g>(&'g Gate);

impl Drop for ClosedGate<'_> {
    fn drop(&mut self) {
        lock(&self.0.0).closed -= 1;
    }
}

impl Reading {
    /// Reads, for a short time.
    pub(super) fn look<T>(
        &self,
        read: impl FnOnce(&ClosedFile) -> Result<T, SqliteError>,
    ) -> Result<T, SqliteError> {
        let file = lock(&self.file);
        self.check()?;
        let read = read(file.as_ref().ok_or(SqliteError::DayCloses)?);
        // Interrupted, it failed for that.
        self.check().and(read)
    }

    /// Whether it may go on.
    pub(super) fn check(&self) -> Result<(), SqliteError> {
        match self.is_over.load(SeqCst) {
            true => Err(SqliteError::DayCloses),
            false => Ok(()),
        }
    }

    /// False while a look goes on, which is interrupted.
    fn take_away(&self) -> bool {
        let mut file = match self.file.try_lock() {
            Ok(file) => file,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                if let Some(interrupt) = self.interrupt.get() {
                    interrupt.interrupt();
                }
                return false;
            }
        };
        *file = None;
        true
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading")
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
