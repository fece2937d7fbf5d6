//! What failed when we sent.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tlsrptd_config::ctl::{FailuresScope, Meanings};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::explain::{EXPLANATIONS, Explanation, UNKNOWN, explain};
use crate::store::{FailureQuestion, FailureRow, OperatorStore, StoreError};

/// What did not fail in so many days before is new.
const NEW_AFTER_DAYS: u32 = 7;

/// Which failures are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailuresQuery {
    /// The last day.
    pub to: Day,
    /// So many days.
    pub days: u32,
    /// Of this domain alone.
    pub domain: Option<Domain>,
    /// All, or what is new.
    pub scope: FailuresScope,
    /// Whether with what they mean.
    pub meanings: Meanings,
    /// At most so many rows.
    pub limit: usize,
}

/// Those that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// The first day.
    pub from: Day,
    /// What was asked.
    pub question: FailuresQuery,
    /// The first day of which anything is known.
    pub known_since: Option<Day>,
    /// The most sessions first.
    pub rows: Vec<FailureRow>,
    /// What was folded: sessions that no row names.
    pub folded_sessions: u64,
    /// Whether there are more rows.
    pub more: bool,
}

impl Failures {
    /// Looks for them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(
        store: &dyn OperatorStore,
        question: FailuresQuery,
    ) -> Result<Failures, StoreError> {
        let from = question.to.back(question.days.saturating_sub(1));
        let new_since = match question.scope {
            FailuresScope::All => None,
            FailuresScope::New => Some(from.back(NEW_AFTER_DAYS)),
        };
        let found = store.failures(&FailureQuestion {
            from,
            to: question.to,
            domain: question.domain.as_ref().map(ToString::to_string),
            new_since,
            limit: question.limit.saturating_add(1),
        })?;
        let (mut rows, folded): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|row| row.domain.is_some());
        let more = rows.len() > question.limit;
        rows.truncate(question.limit);
        Ok(Failures {
            from,
            known_since: store.first_day()?,
            rows,
            folded_sessions: folded
                .iter()
                .fold(0, |sum, row| sum.saturating_add(row.sessions)),
            more,
            question,
        })
    }

    /// What the result types that occur mean, in the order of the RFC, and then those that it does not have; empty unless
    /// that was asked.
    pub fn meanings(&self) -> Vec<&'static Explanation> {
        if self.question.meanings == Meanings::LeftOut {
            return Vec::new();
        }
        let types: BTreeSet<&str> = self
            .rows
            .iter()
            .map(|row| row.result_type.as_str())
            .collect();
        let known = EXPLANATIONS.iter();
        let mut found: Vec<&Explanation> = known
            .filter(|explanation| types.contains(explanation.result_type))
            .collect();
        if found.len() < types.len() {
            found.push(&UNKNOWN);
        }
        found
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let mut json = json!({
            "from": self.from.to_string(),
            "to": self.question.to.to_string(),
            "domain": self.question.domain.as_ref().map(Domain::as_str),
            "only_new": self.question.scope == FailuresScope::New,
            "known_since": self.known_since.map(|day| day.to_string()),
            "failures": self.rows.iter().map(row).collect::<Vec<_>>(),
            "more": self.more,
            "folded_sessions": self.folded_sessions,
        });
        if self.question.meanings == Meanings::Told {
            json["explanations"] = self.meanings().into_iter().map(meaning).collect();
        }
        json
    }
}

fn row(row: &FailureRow) -> Value {
    json!({
        "domain": row.domain,
        "mx": row.mx,
        "address": row.address,
        "policy_type": row.policy_type,
        "result_type": row.result_type,
        "reason_code": row.reason_code,
        "sessions": row.sessions,
        "first_day": row.first_day.to_string(),
        "last_day": row.day.to_string(),
        "days": row.days,
        "fault": explain(&row.result_type).fault.as_str(),
    })
}

fn meaning(explanation: &Explanation) -> Value {
    json!({
        "result_type": explanation.result_type,
        "meaning": explanation.meaning,
        "fault": explanation.fault.as_str(),
        "unless": explanation.unless,
        "action": explanation.action,
        "letter": explanation.letter,
    })
}
