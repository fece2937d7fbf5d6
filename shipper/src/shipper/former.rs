//! Numbers that this collector had before, of days that were not told when it became another one.
//!
//! Whoever has a copy of its folder may tell the same days under the same number. Of each key the larger count stays. Who left the
//! number as it may be the copy tells beside the batches, and calls no day done: that is for the one who has stayed. When both
//! have left it, nobody does, and these days wait until their deadline.
//!
//! A number is forgotten only when all is still told ten minutes later: what a failover to a replica that lagged has lost is told
//! again until then, as it is of the number that the collector has.

use std::{sync::Arc, time::Instant};

use tlsrptd_proto::day::Day;
use tracing::{debug, info};

use super::{
    Shipper,
    closed_days::{ClosedDays, Telling},
};
use crate::{
    baseline::Baseline,
    error::ShipError,
    fleet::{Fleet, Which},
    numbers::FormerNumber,
    outbox::{LOOK, Outbox},
    stop::Stop,
};

/// One of them at work.
pub(super) struct FormerDays {
    number: FormerNumber,
    baseline: Option<Arc<Baseline>>,
    /// A connection of its own.
    fleet: Option<Fleet>,
    days: ClosedDays,
    /// All of them have been told since.
    told: Option<Instant>,
}

impl FormerDays {
    /// All was told when it was looked at last, and that is long ago.
    fn is_long_told(&self) -> bool {
        self.told.is_some_and(|told| told.elapsed() >= LOOK)
    }

    pub(super) fn disconnect(&mut self) {
        self.fleet = None;
    }
}

impl Shipper {
    /// Tells what is left of their days. Gives the day whose tables it waits for.
    pub(super) fn ship_former_days(&mut self, stop: &Stop) -> Result<Option<Day>, ShipError> {
        self.take_former()?;
        let (mut awaited, mut failed) = (None, None);
        for mut former in std::mem::take(&mut self.former) {
            let was_told = former.is_long_told();
            if was_told {
                // What the database knows is asked for anew.
                former.disconnect();
            }
            let shipped = self.ship_former(&mut former, stop);
            let is_told =
                matches!(shipped, Ok(None)) && !former.days.outbox.is_behind(former.number.end);
            if is_told && was_told && former.told.is_some() {
                self.forget(former.number)?;
            } else {
                if is_told && former.told.is_none() {
                    former.told = Some(Instant::now());
                    info!(before = %former.number.end, "all days are shipped under the number that this collector had before");
                }
                self.former.push(former);
            }
            match shipped {
                Ok(day) => awaited = awaited.or(day),
                // Others may be readable, and not held.
                Err(error @ (ShipError::Read(_) | ShipError::Held { .. })) => failed = Some(error),
                Err(error) => return Err(error),
            }
        }
        failed.map_or(Ok(awaited), Err)
    }

    /// Those that the collector has, and no others.
    fn take_former(&mut self) -> Result<(), ShipError> {
        let incarnation = self.incarnation.as_ref().ok_or(ShipError::Anew)?;
        let numbers = incarnation.former();
        self.former
            .retain(|former| numbers.contains(&former.number));
        for number in numbers {
            if self.former.iter().any(|former| former.number == number) {
                continue;
            }
            let outbox = Outbox::new(self.storage.clone(), number.first_day)
                .before(number.end, number.is_shared);
            self.former.push(FormerDays {
                number,
                baseline: incarnation.read_baseline(number.id)?,
                fleet: None,
                days: ClosedDays::new(outbox),
                told: None,
            });
        }
        Ok(())
    }

    fn ship_former(
        &mut self,
        former: &mut FormerDays,
        stop: &Stop,
    ) -> Result<Option<Day>, ShipError> {
        let FormerNumber { id, first_day, .. } = former.number;
        former.days.outbox.look(&self.fetcher, None)?;
        if !former.fleet.as_ref().is_some_and(Fleet::is_same) {
            let (fleet, registered) = self.register(id, first_day, Which::Former)?;
            let shipments = fleet.shipments()?;
            let first_day = registered.first_day.max(first_day);
            let incarnation = self.incarnation.as_ref().ok_or(ShipError::Anew)?;
            let told = incarnation.told_days(id);
            former.days.outbox.resume(first_day, shipments, told);
            former.fleet = Some(fleet);
        }
        if former.days.outbox.is_behind(former.number.end) {
            former.told = None;
        }
        let mut telling = Telling {
            fleet: former.fleet.as_ref().ok_or(ShipError::Anew)?,
            fetcher: &self.fetcher,
            incarnation: self.incarnation.as_mut().ok_or(ShipError::Anew)?,
            number: id,
            baseline: former.baseline.as_ref(),
            collector: &self.name,
            is_shared: former.number.is_shared,
            stop,
        };
        former.days.ship(&mut telling, &mut None)
    }

    fn forget(&mut self, number: FormerNumber) -> Result<(), ShipError> {
        debug!(before = %number.end, "the number that this collector had before is forgotten");
        let incarnation = self.incarnation.as_mut().ok_or(ShipError::Anew)?;
        Ok(incarnation.forget(number.id)?)
    }
}
