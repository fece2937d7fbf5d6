//! `tlsrptctl status`: counts by day and status, and why what is pending is so.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tlsrptd_config::{ctl::StatusForm, reportd::Reportd};

use super::answer::Answer;
use crate::{
    error::Error,
    store::{self, OperatorAccess, StatusCount, WhyPending},
};

/// One section a table.
pub(super) fn answer(settings: &Reportd, _: StatusForm) -> Result<Answer, Error> {
    let counts = store::open_for_operator(settings, OperatorAccess::Read)?.status_counts()?;
    let sections = [
        ("Fetch jobs", &counts.jobs),
        ("Report data", &counts.data),
        ("Destinations", &counts.destinations),
    ];
    let text = sections.map(|(title, counts)| section(title, counts));
    let json =
        sections.map(|(title, counts)| (title.to_lowercase().replace(' ', "_"), list(counts)));
    Ok(Answer::new(
        text.concat() + &why_pending(counts.why_pending.as_ref()),
        Value::Object(json.into_iter().collect()),
    ))
}

fn list(counts: &[StatusCount]) -> Value {
    let row = |count: &StatusCount| {
        json!({
            "day": count.day,
            "status": count.status.as_deref().unwrap_or("pending"),
            "number": count.number,
        })
    };
    counts.iter().map(row).collect()
}

fn why_pending(why: Option<&WhyPending>) -> String {
    let line = |why: &WhyPending| {
        let WhyPending {
            tried,
            number,
            reason,
        } = why;
        format!(
            "  {tried} deliveries wait for another attempt, {number} of them failed with: {reason}\n"
        )
    };
    why.map(line).unwrap_or_default()
}

fn section(title: &str, counts: &[StatusCount]) -> String {
    let mut text = format!("{title}\n");
    if counts.is_empty() {
        text.push_str("  none\n");
    }
    for StatusCount {
        day,
        status,
        number,
    } in counts
    {
        // NULL is sys4's word for something that is still to be done.
        let status = status.as_deref().unwrap_or("pending");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {day}  {status:<10}  {number:>10}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section() {
        let count = |status: Option<&str>, number| StatusCount {
            day: "2026-11-20".into(),
            status: status.map(Into::into),
            number,
        };
        let text = section("Destinations", &[count(None, 3), count(Some("sent"), 120)]);
        assert_eq!(
            text,
            "Destinations\n  2026-11-20  pending              3\n  2026-11-20  sent               120\n"
        );
        assert_eq!(section("Fetch jobs", &[]), "Fetch jobs\n  none\n");
    }
}
