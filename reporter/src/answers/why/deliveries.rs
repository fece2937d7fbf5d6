//! What became of one report at each of its destinations.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tlsrptd_config::visible;

use super::{MOST_NAMED, Why, number};
use crate::{
    answers::{status::QueueStatus, when::when},
    store::DeliveryState,
};

/// A delivery that is due for so long waits for something that its row does not tell.
const OVERDUE: SignedDuration = SignedDuration::from_mins(15);

pub(super) fn tell(name: &str, deliveries: &[DeliveryState], why: &Why, clauses: &mut Vec<String>) {
    if deliveries.is_empty() {
        clauses.push(format!("{name} has no destination"));
    }
    let told = deliveries.iter().take(MOST_NAMED);
    clauses.extend(told.map(|delivery| one(name, delivery, why)));
    if deliveries.len() > MOST_NAMED {
        clauses.push(rest(&deliveries[MOST_NAMED..]));
    }
}

fn one(name: &str, delivery: &DeliveryState, why: &Why) -> String {
    let to = visible::one_line(delivery.destination.uri());
    let reason = delivery.reason.as_deref().map(visible::one_line);
    let reason = reason.filter(|reason| !reason.is_empty());
    let said = reason
        .as_ref()
        .map_or(String::new(), |reason| format!(" ({reason})"));
    // The time of an end stands in our rows only, and these have a reason.
    let at = delivery.next.filter(|_| reason.is_some());
    let at = at.map_or(String::new(), |at| format!(" at {}", when(at)));
    match delivery.status.as_deref() {
        None => {
            let text = waiting(name, &to, &said, delivery, why.now);
            text + &throttled(delivery, &why.throttled)
        }
        Some("sent") => format!("{name} was sent to {to}{at}{said}"),
        Some("refused") => {
            format!("{name} was refused by {to}{at}{said} and is not sent there again")
        }
        Some("timedout") => format!("{name} to {to} was given up{at}{said}"),
        Some("suppressed") => {
            format!("{name} was not sent to {to}, which is on the suppression list{said}")
        }
        Some("expired") => format!("{name} to {to} became too old to be sent{said}"),
        Some("unknownrua") => {
            format!("{name} was not sent to {to}: nobody can deliver to that scheme")
        }
        Some(word) => format!("{name} to {to} ended as {word}, which another program wrote{said}"),
    }
}

fn waiting(name: &str, to: &str, said: &str, delivery: &DeliveryState, now: Timestamp) -> String {
    if let Some(started) = delivery.started {
        return format!(
            "{name} is on its way to {to} since {}, without an answer so far",
            when(started)
        );
    }
    let next = delivery.next;
    let overdue = next.is_some_and(|next| now.duration_since(next) > OVERDUE);
    let at = next.map_or("soon".to_owned(), |next| format!("at {}", when(next)));
    let late = match overdue {
        true => {
            ", which has passed: tlsrpt-reportd does not run, or holds back what goes there (tlsrptctl status)"
        }
        false => "",
    };
    match (delivery.failures, said) {
        (0, "") => match overdue {
            true => format!("{name} was due to go to {to} {at}{late}"),
            false => format!("{name} will go to {to} {at}"),
        },
        (0, said) => format!("{name} to {to} waits{said}, and is tried again {at}{late}"),
        (failures, said) => {
            let failures = number(failures, "failed attempt");
            format!("{name} to {to} waits after {failures}{said}, and is tried again {at}{late}")
        }
    }
}

/// What the running reporter says of its queue.
fn throttled(delivery: &DeliveryState, throttled: &[QueueStatus]) -> String {
    let key = delivery.destination.queue().to_string();
    let Some(queue) = throttled.iter().find(|queue| queue.key == key) else {
        return String::new();
    };
    let until = queue
        .throttled_until
        .map_or(String::new(), |until| format!(" until {}", when(until)));
    let reason = visible::one_line(queue.reason.as_deref().unwrap_or_default());
    let reason = if reason.is_empty() {
        reason
    } else {
        format!(" ({reason})")
    };
    format!(", while all that goes there is held back{until}{reason}")
}

/// Destinations that are not named, counted by status.
fn rest(deliveries: &[DeliveryState]) -> String {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for delivery in deliveries {
        let word = delivery.status.as_deref().unwrap_or("waiting");
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    format!(
        "of {} more destinations: {}",
        deliveries.len(),
        counts.join(", ")
    )
}

pub(super) fn json(delivery: &DeliveryState) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let is_waiting = delivery.status.is_none();
    json!({
        "destination": delivery.destination.uri(),
        "status": delivery.status.as_deref().unwrap_or("waiting"),
        "failed_attempts": delivery.failures,
        "answer": delivery.reason,
        "first_attempt": time(delivery.first),
        "next_attempt": time(delivery.next.filter(|_| is_waiting)),
        "ended": time(delivery.next.filter(|_| !is_waiting && delivery.reason.is_some())),
    })
}
