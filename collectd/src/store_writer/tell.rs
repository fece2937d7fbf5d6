//! What a store_writer tells: in the figures, and in the log now and then. What was told as trouble is told when it ends.

use std::time::Instant;

use jiff::Timestamp;
use tracing::{error, warn};

use super::StoreWriter;
use crate::{
    stats::DropReason,
    store::{Flushed, StoreError},
};

impl StoreWriter {
    /// What the file had no room for was counted when it came.
    pub(super) fn drop_uncounted(&self, flushed: Flushed) {
        for (reason, datagrams) in [
            (DropReason::DayFull, flushed.refused),
            (DropReason::DomainShare, flushed.over_share),
        ] {
            if datagrams > 0 {
                self.stats.counted.subtract(datagrams);
                self.stats.dropped.add(reason, datagrams);
            }
        }
    }

    pub(super) fn tell_of_room(&mut self, flushed: Flushed, now: Timestamp) {
        if let Some(owner) = self.store.take_over_share()
            && let Some(suppressed) = self.share.pass(now)
        {
            warn!(
                owner,
                suppressed,
                "names under one domain have used their share of today's file: what needs a new row of theirs is dropped"
            );
        }
        if flushed.refused == 0 && !flushed.tight {
            return;
        }
        let Some(suppressed) = self.room.pass(now) else {
            return;
        };
        let (bytes, refused) = (flushed.file_bytes, flushed.refused);
        match refused {
            0 => warn!(
                bytes,
                suppressed,
                "today's file comes near max_day_file_size: details are counted together"
            ),
            _ => error!(
                bytes,
                suppressed,
                "today's file has reached max_day_file_size: what needs a new row is dropped"
            ),
        }
    }

    pub(super) fn tell_size(&self) {
        self.stats.domains_today.set(self.domains);
        self.stats.policies_today.set(self.policies);
    }

    /// What a line told of has ended, all of it. At the level at which it was told: who read that waits for this.
    pub(super) fn recover(&mut self) {
        if self.failing.is_some() || self.unsettled.is_some() || self.sync_failed {
            return;
        }
        if let Some(since) = self.trouble.take() {
            let (storage, seconds) = (self.store.name(), since.elapsed().as_secs());
            warn!(storage, seconds, "the storage works again");
        }
    }

    pub(super) fn complain(&mut self, error: &StoreError, now: Timestamp) {
        let Some(suppressed) = self.complaint.pass(now) else {
            return;
        };
        self.trouble.get_or_insert_with(Instant::now);
        let uncommitted = self.uncommitted();
        if uncommitted > 0 {
            error!(%error, uncommitted, suppressed, "cannot commit, counts stay in memory; to be tried again");
        } else {
            warn!(%error, suppressed, "a storage has trouble; to be tried again");
        }
    }
}
