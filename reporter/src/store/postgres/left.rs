//! Shards of days that cannot be worked on, whenever it is tried: what was shipped cannot be added up, or a row cannot be read. They are
//! left for a while, and keep nothing else from being done.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tlsrptd_fleet::Shard;
use tlsrptd_proto::day::Day;

/// A shard is tried again so much later,
const AGAIN: Duration = Duration::from_secs(60);
/// and if it fails whenever it is tried.
const AGAIN_IF_LASTING: Duration = Duration::from_secs(3600);

/// See the module. Copies are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct LeftShards(Arc<Mutex<HashMap<(Day, Shard), LeftShard>>>);

#[derive(Debug)]
struct LeftShard {
    times: u32,
    again: Instant,
}

impl LeftShards {
    /// Whether it is not time to try again.
    pub(super) fn has(&self, day: Day, shard: Shard) -> bool {
        let left = self.shards();
        let left = left.get(&(day, shard));
        left.is_some_and(|left| left.again > Instant::now())
    }

    /// Leaves it. Gives how often it has failed, and for how many seconds it is left.
    pub(super) fn leave(&self, day: Day, shard: Shard, may_pass: bool) -> (u32, u64) {
        let again = match may_pass {
            true => AGAIN,
            false => AGAIN_IF_LASTING,
        };
        let mut shards = self.shards();
        let left = shards.entry((day, shard)).or_insert(LeftShard {
            times: 0,
            again: Instant::now(),
        });
        (left.times, left.again) = (left.times + 1, Instant::now() + again);
        (left.times, again.as_secs())
    }

    /// It has gone well.
    pub(super) fn forget(&self, day: Day, shard: Shard) {
        self.shards().remove(&(day, shard));
    }

    fn shards(&self) -> MutexGuard<'_, HashMap<(Day, Shard), LeftShard>> {
        // No holder can panic in the middle of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
