//! What this collector notes on disk of what it tells: of today ([`ToldNote`](crate::told_note::ToldNote)), and of closed days
//! ([`DoneNote`](crate::done_note::DoneNote)).

use tlsrptd_fleet::KeyHash;
use tlsrptd_proto::day::Day;

use super::{Incarnation, IncarnationError, beside, failed};
use crate::{
    done_note::{End, ToldDays},
    told_note::{CountedIn, Noted},
};

impl Incarnation {
    /// What is noted of a day, of when it was today.
    pub(crate) fn noted(&self, day: Day) -> Option<Noted> {
        self.told.of(self.id(), day)
    }

    /// The file of today that is there now.
    pub(crate) fn counted_in(&self) -> CountedIn {
        self.told.counted_in()
    }

    /// Notes that this batch of today is going to be told, and how many sessions the database knows of then.
    pub(crate) fn note_telling(
        &mut self,
        day: Day,
        batch: i64,
        sessions: u64,
    ) -> Result<(), IncarnationError> {
        let noted = self.told.note(self.id(), day, batch, sessions);
        noted.map_err(failed("write", &beside(&self.path, "told")))
    }

    /// Which closed days are told under a number.
    pub(crate) fn told_days(&self, number: KeyHash) -> ToldDays {
        self.done.of(number)
    }

    /// The sessions of a closed day that may have been told under a number; `None`: nothing was noted then.
    pub(crate) fn told_sessions(&self, number: KeyHash, day: Day) -> Option<u64> {
        let as_today = self.told.of(number, day).map_or(0, |noted| noted.sessions);
        let closed = self.done.sessions(number, day);
        closed.map(|sessions| sessions.max(as_today))
    }

    /// Notes that so many sessions of a closed day are going to be told under a number, or those that were when it was today.
    pub(crate) fn note_closed(
        &mut self,
        number: KeyHash,
        day: Day,
        sessions: u64,
    ) -> Result<(), IncarnationError> {
        let as_today = self.told.of(number, day).map_or(0, |noted| noted.sessions);
        let noted = self.done.telling(number, day, sessions.max(as_today));
        noted.map_err(failed("write", self.done.path()))
    }

    /// Notes that nothing more of a closed day is to be told under a number, of which so many sessions were.
    pub(crate) fn note_end(
        &mut self,
        number: KeyHash,
        day: Day,
        sessions: u64,
        end: End,
    ) -> Result<(), IncarnationError> {
        let noted = self.done.ended(number, day, sessions, end);
        noted.map_err(failed("write", self.done.path()))
    }
}
