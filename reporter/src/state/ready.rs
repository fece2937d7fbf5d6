//! Which lanes have something due.
//!
//! A million deliveries may be due for one slow receiver, and one for another. Every row is looked at once when it
//! becomes due, and then only through its lane: neither does a backlog hide others, nor is it read again and again.

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;
use rusqlite::Connection;

use super::text;

const PENDING: &str = "status IS NULL AND tlsrptd_started IS NULL";

/// Lanes whose rows up to the watermark may be waiting.
#[derive(Debug, Default)]
pub(super) struct Ready {
    watermark: Option<Timestamp>,
    queue: VecDeque<String>,
    queued: HashSet<String>,
    /// Passed over until they are free.
    held: HashSet<String>,
}

impl Ready {
    /// A row was added; rows that are due later are found when the time comes.
    pub(super) fn added(&mut self, lane: &str, due: Timestamp) {
        if self.watermark.is_some_and(|watermark| due <= watermark) {
            self.push(lane.to_owned());
        }
    }

    /// Nothing of that lane is picked.
    pub(super) fn hold(&mut self, lane: &str) {
        self.held.insert(lane.to_owned());
    }

    /// It is picked again; it may have something due.
    pub(super) fn free(&mut self, lane: String) {
        self.held.remove(&lane);
        self.push(lane);
    }

    /// All lanes may have something due.
    pub(super) fn look_anew(&mut self) {
        self.watermark = None;
    }

    /// Picks due rows, so many in all, and so many of a lane as there is room for; lanes take turns.
    pub(super) fn pick(
        &mut self,
        db: &Connection,
        now: Timestamp,
        limit: usize,
        room: impl Fn(&str) -> usize,
    ) -> rusqlite::Result<Vec<(String, i64)>> {
        self.look(db, now)?;
        let mut select = db.prepare_cached(&format!(
            "SELECT destination, d_r_id FROM destinations WHERE {PENDING} AND tlsrptd_lane = ?1 AND nexttry <= ?2 \
             AND EXISTS (SELECT 1 FROM reports WHERE r_id = d_r_id) ORDER BY nexttry LIMIT ?3"
        ))?;
        let at = text::nexttry(now);
        let mut picked = Vec::new();
        for _ in 0..self.queue.len() {
            let Some(lane) = self.queue.pop_front() else {
                break;
            };
            if self.held.contains(&lane) {
                self.queued.remove(&lane);
                continue;
            }
            let room = room(&lane).min(limit - picked.len());
            let before = picked.len();
            if room > 0 {
                let rows = select.query_map(
                    (&lane, &at, i64::try_from(room).unwrap_or(i64::MAX)),
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )?;
                for row in rows {
                    picked.push(row?);
                }
            }
            if picked.len() - before < room {
                self.queued.remove(&lane);
            } else {
                self.queue.push_back(lane);
            }
            if picked.len() == limit {
                break;
            }
        }
        Ok(picked)
    }

    /// Finds the lanes of what has become due since the last look.
    fn look(&mut self, db: &Connection, now: Timestamp) -> rusqlite::Result<()> {
        let since = self.watermark.map(text::nexttry).unwrap_or_default();
        let mut select = db.prepare_cached(&format!(
            "SELECT DISTINCT tlsrptd_lane FROM destinations WHERE {PENDING} AND nexttry > ?1 AND nexttry <= ?2 \
             AND tlsrptd_lane IS NOT NULL"
        ))?;
        let lanes: Vec<String> = select
            .query_map((since, text::nexttry(now)), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        lanes.into_iter().for_each(|lane| self.push(lane));
        // A clock that was set back: what is not due any more will be due again.
        self.watermark = Some(now);
        Ok(())
    }

    fn push(&mut self, lane: String) {
        if !self.held.contains(&lane) && self.queued.insert(lane.clone()) {
            self.queue.push_back(lane);
        }
    }
}
