//! Days that the collector has closed, the oldest of them before the others.

use std::sync::Arc;

use tlsrptd_fleet::KeyHash;
use tlsrptd_proto::day::Day;
use tracing::info;

use crate::{
    baseline::Baseline,
    day_shipping::{DayShipping, Resumed, Shipped, Way},
    done_note::End,
    error::ShipError,
    fleet::{Fleet, Shipment, Taken},
    growth::Rule,
    incarnation::Incarnation,
    notes::{in_time, is_to_come, tell_late, tell_resumed},
    outbox::Outbox,
    reading::{Fetcher, Question, ReadError},
    stop::Stop,
};

/// How far a closed day is.
enum Told {
    All,
    /// Its tables are not made yet.
    Awaits,
    /// A clock is wrong.
    Later,
}

/// Those that are told under one number.
pub(super) struct ClosedDays {
    pub(super) outbox: Outbox,
    /// One that is not told whole yet.
    pub(super) begun: Option<DayShipping>,
    is_ahead: bool,
}

/// By whom they are told, and how.
pub(super) struct Telling<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) fetcher: &'a Fetcher,
    pub(super) incarnation: &'a mut Incarnation,
    pub(super) number: KeyHash,
    /// What of a day was told under the number before.
    pub(super) baseline: Option<&'a Arc<Baseline>>,
    pub(super) collector: &'a str,
    /// Another host may have the number, and more of its days to tell: it alone calls them done.
    pub(super) is_shared: bool,
    pub(super) stop: &'a Stop,
}

impl ClosedDays {
    pub(super) fn new(outbox: Outbox) -> ClosedDays {
        ClosedDays {
            outbox,
            begun: None,
            is_ahead: false,
        }
    }

    /// Tells those that are to be told; `today` is what was told of a day before it was closed. Gives the day whose tables it
    /// waits for.
    pub(super) fn ship(
        &mut self,
        telling: &mut Telling<'_>,
        today: &mut Option<DayShipping>,
    ) -> Result<Option<Day>, ShipError> {
        let (mut after, mut failed, mut awaited) = (None, None, None);
        while let Some(day) = self.outbox.next(after) {
            after = Some(day);
            match self.ship_day(day, telling, today) {
                Ok(Told::All) => {}
                Ok(Told::Later) => return Ok(None),
                // Nobody makes those of a day that is older than what the reporters keep.
                Ok(Told::Awaits) => awaited = awaited.or(Some(day)),
                // Others may be readable, and not held.
                Err(error @ (ShipError::Read(_) | ShipError::Held { .. })) => failed = Some(error),
                Err(error) => return Err(error),
            }
        }
        failed.map_or(Ok(awaited), Err)
    }

    fn ship_day(
        &mut self,
        day: Day,
        telling: &mut Telling<'_>,
        today: &mut Option<DayShipping>,
    ) -> Result<Told, ShipError> {
        let fleet = telling.fleet;
        if is_to_come(day.next(), fleet.now()?, &mut self.is_ahead) {
            return Ok(Told::Later);
        }
        telling.incarnation.note_closed(telling.number, day, 0)?;
        let is_made = fleet.want(day)?;
        let found = fleet.begin(day)?;
        if found.is_closed {
            let told = in_time(&found, telling.noted(day));
            let shipped = telling.read_whole(&mut telling.anew(day), Rule::Nothing)?;
            return self.end_closed(telling, &found, &shipped, told);
        }
        if !is_made {
            return Ok(Told::Awaits);
        }
        // Whoever has called it done may be somebody else: what is here was not noted as told.
        let begun = today.take_if(|shipping| shipping.day == day);
        let begun = begun.or_else(|| self.begun.take_if(|shipping| shipping.day == day));
        let mut shipping = begun.unwrap_or_else(|| telling.anew(day));
        let resumed = shipping.resume(&found);
        if !(telling.is_shared && resumed == Resumed::Foreign) {
            tell_resumed(resumed, day, telling.collector);
        }
        let noted = telling.noted(day);
        let told = telling.read_whole(&mut shipping, Rule::Everything);
        let (batch, is_closed) = (shipping.batch(), shipping.is_closed());
        let in_process = shipping.told_sessions();
        if told.is_err() {
            self.begun = Some(shipping);
        }
        let shipped = told?;
        if is_closed {
            let found = fleet.begin(day)?;
            // The last batch was noted, and did not come about.
            let told = in_time(&found, noted.map(|noted| noted.max(in_process)));
            return self.end_closed(telling, &found, &shipped, told);
        }
        if !telling.is_shared && fleet.done(day, batch)? == Taken::No {
            return Err(ShipError::Anew);
        }
        info!(%day, sessions = shipped.sessions, rows = shipped.rows, "day shipped");
        let end = End::Done(self.growth(day, &shipped));
        self.end(telling, day, shipped.sessions, end)
    }

    /// The fleet has closed a day, with so many of its sessions.
    fn end_closed(
        &mut self,
        telling: &mut Telling<'_>,
        found: &Shipment,
        shipped: &Shipped,
        told: u64,
    ) -> Result<Told, ShipError> {
        tell_late(telling.fleet, found, shipped, told)?;
        let end = End::Closed(self.growth(found.day, shipped));
        self.end(telling, found.day, told, end)
    }

    fn end(
        &mut self,
        telling: &mut Telling<'_>,
        day: Day,
        sessions: u64,
        end: End,
    ) -> Result<Told, ShipError> {
        let number = telling.number;
        telling.incarnation.note_end(number, day, sessions, end)?;
        self.outbox.settle(day, end.growth());
        Ok(Told::All)
    }

    /// How often a day had grown when it was read.
    fn growth(&self, day: Day, shipped: &Shipped) -> u64 {
        let read = shipped.growth.get(&day).copied();
        read.unwrap_or_else(|| self.outbox.growth(day))
    }
}

impl Telling<'_> {
    /// Of a day, of which nothing is known to be told under this number.
    fn anew(&self, day: Day) -> DayShipping {
        let baseline = self.baseline.filter(|told| told.day() == day);
        DayShipping::new(day, baseline.cloned())
    }

    /// The sessions of a day that may have been told under this number, where that was noted.
    fn noted(&self, day: Day) -> Option<u64> {
        self.incarnation.told_sessions(self.number, day)
    }

    /// Reads a closed day to its end.
    fn read_whole(&mut self, shipping: &mut DayShipping, rule: Rule) -> Result<Shipped, ShipError> {
        let mut reading = self.fetcher.ask(Question::Closed(shipping.day))?;
        let newest = reading.head()?;
        if newest.is_none_or(|newest| newest < shipping.day) {
            return Err(ReadError::NotClosed(shipping.day).into());
        }
        let way = Way::Closed {
            incarnation: self.incarnation,
            number: self.number,
            is_shared: self.is_shared,
        };
        shipping.ship(self.fleet, &mut reading, rule, self.stop, way)
    }
}
