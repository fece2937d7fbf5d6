//! One day on its way to the database: a reading goes by, and what is worth telling of it becomes batches.

use std::{collections::BTreeMap, time::Instant};

use tlsrptd_fleet::{key_hash, shard_of};
use tlsrptd_proto::{counts::FetchedCounts, day::Day, domain::Domain, fetch::Event};

use crate::{
    batch::{Batch, Count, Of, Texts},
    error::ShipError,
    fleet::{Fleet, Shipment, Taken},
    growth::{Rule, Ticks},
    reading::Reading,
    shipped_keys::{ShippedKeys, Verdict},
    stop::Stop,
};

/// See the module.
pub(crate) struct DayShipping {
    pub(crate) day: Day,
    keys: ShippedKeys,
    ticks: Ticks,
    /// The last batch that the database has, and the sessions that it knows of.
    batch: i64,
    told_sessions: u64,
    /// The fleet has closed it: nothing more is taken.
    is_closed: bool,
    /// What the database knows was asked for on this connection.
    is_begun: bool,
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
    pub(crate) fn new(day: Day) -> DayShipping {
        DayShipping {
            day,
            keys: ShippedKeys::new(),
            ticks: Ticks::from_now(),
            batch: 0,
            told_sessions: 0,
            is_closed: false,
            is_begun: false,
        }
    }

    /// Takes what the database knows for true.
    pub(crate) fn resume(&mut self, found: &Shipment) -> Resumed {
        let was_told = self.batch > 0;
        let resumed = match found.batch - self.batch {
            ..0 => Resumed::Lost,
            // A batch whose answer was lost had come about.
            0 | 1 => Resumed::AsTold,
            2.. if was_told => Resumed::Foreign,
            2.. => Resumed::AsTold,
        };
        if resumed != Resumed::AsTold {
            self.keys.clear();
            self.told_sessions = 0;
        }
        self.keys.forget_texts();
        (self.batch, self.is_closed, self.is_begun) = (found.batch, found.is_closed, true);
        resumed
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

    /// Tells what is worth it of a reading, whose head is read.
    pub(crate) fn ship(
        &mut self,
        fleet: &Fleet,
        reading: &mut Reading,
        rule: Rule,
        stop: &Stop,
    ) -> Result<Shipped, ShipError> {
        let (mut shipped, mut batch) = (Shipped::default(), Batch::default());
        while let Some(event) = reading.next()? {
            stop.beat();
            if stop.is_overdue() || (stop.is_requested() && rule == Rule::Worthwhile) {
                return Err(ShipError::Stopped);
            }
            match event {
                Event::Counts(domain, counts) => {
                    shipped.sessions = shipped.sessions.saturating_add(counts.sessions());
                    self.judge(&domain, counts, rule, &mut batch);
                }
                Event::Grown(day, additions) => drop(shipped.growth.insert(day, additions)),
                _ => {}
            }
            if batch.is_full() {
                shipped.rows += self.tell(fleet, std::mem::take(&mut batch))?;
            }
        }
        shipped.rows += self.tell(fleet, batch)?;
        Ok(shipped)
    }

    /// What of a domain is worth telling.
    fn judge(&mut self, domain: &Domain, counts: FetchedCounts, rule: Rule, batch: &mut Batch) {
        if self.is_closed {
            return;
        }
        let (now, shard) = (self.ticks.at(Instant::now()), shard_of(domain.as_str()));
        for (record, policies) in counts.records {
            for (policy, counts) in policies {
                let failures = counts.failures.iter();
                let failures = failures.map(|(failure, total)| (Some(failure.as_str()), *total, 0));
                let of_policy = (None, counts.total, counts.failed);
                for (failure, total, failed) in std::iter::once(of_policy).chain(failures) {
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
                            record: record.clone(),
                            policy: policy.clone(),
                            failure: failure.map(str::to_owned),
                        });
                    }
                }
            }
        }
    }

    /// Brings a batch there. Gives the number of its rows.
    fn tell(&mut self, fleet: &Fleet, mut batch: Batch) -> Result<u64, ShipError> {
        if batch.is_empty() || self.is_closed {
            return Ok(0);
        }
        if !fleet.is_same() {
            return Err(ShipError::Anew);
        }
        batch.sort_texts();
        if !batch.texts.is_empty() {
            fleet.tell_texts(self.day, &batch.texts)?;
            for texts in &batch.texts {
                self.keys.text_is_there(texts.key);
            }
        }
        if !fleet.is_same() {
            // Texts that were known to be there may be lost, and their counts would stand for nothing.
            return Err(ShipError::Anew);
        }
        let grown = batch.counts.iter().filter(|count| count.of == Of::Sessions);
        let grown = grown.map(|count| self.keys.growth(count.key, count.total));
        let sessions = self.told_sessions.saturating_add(grown.sum());
        match fleet.tell_counts(self.day, self.batch + 1, &batch, sessions)? {
            Taken::Yes => {}
            Taken::No => {
                let found = fleet.begin(self.day)?;
                if !found.is_closed {
                    return Err(ShipError::Anew);
                }
                // What follows is only added up.
                self.is_closed = true;
                return Ok(0);
            }
        }
        if !fleet.is_same() {
            return Err(ShipError::Anew);
        }
        for count in &batch.counts {
            self.keys.told(count.key, count.total);
        }
        self.batch += 1;
        self.told_sessions = sessions;
        Ok(batch.counts.len() as u64)
    }
}
