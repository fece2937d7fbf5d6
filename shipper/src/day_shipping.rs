//! One day on its way to the database: a reading goes by, and what is worth telling of it becomes batches.

mod texts;
mod way;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use tlsrptd_fleet::{KeyHash, are_texts_taken, key_hash, shard_of, stored_text};
use tlsrptd_proto::{counts::FetchedCounts, day::Day, domain::Domain, fetch::Event};
use tracing::warn;

use self::texts::HeldShards;
pub(crate) use self::way::Way;
use crate::{
    baseline::Baseline,
    batch::{Batch, Count, Of, Texts},
    error::ShipError,
    fleet::{Fleet, Shipment, Taken, following},
    growth::{Rule, Ticks},
    reading::Reading,
    shipped_keys::{ShippedKeys, Verdict},
    stop::Stop,
};

/// See the module.
pub(crate) struct DayShipping {
    pub(crate) day: Day,
    /// What is told already under this collector's former number.
    baseline: Option<Arc<Baseline>>,
    keys: ShippedKeys,
    ticks: Ticks,
    /// The last batch that the database has, and the sessions that it knows of.
    batch: i64,
    told_sessions: u64,
    /// One more was told, and nobody has said whether it came about.
    is_in_doubt: bool,
    /// What the database knows was asked for once.
    is_resumed: bool,
    /// All that was told of the day under this number stands in `keys`: nothing was before, or all was told again since.
    knows_all: bool,
    /// The fleet has closed it: nothing more is taken.
    is_closed: bool,
    /// It was asked for on this connection.
    is_begun: bool,
    /// It was told that something is left out.
    has_left_out: bool,
    held: HeldShards,
}

/// What the database knows of a day, compared with what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumed {
    AsTold,
    /// It has lost its newest rows: all is told again from the start.
    Lost,
    /// It knows of more: somebody else tells in this collector's name.
    Foreign,
}

/// What one reading came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shipped {
    /// All sessions that the collector has counted.
    pub(crate) sessions: u64,
    /// Rows of counts that were told.
    pub(crate) rows: u64,
    /// Closed days that grew, and how often each did.
    pub(crate) growth: BTreeMap<Day, u64>,
}

impl DayShipping {
    pub(crate) fn new(day: Day, baseline: Option<Arc<Baseline>>) -> DayShipping {
        DayShipping {
            day,
            baseline,
            keys: ShippedKeys::new(),
            ticks: Ticks::from_now(),
            batch: 0,
            told_sessions: 0,
            is_in_doubt: false,
            is_resumed: false,
            knows_all: false,
            is_closed: false,
            is_begun: false,
            has_left_out: false,
            held: HeldShards::default(),
        }
    }

    /// What the database knows, beside what it was told.
    pub(crate) fn compare(&self, found: &Shipment) -> Resumed {
        match found.batch.saturating_sub(self.batch) {
            ..0 => Resumed::Lost,
            0 => Resumed::AsTold,
            // A batch whose answer was lost had come about.
            1 if self.is_in_doubt => Resumed::AsTold,
            1.. if self.is_resumed => Resumed::Foreign,
            1.. => Resumed::AsTold,
        }
    }

    /// Takes what the database knows for true.
    pub(crate) fn resume(&mut self, found: &Shipment) -> Resumed {
        let resumed = self.compare(found);
        if resumed != Resumed::AsTold {
            self.keys.tell_again();
            self.told_sessions = 0;
        }
        // Until it is told again, nobody knows what of it is lost.
        self.knows_all &= resumed != Resumed::Lost;
        self.keys.forget_texts();
        // While the server has not heard that we gave up, it may still come about.
        self.is_in_doubt &= found.batch == self.batch;
        (self.batch, self.is_closed) = (found.batch, found.is_closed);
        (self.is_resumed, self.is_begun) = (true, true);
        resumed
    }

    /// A process before this one may have told one more batch.
    pub(crate) fn doubt(&mut self) {
        self.is_in_doubt = true;
    }

    /// No process before this one has told anything.
    pub(crate) fn is_the_first(&mut self) {
        self.knows_all = true;
    }

