//! Mails that a relay has seen and not taken, while it takes none.
//!
//! Then one attempt at a time asks whether it does again. A relay that greylists takes none that it sees for the first time,
//! so that of a thousand that are due the next one is never the right one to ask with: every other time it is one that the
//! relay knows. Not each time: one of those may be what it does not like.

use std::collections::{BTreeMap, HashMap};

use super::Candidate;
use crate::model::QueueKey;

/// So many are remembered: the first ones, which it has known longest.
const REMEMBERED: usize = 64;

/// By queue.
#[derive(Debug, Default)]
pub(super) struct RelayProbes(HashMap<QueueKey, SeenMails>);

#[derive(Debug, Default)]
struct SeenMails {
    /// When each is due, by the row of its report.
    due: BTreeMap<i64, i64>,
    /// It was one of these that asked last.
    asked: bool,
}

impl RelayProbes {
    /// One was seen, and is due again then.
    pub(super) fn add(&mut self, queue: &QueueKey, due: i64, r_id: i64) {
        let seen = self.0.entry(queue.clone()).or_default();
        if seen.due.len() < REMEMBERED || seen.due.contains_key(&r_id) {
            seen.due.insert(r_id, due);
        }
    }

    /// One that is to ask next, of a queue where one at a time asks.
    pub(super) fn pick(&mut self, queue: &QueueKey, now: i64) -> Option<Candidate> {
        let seen = self.0.get_mut(queue)?;
        if std::mem::take(&mut seen.asked) {
            return None;
        }
        let due = seen.due.iter().map(|(r_id, due)| (*due, *r_id));
        let (due, r_id) = due.filter(|(due, _)| *due <= now).min()?;
        seen.asked = true;
        Some(Candidate {
            queue: queue.clone(),
            due,
            r_id,
        })
    }

    /// These were picked in their turn.
    pub(super) fn passed(&mut self, picked: &[Candidate]) {
        for candidate in picked {
            if let Some(seen) = self.0.get_mut(&candidate.queue) {
                seen.due.remove(&candidate.r_id);
            }
        }
        self.0.retain(|_, seen| !seen.due.is_empty() || seen.asked);
    }
}
