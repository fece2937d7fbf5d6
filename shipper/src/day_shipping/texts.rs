//! What the keys of a batch stand for: it is there before their counts. Several shippers tell the same texts, and the first of them
//! is waited for; but whoever has their password can leave a transaction open.

use std::{collections::BTreeSet, time::Duration};

use tlsrptd_fleet::{Fault, Shard};

use super::DayShipping;
use crate::{
    batch::{Batch, Texts},
    error::ShipError,
    fleet::Fleet,
};

/// Another shipper may be telling the same texts: it is soon done.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// It is not. Each shard is tried once more alone.
const SHORT_WAIT: Duration = Duration::from_millis(300);

/// Shards of which somebody else holds texts, in one reading: theirs come with the next one.
#[derive(Default)]
pub(super) struct HeldShards {
    shards: BTreeSet<Shard>,
    pub(super) fault: Option<Fault>,
}

impl DayShipping {
    /// Brings the texts of a batch there. What somebody holds is taken out of it.
    pub(super) fn tell_texts(&mut self, fleet: &Fleet, batch: &mut Batch) -> Result<(), ShipError> {
        if !fleet.is_same() {
            return Err(ShipError::Anew);
        }
        batch.sort_texts();
        if !self.are_told_at_once(fleet, &batch.texts)? {
            for texts in batch.texts.chunk_by(|one, other| one.shard == other.shard) {
                self.tell_shard(fleet, texts)?;
            }
            batch.leave_out(|shard| self.held.shards.contains(&shard));
        }
        for texts in &batch.texts {
            self.keys.text_is_there(texts.key);
        }
        if !fleet.is_same() {
            // Texts that were known to be there may be lost, and their counts would stand for nothing.
            return Err(ShipError::Anew);
        }
        Ok(())
    }

    fn are_told_at_once(&self, fleet: &Fleet, texts: &[Texts]) -> Result<bool, Fault> {
        if texts.is_empty() {
            return Ok(true);
        }
        if !self.held.shards.is_empty() {
            return Ok(false);
        }
        match fleet.tell_texts(self.day, texts, LONGEST_WAIT) {
            Err(fault) if fault.is_locked() => Ok(false),
            told => told.map(|()| true),
        }
    }

    fn tell_shard(&mut self, fleet: &Fleet, texts: &[Texts]) -> Result<(), Fault> {
        let Some(Texts { shard, .. }) = texts.first() else {
            return Ok(());
        };
        if self.held.shards.contains(shard) {
            return Ok(());
        }
        match fleet.tell_texts(self.day, texts, SHORT_WAIT) {
            Err(fault) if fault.is_locked() => {
                self.held.shards.insert(*shard);
                self.held.fault = Some(fault);
                Ok(())
            }
            told => told,
        }
    }
}
