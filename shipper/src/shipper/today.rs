//! Today: what the collector has counted of it so far, and whether its file is the one that it was.

use std::time::Instant;

use jiff::Timestamp;
use tlsrptd_proto::{day::Day, fetch::Event};

use super::{Next, Shipper, another::AT_ONCE};
use crate::{
    day_shipping::{Resumed, Way},
    error::ShipError,
    fleet::Fleet,
    growth::Rule,
    incarnation::Incarnation,
    notes::{in_time, is_to_come, tell_late, tell_resumed},
    reading::{Question, ReadError, Reading},
    stop::Stop,
};

impl Shipper {
    pub(super) fn ship_today(&mut self, rule: Rule, stop: &Stop) -> Result<Next, ShipError> {
        let began = Instant::now();
        let (day, mut reading) = self.read_today()?;
        self.turn_to(day);
        if let Some(next) = self.begin_today(day, stop)? {
            return Ok(next);
        }
        self.fleet.as_ref().map_or(Ok(()), Fleet::call_by_name)?;
        if self.is_another_file() {
            // Nothing of it is told before it is known whose counts these are.
            drop(reading);
            let sessions = self.sessions_of(day, stop)?;
            if self.has_lost(day, sessions, stop)? {
                return self.begin_after_loss(day, sessions);
            }
            let (again, anew) = self.read_today()?;
            if again != day {
                return Ok(AT_ONCE);
            }
            reading = anew;
        }
        let (Some(fleet), Some(today), Some(incarnation)) =
            (&self.fleet, &mut self.today, &mut self.incarnation)
        else {
            return Err(ShipError::Anew);
        };
        self.counted_in = Some(incarnation.counted_in());
        let shipped = today.ship(fleet, &mut reading, rule, stop, Way::Today(incarnation))?;
        if today.is_closed() {
            let found = fleet.begin(day)?;
            let told = in_time(&found, incarnation.told_sessions(incarnation.id(), day));
            tell_late(fleet, &found, &shipped, told)?;
        }
        stop.tell(format!(
            "{day}: {} sessions counted, {} rows shipped at {}",
            shipped.sessions,
            shipped.rows,
            Timestamp::now().strftime("%H:%M:%S")
        ));
        if self.has_lost(day, shipped.sessions, stop)? {
            return self.begin_after_loss(day, shipped.sessions);
        }
        self.counted_today = shipped.sessions;
        Ok(Next::After(self.pause(began.elapsed())))
    }

    /// Today, when its tables were not there at the last look, and are not yet: to ask for that costs less than a reading.
    pub(super) fn still_awaited(&self) -> Result<Option<Day>, ShipError> {
        let fleet = self.fleet.as_ref().ok_or(ShipError::Anew)?;
        let today = Day::of(Timestamp::now());
        match self.awaited.filter(|day| *day == today) {
            Some(day) if !fleet.want(day)? && !fleet.begin(day)?.is_closed => Ok(Some(day)),
            _ => Ok(None),
        }
    }

    /// A reading of today, and which day that is by the collector.
    fn read_today(&self) -> Result<(Day, Reading), ShipError> {
        let mut reading = self.fetcher.ask(Question::Today)?;
        let closed = reading.head()?.ok_or(ReadError::NoDay)?;
        Ok((closed.next(), reading))
    }

    /// The same of a day that has just been today.
    pub(super) fn read_today_of(&self, day: Day) -> Result<Reading, ShipError> {
        match self.read_today()? {
            (found, reading) if found == day => Ok(reading),
            _ => Err(ShipError::Anew),
        }
    }

    /// The collector counts for that day.
    fn turn_to(&mut self, day: Day) {
        if self.today.as_ref().is_some_and(|today| today.day == day) {
            return;
        }
        // A clock that is put right brings a day back.
        let begun = &mut self.closed_days.begun;
        let known = begun.take_if(|shipping| shipping.day == day);
        let now = known.unwrap_or_else(|| self.shipping_of(day));
        let before = self.today.replace(now);
        // What was told of the day before is known when its file is read.
        if let Some(before) = before.filter(|before| before.day < day) {
            self.closed_days.begun = Some(before);
        }
        (self.counted_today, self.counted_in) = (0, None);
    }

