//! Days that the collector has closed, the oldest of them before the others.

use tlsrptd_proto::day::Day;
use tracing::info;

use super::Shipper;
use crate::{
    day_shipping::{DayShipping, Shipped},
    error::ShipError,
    fleet::{Fleet, Taken},
    growth::Rule,
    notes::{is_to_come, tell_late, tell_resumed},
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

impl Shipper {
    /// The day whose tables it waits for.
    pub(super) fn ship_closed_days(&mut self, stop: &Stop) -> Result<Option<Day>, ShipError> {
        let (mut after, mut failed, mut awaited) = (None, None, None);
        while let Some(day) = self.outbox.next(after) {
            after = Some(day);
            match self.ship_closed(day, stop) {
                Ok(Told::All) => {}
                Ok(Told::Later) => return Ok(None),
                // Nobody makes those of a day that is older than what the reporters keep.
                Ok(Told::Awaits) => awaited = awaited.or(Some(day)),
                // Others may be readable.
                Err(ShipError::Read(error)) => failed = Some(error),
                Err(error) => return Err(error),
            }
        }
        failed.map_or(Ok(awaited), |error| Err(error.into()))
    }

    fn ship_closed(&mut self, day: Day, stop: &Stop) -> Result<Told, ShipError> {
        let fleet = self.fleet.as_ref().ok_or(ShipError::Anew)?;
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
            let mut unshipped = self.shipping_of(day);
            let shipped = read_whole(&mut unshipped, fleet, &self.fetcher, Rule::Nothing, stop)?;
            growth = shipped.growth.get(&day).copied().unwrap_or(0);
            if found.is_closed {
                tell_late(fleet, &found, &shipped)?;
            }
            if found.is_closed || shipped.sessions <= found.sessions {
                self.outbox.settle(day, growth);
                return Ok(Told::All);
            }
        }
        let is_it = |shipping: &DayShipping| shipping.day == day;
        let mut shipping = match (&self.today, &self.closed) {
            (Some(today), _) if is_it(today) => self.today.take(),
            (_, Some(closed)) if is_it(closed) => self.closed.take(),
            _ => None,
        }
        .unwrap_or_else(|| self.shipping_of(day));
        tell_resumed(shipping.resume(&found), day, &self.name);
        let told = read_whole(&mut shipping, fleet, &self.fetcher, Rule::Everything, stop);
        let (batch, is_closed) = (shipping.batch(), shipping.is_closed());
        if told.is_err() {
            self.closed = Some(shipping);
        }
        let shipped = told?;
        growth = shipped.growth.get(&day).copied().unwrap_or(growth);
        if is_closed {
            tell_late(fleet, &fleet.begin(day)?, &shipped)?;
        } else if fleet.done(day, batch)? == Taken::No {
            return Err(ShipError::Anew);
        } else {
            info!(%day, sessions = shipped.sessions, rows = shipped.rows, "day shipped");
        }
        self.outbox.settle(day, growth);
        Ok(Told::All)
    }
}

/// Reads a closed day to its end.
fn read_whole(
    shipping: &mut DayShipping,
    fleet: &Fleet,
    fetcher: &Fetcher,
    rule: Rule,
    stop: &Stop,
) -> Result<Shipped, ShipError> {
    let mut reading = fetcher.ask(Question::Closed(shipping.day))?;
    let newest = reading.head()?;
    if newest.is_none_or(|newest| newest < shipping.day) {
        return Err(ReadError::NotClosed(shipping.day).into());
    }
    shipping.ship(fleet, &mut reading, rule, stop, None)
}
