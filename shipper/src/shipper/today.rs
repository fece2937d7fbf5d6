//! Today: what the collector has counted of it so far, and what becomes of that when its files are not what they were.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tlsrptd_proto::{counts::FetchedCounts, day::Day, domain::Domain, fetch::Event};
use tracing::{debug, warn};

use super::{Next, Shipper};
use crate::{
    baseline::Baseline,
    day_shipping::Resumed,
    error::ShipError,
    growth::Rule,
    notes::{is_to_come, tell_late, tell_resumed},
    reading::{Question, ReadError, Reading},
    stop::Stop,
};

/// This collector has become another one: it goes on at once.
const AT_ONCE: Next = Next::After(Duration::ZERO);

impl Shipper {
    /// `is_behind`: a closed day is still to be told, under the number that the collector has.
    pub(super) fn ship_today(
        &mut self,
        rule: Rule,
        is_behind: bool,
        stop: &Stop,
    ) -> Result<Next, ShipError> {
        let began = Instant::now();
        let (day, mut reading) = self.read_today()?;
        self.turn_to(day);
        if let Some(next) = self.begin_today(day, stop)? {
            return Ok(next);
        }
        let incarnation = self.incarnation.as_ref().ok_or(ShipError::Anew)?;
        let counted_in = incarnation.told.counted_in();
        if self.counted_in.is_some_and(|known| known != counted_in) {
            // Another file: nothing of it is told before it is known whose counts these are.
            drop(reading);
            let sessions = self.sessions_of(day, stop)?;
            if self.has_lost(day, sessions, stop)? {
                return self.begin_after_loss(day, sessions, is_behind);
            }
            let (again, anew) = self.read_today()?;
            if again != day {
                return Ok(AT_ONCE);
            }
            reading = anew;
        }
        self.counted_in = Some(counted_in);
        let (Some(fleet), Some(today)) = (&self.fleet, &mut self.today) else {
            return Err(ShipError::Anew);
        };
        let shipped = today.ship(fleet, &mut reading, rule, stop, self.incarnation.as_mut())?;
        if today.is_closed() {
            tell_late(fleet, &fleet.begin(day)?, &shipped)?;
        }
        stop.tell(format!(
            "{day}: {} sessions counted, {} rows shipped at {}",
            shipped.sessions,
            shipped.rows,
            Timestamp::now().strftime("%H:%M:%S")
        ));
        if self.has_lost(day, shipped.sessions, stop)? {
            return self.begin_after_loss(day, shipped.sessions, is_behind);
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

    /// The collector counts for that day.
    fn turn_to(&mut self, day: Day) {
        if self.today.as_ref().is_some_and(|today| today.day == day) {
            return;
        }
        let before = self.today.replace(self.shipping_of(day));
        // What was told of the day before is known when its file is read.
        self.closed = before
            .filter(|before| before.day < day)
            .or(self.closed.take());
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
        let (is_first, had_told) = (!today.is_resumed(), today.batch() > 0);
        let noted = incarnation.told.of(day).filter(|_| is_first);
        let is_more = found.batch > noted.map_or(0, |noted| noted.batch);
        match today.resume(&found) {
            Resumed::Foreign => return self.begin_apart(day, had_told, stop).map(Some),
            _ if is_first && is_more => {
                return self.begin_apart(day, noted.is_some(), stop).map(Some);
            }
            resumed => tell_resumed(resumed, day, &self.name),
        }
        let Some(noted) = noted else {
            return Ok(None);
        };
        if noted.batch > found.batch {
            today.doubt();
        }
        // Of the same file nothing is lost, or the last moments before a power cut.
        if noted.counted_in != incarnation.told.counted_in() {
            (self.counted_today, self.counted_in) = (found.sessions, Some(noted.counted_in));
        }
        Ok(None)
    }

    /// Somebody has told more of today under this collector's number than it has: its folder is a copy, or came back from a
    /// backup. From now on it is another collector. `has_told`: what it has counted of today so far is told already, but for
    /// what it was about to tell just now.
    fn begin_apart(&mut self, day: Day, has_told: bool, stop: &Stop) -> Result<Next, ShipError> {
        warn!(
            %day, collector = self.name,
            "the database knows more of this collector than its folder, which is a copy or came back from a backup: what it counts from now on is another collector's"
        );
        let mut baseline = Baseline::of(day);
        if has_told {
            self.read_all(day, stop, |domain, counts| baseline.add(&domain, &counts))?;
        }
        let incarnation = self.incarnation.as_mut().ok_or(ShipError::Anew)?;
        incarnation.renew(Some(baseline))?;
        self.begin_anew();
        Ok(AT_ONCE)
    }

    /// Sessions of today that were not told under a former number.
    fn sessions_of(&self, day: Day, stop: &Stop) -> Result<u64, ShipError> {
        let baseline = self.incarnation.as_ref().and_then(|one| one.baseline(day));
        let mut sessions = 0_u64;
        self.read_all(day, stop, |domain, mut counts| {
            if let Some(baseline) = &baseline {
                baseline.subtract_from(&domain, &mut counts);
            }
            sessions = sessions.saturating_add(counts.sessions());
        })?;
        Ok(sessions)
    }

    /// Reads all of today, whatever of it is told already.
    fn read_all(
        &self,
        day: Day,
        stop: &Stop,
        mut each: impl FnMut(Domain, FetchedCounts),
    ) -> Result<(), ShipError> {
        let (found, mut reading) = self.read_today()?;
        if found != day {
            return Err(ShipError::Anew);
        }
        while let Some(event) = reading.next()? {
            stop.beat();
            if let Event::Counts(domain, counts) = event {
                each(domain, counts);
            }
        }
        Ok(())
    }

    /// Counts do not fall. If they do, the file of today was replaced, and what had been counted is lost there, but not here: it
    /// stays another incarnation's. But when a clock that was ahead has closed the day, it is in the file of the closed day, which
    /// will be told as a whole.
    fn has_lost(&self, day: Day, sessions: u64, stop: &Stop) -> Result<bool, ShipError> {
        let before = self.counted_today;
        Ok(sessions < before && sessions.saturating_add(self.closed_early(day, stop)?) < before)
    }

    fn begin_after_loss(
        &mut self,
        day: Day,
        sessions: u64,
        is_behind: bool,
    ) -> Result<Next, ShipError> {
        if is_behind {
            // It is found once more when these days are told.
            debug!(%day, "today's file was replaced; closed days come first");
            return Ok(Next::After(self.interval));
        }
        warn!(
            %day, sessions, before = self.counted_today,
            "the collector counts less of today than before: its file was replaced, or its day rotated by hand; from now on it is another collector"
        );
        if let (Some(fleet), Some(today)) = (&self.fleet, &self.today) {
            // What it was comes no more: no day need wait for that.
            fleet.done(day, today.batch())?;
        }
        let incarnation = self.incarnation.as_mut().ok_or(ShipError::Anew)?;
        incarnation.renew(None)?;
        self.begin_anew();
        Ok(AT_ONCE)
    }

    /// Sessions of a day that is not over, and stand in the file of a closed one.
    fn closed_early(&self, day: Day, stop: &Stop) -> Result<u64, ShipError> {
        if !self.outbox.has_closed_days() {
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
