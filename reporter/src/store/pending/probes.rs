//! Mails that a relay has seen and not taken, while it takes none.
//!
//! Then one delivery at a time probes it. A relay that greylists takes no mail that it sees for the first time, so among a
//! thousand due mails the next one is always the wrong probe: every other probe is a mail that the relay has seen. Not every
//! one: that mail may be the reason why the relay refuses.

use std::collections::{BTreeMap, HashMap};

use super::Candidate;
use crate::model::QueueKey;

/// At most this number is remembered: the first ones, which the relay has known longest.
const REMEMBERED: usize = 64;

/// By queue.
#[derive(Debug, Default)]
pub(super) struct RelayProbes(HashMap<QueueKey, SeenMails>);

#[derive(Debug, Default)]
struct SeenMails {
    /// When each is due, by the row of its report.
    due: BTreeMap<i64, i64>,
    /// The last probe was one of these.
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

    /// The next probe, of a queue that is probed.
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

    /// These were picked from the window.
    pub(super) fn passed(&mut self, picked: &[Candidate]) {
        for candidate in picked {
            if let Some(seen) = self.0.get_mut(&candidate.queue) {
                seen.due.remove(&candidate.r_id);
            }
        }
        self.0.retain(|_, seen| !seen.due.is_empty() || seen.asked);
    }
}
