//! What waits, and why: added up from rows of an engine's, the oldest deliveries.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Backlog, SharedReason};

/// So many are looked at: some hundredths of a second.
pub(super) const LOOKED_AT: u32 = 20_000;

/// What is known of the rows so far.
pub(super) struct BacklogSums {
    late: Timestamp,
    backlog: Backlog,
    /// By the reason without names: how many, and the words of one.
    kinds: HashMap<String, (u64, String)>,
}

impl BacklogSums {
    /// `late`: see [`DeliveriesView::backlog`](super::DeliveriesView::backlog).
    pub(super) fn new(late: Timestamp) -> BacklogSums {
        BacklogSums {
            late,
            backlog: Backlog::default(),
            kinds: HashMap::new(),
        }
    }

    /// A delivery that is due then. With a reason it was tried, since `first`.
    pub(super) fn add(
        &mut self,
        due: Option<Timestamp>,
        reason: Option<String>,
        first: Option<Timestamp>,
    ) {
        let (backlog, late) = (&mut self.backlog, self.late);
        backlog.looked_at += 1;
        backlog.next_due = earlier(backlog.next_due, due);
        if let Some(due) = due.filter(|due| *due < late) {
            backlog.late += 1;
            backlog.late_since = earlier(backlog.late_since, Some(due));
        }
        let Some(reason) = reason else {
            return;
        };
        backlog.tried += 1;
        // While the relay takes nothing, no first attempt is recorded.
        backlog.tried_long += u64::from(first.is_some_and(|first| first < late));
        backlog.tried_since = earlier(backlog.tried_since, first);
        let kind = self.kinds.entry(without_names(&reason));
        kind.or_insert((0, reason)).0 += 1;
    }

    /// How many were looked at.
    pub(super) fn looked_at(&self) -> u64 {
        self.backlog.looked_at
    }

    /// What they say together, of so many that wait.
    pub(super) fn end(mut self, waiting: u64) -> Backlog {
        self.backlog.waiting = waiting;
        // Deterministic if several are equally frequent.
        let reason = self.kinds.into_values().max();
        self.backlog.reason =
            reason.map(|(deliveries, reason)| SharedReason { deliveries, reason });
        self.backlog
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().min()
}

/// A reply without the addresses that it names, so that the same reply counts as one.
fn without_names(reason: &str) -> String {
    let mut parts = reason.split('<');
    let mut kind = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kind.push_str("<>");
        kind.push_str(part.split_once('>').map_or("", |(_, rest)| rest));
    }
    kind
}
