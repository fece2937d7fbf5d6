//! Folding beside everything else: on a thread and over a connection of its own, so that it may take as long as it takes. What
//! cannot be folded is left for a while, and keeps nothing else from being done.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tlsrptd_fleet::{Address, Fault, Session, Shard};
use tlsrptd_proto::day::Day;

use super::{super::left::LeftShards, MemberToken, fold};
use crate::store::Lease;

/// A shard of a large day takes seconds. What takes longer than this does not come to an end.
const LONGEST: Duration = Duration::from_secs(3600);
/// Behind a fault that may pass, such as a full disk, the next shard waits so long.
const PAUSE: Duration = Duration::from_secs(10);

/// What is folded now, and what could not be. Copies are the same.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Folds {
    is_busy: Arc<AtomicBool>,
    left: LeftShards,
}

/// Whose shards are folded.
#[derive(Debug)]
pub(in super::super) struct FoldingMember {
    pub(in super::super) address: Address,
    pub(in super::super) token: MemberToken,
    pub(in super::super) lease: Lease,
}

impl Folds {
    /// What cannot be folded is left with what else cannot be worked on.
    pub(in super::super) fn new(left: LeftShards) -> Folds {
        Folds {
            left,
            ..Folds::default()
        }
    }

    /// Begins to fold these, if none are being folded. The lease tells when that is over.
    pub(in super::super) fn begin(
        &self,
        member: FoldingMember,
        shards: Vec<(Day, Shard)>,
    ) -> io::Result<()> {
        if self.is_busy.swap(true, Ordering::AcqRel) {
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
}

/// Until it is dropped, whatever becomes of the thread.
struct BusyFolds(Folds);

impl Drop for BusyFolds {
    fn drop(&mut self) {
        self.0.is_busy.store(false, Ordering::Release);
    }
}

fn fold_all(folds: &Folds, member: &FoldingMember, shards: &[(Day, Shard)]) {
    let db = Session::new(member.address.clone()).with_long_statements(LONGEST);
    for &(day, shard) in shards {
        if !member.lease.is_valid() {
            return;
        }
        match fold(&db, &member.token, day, shard) {
            Ok(()) => folds.left.forget(day, shard),
            // It is another's by now.
            Err(Fault::Fenced) => {}
            Err(fault) => {
                let (failures, seconds) = folds.left.leave(day, shard, fault.may_pass());
                tracing::error!(%day, shard, failures, seconds, error = %fault, "what collectors have shipped cannot be added up: the domains of this part of the day wait, and it is tried again");
                if fault.may_pass() {
                    thread::sleep(PAUSE);
                }
            }
        }
    }
}