    /// Asks what the database knows of today, unless that is known. Gives what comes next if today is not to be told now.
    fn begin_today(&mut self, day: Day, stop: &Stop) -> Result<Option<Next>, ShipError> {
        let (Some(fleet), Some(incarnation), Some(today)) =
            (&self.fleet, &self.incarnation, &mut self.today)
        else {
            return Err(ShipError::Anew);
        };
        if today.is_begun() {
            return Ok(None);
        }
        if is_to_come(day, fleet.now()?, &mut self.is_ahead) {
            return Ok(Some(Next::After(self.interval)));
        }
        let is_made = fleet.want(day)?;
        let found = fleet.begin(day)?;
        self.awaited = (!is_made && !found.is_closed).then_some(day);
        if self.awaited.is_some() {
            return Ok(Some(Next::Awaits(day)));
        }
        let is_first = !today.is_resumed();
        let noted = incarnation.noted(day).filter(|_| is_first);
        if is_first && noted.is_none() {
            today.is_the_first();
        }
        // Of the same file nothing is lost, or the last moments before a power cut.
        if let Some(noted) = noted.filter(|noted| noted.counted_in != incarnation.counted_in()) {
            (self.counted_today, self.counted_in) = (noted.sessions, Some(noted.counted_in));
        }
        let is_more = is_first && found.batch > noted.map_or(0, |noted| noted.batch);
        let is_foreign = is_more || today.compare(&found) == Resumed::Foreign;
        // Of a closed day nothing is taken, under whatever number.
        if is_foreign && !found.is_closed && self.begin_apart(day, stop)? {
            return Ok(Some(AT_ONCE));
        }
        let today = self.today.as_mut().ok_or(ShipError::Anew)?;
        tell_resumed(today.resume(&found), day, &self.name);
        if noted.is_some_and(|noted| noted.batch > found.batch) {
            today.doubt();
        }
        Ok(None)
    }

    /// Today's file is not the one that it was.
    pub(super) fn is_another_file(&self) -> bool {
        let now = self.incarnation.as_ref().map(Incarnation::counted_in);
        self.counted_in.is_some() && self.counted_in != now
    }

    /// Sessions of today that were not told under a former number.
    pub(super) fn sessions_of(&self, day: Day, stop: &Stop) -> Result<u64, ShipError> {
        let baseline = self.incarnation.as_ref().and_then(Incarnation::baseline);
        let baseline = baseline.filter(|told| told.day() == day);
        let (mut reading, mut sessions) = (self.read_today_of(day)?, 0_u64);
        while let Some(event) = reading.next()? {
            stop.beat();
            if let Event::Counts(domain, mut counts) = event {
                if let Some(baseline) = &baseline {
                    baseline.subtract_from(&domain, &mut counts);
                }
                sessions = sessions.saturating_add(counts.sessions());
            }
        }
        Ok(sessions)
    }

    /// Counts do not fall. If they do, the file of today was replaced, and what had been counted is lost there, but not here: it
    /// stays another incarnation's. But when a clock that was ahead has closed the day, it is in the file of the closed day, which
    /// will be told as a whole.
    pub(super) fn has_lost(&self, day: Day, sessions: u64, stop: &Stop) -> Result<bool, ShipError> {
        let before = self.counted_today;
        Ok(sessions < before && sessions.saturating_add(self.closed_early(day, stop)?) < before)
    }

    /// Sessions of a day that is not over, and stand in the file of a closed one.
    fn closed_early(&self, day: Day, stop: &Stop) -> Result<u64, ShipError> {
        if !self.closed_days.outbox.has_closed_days() {
            return Ok(0);
        }
        let (mut reading, mut sessions) = (self.fetcher.ask(Question::Closed(day))?, 0_u64);
        while let Some(event) = reading.next()? {
            stop.beat();
            if let Event::Counts(_, counts) = event {
                sessions = sessions.saturating_add(counts.sessions());
            }
        }
        Ok(sessions)
    }
}
