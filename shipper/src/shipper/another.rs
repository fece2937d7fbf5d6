//! When this collector becomes another one: its folder is a copy, or today's file was replaced.
//!
//! Days before that which are not told yet stay those of its former number: `former.rs` tells them.

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_fleet::KeyHash;
use tlsrptd_proto::{day::Day, fetch::Event};
use tracing::{error, warn};

use super::{Next, Shipper};
use crate::{
    baseline::Baseline,
    day_shipping::{DayShipping, Way},
    error::ShipError,
    fleet::Which,
    growth::Rule,
    numbers::{FormerNumber, MOST_A_DAY, Reason},
    stop::Stop,
};

/// It goes on at once.
pub(super) const AT_ONCE: Next = Next::After(Duration::ZERO);

impl Shipper {
    /// More of today was told under this collector's number than it has told: its folder is a copy, or came back from a backup, or
    /// somebody else writes in its name. Whether it has become another collector.
    pub(super) fn begin_apart(&mut self, day: Day, stop: &Stop) -> Result<bool, ShipError> {
        let reason = "the database knows more of it than its folder";
        if !self.may_become_another(day, reason) {
            return Ok(false);
        }
        let (baseline, is_certain) = self.told_before(day, stop)?;
        let incarnation = self.incarnation.as_ref().ok_or(ShipError::Anew)?;
        let number = incarnation.prepare(&baseline)?;
        let may_be_missing = match is_certain {
            true => 0,
            false => self.tell_beside(day, &baseline, stop)?,
        };
        self.become_another(number, baseline, Reason::Copied)?;
        warn!(
            %day, collector = self.name, may_be_missing,
            "the database knows more of this collector than its folder: that is a copy, or came back from a backup, or somebody else writes in its name; what it counts from now on is another collector's"
        );
        Ok(true)
    }

    /// What of today is told already, or will be before this collector becomes another: a process that knows what it has told
    /// takes that, and one that does not what there is. Whether it does.
    fn told_before(&self, day: Day, stop: &Stop) -> Result<(Baseline, bool), ShipError> {
        let today = self.today.as_ref().ok_or(ShipError::Anew)?;
        let mut baseline = Baseline::of(day);
        if self.is_another_file() && self.has_lost(day, self.sessions_of(day, stop)?, stop)? {
            // All that it holds is new.
            return Ok((baseline, true));
        }
        let (mut reading, is_certain) = (self.read_today_of(day)?, today.is_certain());
        while let Some(event) = reading.next()? {
            stop.beat();
            let Event::Counts(domain, counts) = event else {
                continue;
            };
            match is_certain {
                true => baseline.add_told(&domain, &counts, |key, _| today.told_of(key)),
                false => baseline.add(&domain, &counts),
            }
        }
        Ok((baseline, is_certain))
    }

    /// Tells all that is in the baseline once more, under the number that this collector has had: what was told is not counted
    /// twice by that, and what was not is counted, but for as much of a key as somebody else has told of it. So many sessions may
    /// be missing for that.
    fn tell_beside(&self, day: Day, baseline: &Baseline, stop: &Stop) -> Result<u64, ShipError> {
        let (Some(fleet), Some(incarnation), Some(today)) =
            (&self.fleet, &self.incarnation, &self.today)
        else {
            return Err(ShipError::Anew);
        };
        let mut copy = DayShipping::new(day, today.baseline());
        let (mut reading, way) = (self.read_today_of(day)?, Way::Beside(baseline));
        let shipped = copy.ship(fleet, &mut reading, Rule::Everything, stop, way)?;
        if copy.is_closed() {
            return Err(ShipError::Anew);
        }
        let told = incarnation.noted(day).map_or(0, |noted| noted.sessions);
        Ok(shipped.sessions.saturating_sub(told))
    }

    /// The file of today was replaced.
    pub(super) fn begin_after_loss(&mut self, day: Day, sessions: u64) -> Result<Next, ShipError> {
        let reason = "today's file was replaced, or rotated by hand";
        if !self.may_become_another(day, reason) {
            let now = self.incarnation.as_ref().map(|one| one.counted_in());
            (self.counted_today, self.counted_in) = (sessions, now);
            return Ok(AT_ONCE);
        }
        let before = self.counted_today;
        let incarnation = self.incarnation.as_mut().ok_or(ShipError::Anew)?;
        incarnation.prepare_after_loss(day)?;
        warn!(
            %day, sessions, before,
            "the collector counts less of today than before: its file was replaced, or its day rotated by hand; from now on it is another collector"
        );
        Ok(AT_ONCE)
    }

    /// Becomes the number that was prepared after a loss. Wherever it is cut short, it is done once more, by the next process too:
    /// the day waits for that number before the former one is called done, and nothing is told until all of it is. Whoever holds the
    /// former one's row holds back that it is done, and nothing else: the day waits for it then.
    pub(super) fn take_up_next(&mut self) -> Result<(), ShipError> {
        let incarnation = self.incarnation.as_ref().ok_or(ShipError::Anew)?;
        let Some((number, day)) = incarnation.next() else {
            return Ok(());
        };
        self.fleet = None;
        let (id, first_day) = (incarnation.id(), incarnation.first_day());
        let mut before = incarnation.former();
        before.push(FormerNumber {
            id,
            first_day,
            end: day,
            is_shared: false,
        });
        self.register(number, day, Which::Current(&before))?;
        let (former, _) = self.register(id, first_day, Which::Former)?;
        let noted = incarnation.noted(day).map_or(0, |noted| noted.batch);
        let mut told = former.shipments()?.into_iter();
        let told = told.find(|told| told.day == day);
        if told.is_some_and(|told| told.batch > noted) {
            // Somebody else tells as that, and says when it is done.
            return self.become_another(number, Baseline::of(day), Reason::Copied);
        }
        if let Some(told) = told.filter(|told| !told.is_closed) {
            // What it was comes no more: no day need wait for that.
            match former.done(day, told.batch) {
                Err(error) if error.is_locked() => warn!(
                    %day, collector = self.name, %error,
                    "somebody holds what this collector was before: the day waits for that until its deadline"
                ),
                done => drop(done?),
            }
        }
        self.become_another(number, Baseline::of(day), Reason::Lost)
    }

    /// From the baseline's day on.
    fn become_another(
        &mut self,
        number: KeyHash,
        baseline: Baseline,
        reason: Reason,
    ) -> Result<(), ShipError> {
        let is_behind = self.closed_days.outbox.is_behind(baseline.day());
        let incarnation = self.incarnation.as_mut().ok_or(ShipError::Anew)?;
        incarnation.renew(number, baseline, reason, is_behind)?;
        self.begin_anew();
        Ok(())
    }

    /// Not without end: whatever a database or a script does, a fleet has no thousands of collectors for that.
    fn may_become_another(&mut self, day: Day, reason: &str) -> bool {
        let incarnation = self.incarnation.as_ref();
        let may = incarnation.is_some_and(|one| one.may_renew());
        if !may && self.refusals.failed(Timestamp::now()).is_some() {
            error!(
                %day, collector = self.name, reason, most = MOST_A_DAY,
                "this collector has become another one too often: it stays what it is, and some of its counts may be missing"
            );
        }
        may
    }
}
