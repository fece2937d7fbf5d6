//! Folding beside everything else: on a thread and over a connection of its own, so that it may take as long as it takes. What
//! cannot be folded is left for a while, and keeps nothing else from being done.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tlsrptd_fleet::{Address, Fault, Session, Shard};
use tlsrptd_proto::day::Day;

use super::{MemberToken, fold};
use crate::store::Lease;

/// A shard of a large day takes seconds. What takes longer than this does not come to an end.
const LONGEST: Duration = Duration::from_secs(3600);
/// Behind a fault that may pass, such as a full disk, the next shard waits so long.
const PAUSE: Duration = Duration::from_secs(10);
/// The shard itself is tried again so much later,
const AGAIN: Duration = Duration::from_secs(60);
/// and if it fails whenever it is tried.
const AGAIN_IF_LASTING: Duration = Duration::from_secs(3600);

/// What is folded now, and what could not be. Copies are the same.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Folds(Arc<Mutex<FoldState>>);

#[derive(Debug, Default)]
struct FoldState {
    is_busy: bool,
    failed: HashMap<(Day, Shard), FailedFold>,
}

#[derive(Debug)]
struct FailedFold {
    times: u32,
    again: Instant,
}

/// Whose shards are folded.
#[derive(Debug)]
pub(in super::super) struct FoldingMember {
    pub(in super::super) address: Address,
    pub(in super::super) token: MemberToken,
    pub(in super::super) lease: Lease,
}

impl Folds {
    /// Whether it could not be folded, and it is not time to try again.
    pub(in super::super) fn is_left(&self, day: Day, shard: Shard) -> bool {
        let state = self.state();
        let failed = state.failed.get(&(day, shard));
        failed.is_some_and(|failed| failed.again > Instant::now())
    }

    /// Begins to fold these, if none are being folded. The lease tells when that is over.
    pub(in super::super) fn begin(
        &self,
        member: FoldingMember,
        shards: Vec<(Day, Shard)>,
    ) -> io::Result<()> {
        if std::mem::replace(&mut self.state().is_busy, true) {
            return Ok(());
        }
        let busy = BusyFolds(self.clone());
        thread::Builder::new()
            .name("folding".to_owned())
            .spawn(move || {
                fold_all(&busy.0, &member, &shards);
                drop(busy);
                member.lease.tell_news();
            })
            .map(drop)
    }

    fn state(&self) -> MutexGuard<'_, FoldState> {
        // No holder can panic in the middle of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives how often it has failed.
    fn failed(&self, day: Day, shard: Shard, again: Duration) -> u32 {
        let mut state = self.state();
        let failed = state.failed.entry((day, shard)).or_insert(FailedFold {
            times: 0,
            again: Instant::now(),
        });
        (failed.times, failed.again) = (failed.times + 1, Instant::now() + again);
        failed.times
    }
}

/// Until it is dropped, whatever becomes of the thread.
struct BusyFolds(Folds);

impl Drop for BusyFolds {
    fn drop(&mut self) {
        self.0.state().is_busy = false;
    }
}

fn fold_all(folds: &Folds, member: &FoldingMember, shards: &[(Day, Shard)]) {
    let db = Session::new(member.address.clone()).with_long_statements(LONGEST);
    for &(day, shard) in shards {
        if !member.lease.is_valid() {
            return;
        }
        match fold(&db, &member.token, day, shard) {
            Ok(()) => drop(folds.state().failed.remove(&(day, shard))),
            // It is another's by now.
            Err(Fault::Fenced) => {}
            Err(fault) => {
                let again = match fault.may_pass() {
                    true => AGAIN,
                    false => AGAIN_IF_LASTING,
                };
                let (failures, seconds) = (folds.failed(day, shard, again), again.as_secs());
                tracing::error!(%day, shard, failures, seconds, error = %fault, "what collectors have shipped cannot be added up: the domains of this part of the day wait, and it is tried again");
                if fault.may_pass() {
                    thread::sleep(PAUSE);
                }
            }
        }
    }
}
