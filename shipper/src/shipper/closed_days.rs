//! Days that the collector has closed, the oldest of them before the others.

use std::sync::Arc;

use tlsrptd_proto::day::Day;
use tracing::info;

use crate::{
    baseline::Baseline,
    day_shipping::{DayShipping, Resumed, Shipped, Way},
    error::ShipError,
    fleet::{Fleet, Taken},
    growth::Rule,
    notes::{is_to_come, tell_late, tell_resumed},
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
        telling: &Telling<'_>,
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
        telling: &Telling<'_>,
        today: &mut Option<DayShipping>,
    ) -> Result<Told, ShipError> {
        let fleet = telling.fleet;
        if is_to_come(day.next(), fleet.now()?, &mut self.is_ahead) {
            return Ok(Told::Later);
        }
        let is_made = fleet.want(day)?;
        let found = fleet.begin(day)?;
        if !found.is_closed && !is_made {
            return Ok(Told::Awaits);
        }
        let mut growth = self.outbox.growth(day);
        if found.is_closed || found.is_done {
            let mut unshipped = telling.anew(day);
            let shipped = telling.read_whole(&mut unshipped, Rule::Nothing)?;
            growth = shipped.growth.get(&day).copied().unwrap_or(0);
            if found.is_closed {
                tell_late(fleet, &found, &shipped)?;
            }
            if found.is_closed || shipped.sessions <= found.sessions {
                self.outbox.settle(day, growth);
                return Ok(Told::All);
            }
        }
        let begun = today.take_if(|shipping| shipping.day == day);
        let begun = begun.or_else(|| self.begun.take_if(|shipping| shipping.day == day));
        let mut shipping = begun.unwrap_or_else(|| telling.anew(day));
        let resumed = shipping.resume(&found);
        if !(telling.is_shared && resumed == Resumed::Foreign) {
            tell_resumed(resumed, day, telling.collector);
        }
        let told = telling.read_whole(&mut shipping, Rule::Everything);
        let (batch, is_closed) = (shipping.batch(), shipping.is_closed());
        if told.is_err() {
            self.begun = Some(shipping);
        }
        let shipped = told?;
        growth = shipped.growth.get(&day).copied().unwrap_or(growth);
        if is_closed {
            tell_late(fleet, &fleet.begin(day)?, &shipped)?;
        } else if !telling.is_shared && fleet.done(day, batch)? == Taken::No {
            return Err(ShipError::Anew);
        } else {
            info!(%day, sessions = shipped.sessions, rows = shipped.rows, "day shipped");
        }
        self.outbox.settle(day, growth);
        Ok(Told::All)
    }
}

impl Telling<'_> {
    /// Of a day, of which nothing is known to be told under this number.
    fn anew(&self, day: Day) -> DayShipping {
        let baseline = self.baseline.filter(|told| told.day() == day);
        DayShipping::new(day, baseline.cloned())
    }

    /// Reads a closed day to its end.
    fn read_whole(&self, shipping: &mut DayShipping, rule: Rule) -> Result<Shipped, ShipError> {
        let mut reading = self.fetcher.ask(Question::Closed(shipping.day))?;
        let newest = reading.head()?;
        if newest.is_none_or(|newest| newest < shipping.day) {
            return Err(ReadError::NotClosed(shipping.day).into());
        }
        let way = match self.is_shared {
            true => Way::ClosedBeside,
            false => Way::Closed,
        };
        shipping.ship(self.fleet, &mut reading, rule, self.stop, way)
    }
}