    /// Whether it is certain what was told under this number.
    pub(crate) fn is_certain(&self) -> bool {
        self.knows_all && !self.is_in_doubt
    }

    /// What was told under the number before.
    pub(crate) fn baseline(&self) -> Option<Arc<Baseline>> {
        self.baseline.clone()
    }

    /// What of a key was told, under this number and under those before.
    pub(crate) fn told_of(&self, key: KeyHash) -> (u64, u64) {
        let before = self.baseline.as_ref().map(|before| before.told(key));
        let (before, ours) = (before.unwrap_or_default(), self.keys.told_of(key));
        (
            before.0.saturating_add(ours.0),
            before.1.saturating_add(ours.1),
        )
    }

    /// Whether what the database knows was asked for before, on whichever connection.
    pub(crate) fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// The connection was another one.
    pub(crate) fn pause(&mut self) {
        self.is_begun = false;
    }

    pub(crate) fn is_begun(&self) -> bool {
        self.is_begun
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(crate) fn batch(&self) -> i64 {
        self.batch
    }

    /// The sessions that the database knows of by what this process has told.
    pub(crate) fn told_sessions(&self) -> u64 {
        self.told_sessions
    }

    /// Tells what is worth it of a reading, whose head is read. Where somebody holds texts, all others are told before it is an
    /// error.
    pub(crate) fn ship(
        &mut self,
        fleet: &Fleet,
        reading: &mut Reading,
        rule: Rule,
        stop: &Stop,
        mut way: Way<'_>,
    ) -> Result<Shipped, ShipError> {
        let (mut shipped, mut batch) = (Shipped::default(), Batch::default());
        self.held = HeldShards::default();
        while let Some(event) = reading.next()? {
            stop.beat();
            if stop.is_overdue() || (stop.is_requested() && rule == Rule::Worthwhile) {
                return Err(ShipError::Stopped);
            }
            match event {
                Event::Counts(domain, mut counts) => {
                    if let Way::Beside(limit) = &way {
                        limit.limit(&domain, &mut counts);
                    }
                    if let Some(baseline) = &self.baseline {
                        baseline.subtract_from(&domain, &mut counts);
                    }
                    shipped.sessions = shipped.sessions.saturating_add(counts.sessions());
                    self.judge(&domain, counts, rule, &mut batch);
                }
                Event::Grown(day, additions) => drop(shipped.growth.insert(day, additions)),
                _ => {}
            }
            if batch.is_full() {
                let batch = std::mem::take(&mut batch);
                shipped.rows += self.tell(fleet, batch, &mut way)?;
            }
        }
        shipped.rows += self.tell(fleet, batch, &mut way)?;
        if let Some(fault) = self.held.fault.take() {
            return Err(fault.into());
        }
        self.knows_all |= rule != Rule::Nothing && !self.is_closed;
        Ok(shipped)
    }

    /// What of a domain is worth telling.
    fn judge(&mut self, domain: &Domain, counts: FetchedCounts, rule: Rule, batch: &mut Batch) {
        if self.is_closed {
            return;
        }
        let (now, shard) = (self.ticks.at(Instant::now()), shard_of(domain.as_str()));
        for (record, policies) in counts.records {
            // The database computes the hash of what it stores.
            let record = stored_text(&record);
            for (policy, counts) in policies {
                let policy = stored_text(&policy);
                let failures = counts.failures.iter();
                let failures =
                    failures.map(|(failure, total)| (Some(stored_text(failure)), *total, 0));
                let of_policy = (None, counts.total, counts.failed);
                for (failure, total, failed) in std::iter::once(of_policy).chain(failures) {
                    let failure = failure.as_deref();
                    if !are_texts_taken(&record, &policy, failure) {
                        self.leave_out(domain);
                        continue;
                    }
                    let key = key_hash(domain.as_str(), &record, &policy, failure);
                    let Verdict::Tell { text_is_known } = self.keys.judge(key, total, now, rule)
                    else {
                        continue;
                    };
                    batch.add(Count {
                        key,
                        shard,
                        total,
                        failed,
                        of: failure.map_or(Of::Sessions, |_| Of::Failures),
                    });
                    if !text_is_known {
                        batch.add_texts(Texts {
                            shard,
                            key,
                            domain: domain.to_string(),
                            record: record.to_string(),
                            policy: policy.to_string(),
                            failure: failure.map(str::to_owned),
                        });
                    }
                }
            }
        }
    }

    /// No collector of ours counts such a thing. The first is told of.
    fn leave_out(&mut self, domain: &Domain) {
        if !std::mem::replace(&mut self.has_left_out, true) {
            let day = self.day;
            warn!(%day, %domain, "a count is left out: its texts are longer than the fleet's database takes");
        }
    }

    /// Brings a batch there. Gives the number of its rows.
    fn tell(
        &mut self,
        fleet: &Fleet,
        mut batch: Batch,
        way: &mut Way<'_>,
    ) -> Result<u64, ShipError> {
        if batch.is_empty() || self.is_closed {
            return Ok(0);
        }
        self.tell_texts(fleet, &mut batch)?;
        if batch.is_empty() {
            return Ok(0);
        }
        let rows = batch.counts.len() as u64;
        let grown = batch.counts.iter().filter(|count| count.of == Of::Sessions);
        let grown = grown.map(|count| self.keys.growth(count.key, count.total));
        let sessions = self.told_sessions.saturating_add(grown.sum());
        way.note(self.day, following(self.batch), sessions)?;
        let is_beside = way.is_beside();
        let was_in_doubt = self.is_in_doubt;
        let taken = match is_beside {
            true => fleet.tell_beside(self.day, &batch, sessions)?,
            false => {
                self.is_in_doubt = true;
                fleet.tell_counts(self.day, self.batch, &batch, sessions)?
            }
        };
        if taken == Taken::No {
            self.is_in_doubt = was_in_doubt;
            if !fleet.begin(self.day)?.is_closed {
                return Err(ShipError::Anew);
            }
            // What follows is only added up.
            self.is_closed = true;
            return Ok(0);
        }
        if !fleet.is_same() {
            return Err(ShipError::Anew);
        }
        for count in &batch.counts {
            self.keys.told(count.key, count.total, count.failed);
        }
        if !is_beside {
            self.batch = following(self.batch);
            self.is_in_doubt = false;
        }
        self.told_sessions = sessions;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumed(shipping: &mut DayShipping, batch: i64) -> Resumed {
        shipping.resume(&Shipment {
            day: shipping.day,
            batch,
            sessions: 0,
            is_done: false,
            is_closed: false,
        })
    }

    #[test]
    fn whose_batches_these_are() {
        let day = Day::parse("2026-11-29").unwrap();
        for (batch, is_in_doubt, is_resumed, found, want, why) in [
            (0, false, false, 0, Resumed::AsTold, "nothing yet"),
            (0, false, false, 17, Resumed::AsTold, "the process before"),
            (3, false, true, 3, Resumed::AsTold, "another connection"),
            (3, true, true, 4, Resumed::AsTold, "its answer was lost"),
            (3, false, true, 4, Resumed::Foreign, "nobody here told it"),
            (3, true, true, 5, Resumed::Foreign, "nor these two"),
            (0, false, true, 1, Resumed::Foreign, "nor the first"),
            (3, true, true, 2, Resumed::Lost, "after a failover"),
        ] {
            let mut shipping = DayShipping::new(day, None);
            shipping.batch = batch;
            shipping.is_in_doubt = is_in_doubt;
            shipping.is_resumed = is_resumed;
            assert_eq!(resumed(&mut shipping, found), want, "{why}");
            assert_eq!(shipping.batch(), found, "{why}");
        }
        let mut shipping = DayShipping::new(day, None);
        assert_eq!(resumed(&mut shipping, 3), Resumed::AsTold);
        shipping.doubt();
        for (found, want, why) in [
            (3, Resumed::AsTold, "the server has not heard it yet"),
            (4, Resumed::AsTold, "now it has"),
            (5, Resumed::Foreign, "this is another's"),
        ] {
            assert_eq!(resumed(&mut shipping, found), want, "{why}");
        }
    }
}
