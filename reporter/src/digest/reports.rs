//! How the reports fared, for people.

use super::{
    count,
    wrap::{COLUMNS, cut, paragraph},
};
use crate::{answers::digest::Digest, store::DayTotals};

/// Days of the table.
const LEAST_REASON: u64 = 1;
/// Destinations that are named.
const MAX_NAMED: usize = 10;
/// Reasons that are named.
const MAX_REASONS: usize = 5;

pub(super) fn reports(digest: &Digest) -> String {
    if digest.reports.is_empty() {
        return paragraph("None was made.", "  ");
    }
    let mut out = format!(
        "  {:<10}{:>8}{:>8}{:>8}{:>8}{:>8}{:>11}\n",
        "Day", "Reports", "Sent", "Wait", "Refused", "Others", "Suppressed"
    );
    for day in &digest.reports {
        out.push_str(&row(day));
    }
    out.push('\n');
    let waiting = digest.reports.iter().map(DayTotals::waiting).sum::<u64>();
    if waiting > 0 {
        let text = format!(
            "{} for its time, or for another attempt: the reports of a day go out spread over the next.",
            match waiting {
                1 => "One delivery waits".to_owned(),
                many => format!("{many} deliveries wait, each"),
            }
        );
        out.push_str(&paragraph(&text, "  "));
    }
    out.push_str(&without(digest));
    out.push_str(&named(digest));
    out
}

/// Whom the records of others name, and who got fewer reports than that for it.
fn named(digest: &Digest) -> String {
    let mut out = String::new();
    for one in digest.named.iter().take(MAX_NAMED) {
        let text = match one.suspect_since {
            Some(_) => format!(
                "Look: {one}. `tlsrptctl suppress add {name}` ends these reports; `known_destinations = {name}` says that it wants them.",
                name = one.name
            ),
            None => format!(
                "{} left out by max_reports_per_destination: {one}.",
                count(one.left_out, "report")
            ),
        };
        out.push_str(&paragraph(&text, "  "));
    }
    let more = digest.named.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        let text = format!(
            "And {more} more: `tlsrptctl deliveries DAY --status suppressed` has what was left out."
        );
        out.push_str(&paragraph(&text, "  "));
    }
    out
}

fn row(day: &DayTotals) -> String {
    let of = |status: &str| day.ended(status);
    let (sent, refused, suppressed) = (of("sent"), of("refused"), of("suppressed"));
    let ended: u64 = day.outcomes.iter().map(|of| of.deliveries).sum();
    let others = ended.saturating_sub(sent + refused + suppressed);
    format!(
        "  {:<10}{:>8}{sent:>8}{:>8}{refused:>8}{others:>8}{suppressed:>11}\n",
        day.day.to_string(),
        day.reports,
        day.waiting(),
    )
}

/// Who got no report, and why.
fn without(digest: &Digest) -> String {
    let meant = digest
        .reports
        .iter()
        .filter(|day| day.day >= digest.period.first());
    let reasons: Vec<(&str, u64)> = meant.flat_map(|day| &day.without_reasons).fold(
        Vec::new(),
        |mut sums: Vec<(&str, u64)>, of| {
            match sums.iter_mut().find(|(reason, _)| *reason == of.reason) {
                Some((_, domains)) => *domains += of.domains,
                None => sums.push((&of.reason, of.domains)),
            }
            sums
        },
    );
    let mut reasons: Vec<_> = reasons
        .into_iter()
        .filter(|(_, domains)| *domains >= LEAST_REASON)
        .collect();
    if reasons.is_empty() {
        return String::new();
    }
    reasons.sort_by_key(|(_, domains)| std::cmp::Reverse(*domains));
    let mut out = paragraph("Without a report, and why:", "  ");
    for (reason, domains) in reasons.iter().take(MAX_REASONS) {
        let domains = count(*domains, "domain");
        out.push_str(&format!(
            "    {}\n",
            cut(&format!("{reason}: {domains}"), COLUMNS - 4)
        ));
    }
    out
}
