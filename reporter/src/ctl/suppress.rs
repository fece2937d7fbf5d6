//! `tlsrptctl suppress add|remove|list`: what gets no reports.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};
use tlsrptd_config::{ctl::Suppress, reportd::Reportd, visible};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::answer::CommandAnswer;
use crate::{
    error::Error,
    model::{Destination, SuppressionTarget},
    store::{self, CoveredDestinations, OperatorAccess, OperatorStore, SuppressionRow},
};

/// Of what a target covers so many destinations are shown,
const COVERED_SHOWN: usize = 20;
/// and they are looked for so long.
const COVERED_TIME: Duration = Duration::from_millis(600);

/// Does it, and says so.
pub(super) fn answer(
    settings: &Reportd,
    wish: Suppress,
    today: Day,
) -> Result<CommandAnswer, Error> {
    let open = |access| store::open_for_operator(settings, access);
    match wish {
        Suppress::Add {
            target,
            until,
            reason,
        } => {
            let target = read_target(&target)?;
            let until = until.map(|until| last_day(&until, today)).transpose()?;
            let reason = visible::one_line(reason.as_deref().unwrap_or(""));
            let mut store = open(OperatorAccess::Write)?;
            let is_new = store.suppress(&target, until, &reason, today)?;
            let covered = covered(&*store, &target)?;
            let word = if is_new { "suppressed" } else { "changed" };
            let json = json!({
                "done": word,
                "target": target.as_str(),
                "until": until.map(|day| day.to_string()),
                "reason": reason,
                "covers": {
                    "destinations": covered.found,
                    "first": covered.first,
                    "is_complete": !covered.is_cut,
                },
            });
            let text = format!("{word}: {target} {}\n", end(until)) + &also(&target, &covered);
            Ok(CommandAnswer::new(text, json))
        }
        Suppress::Remove { target, domain } => {
            let target = read_target(&target)?;
            let domain = domain.as_deref().map(read_domain).transpose()?;
            let domain = domain.as_ref().map(Domain::as_str);
            let about = shown(target.as_str(), domain);
            let number = open(OperatorAccess::Write)?.unsuppress(&target, domain)?;
            let json = json!({
                "done": "removed",
                "target": target.as_str(),
                "domain": domain,
                "entries": number,
            });
            match number {
                0 => Err(Error::NotDone {
                    what: "TARGET",
                    problem: format!("{about} is not on the list"),
                }),
                1 => Ok(CommandAnswer::new(format!("removed: {about}\n"), json)),
                all => Ok(CommandAnswer::new(
                    format!("removed: {about} ({all} entries)\n"),
                    json,
                )),
            }
        }
        Suppress::List => {
            let rows = open(OperatorAccess::Read)?.suppressed(today)?;
            let json = json!({ "suppressed": rows.iter().map(entry).collect::<Vec<_>>() });
            Ok(CommandAnswer::new(show(&rows), json))
        }
    }
}

/// Destinations of the stored reports that the target covers.
fn covered(
    store: &dyn OperatorStore,
    target: &SuppressionTarget,
) -> Result<CoveredDestinations, Error> {
    let name = target.name();
    let covers = |destination: &Destination| {
        // To parse all that millions of reports went to would take seconds. What is encoded has to be parsed to be known.
        let uri = destination.uri();
        let may_be = !uri.is_ascii()
            || uri.contains('%')
            || uri.to_ascii_lowercase().contains(name.as_str());
        may_be
            && destination
                .suppression_targets()
                .any(|covering| covering == *target)
    };
    Ok(store.covered(&covers, COVERED_SHOWN, COVERED_TIME)?)
}

/// What a target covers beside its own text, as far as stored reports name it.
fn also(target: &SuppressionTarget, covered: &CoveredDestinations) -> String {
    let others = covered.first.iter().filter(|uri| *uri != target.as_str());
    let others: Vec<&str> = others.map(String::as_str).collect();
    let itself = covered.first.len() - others.len();
    let number = covered.found - u64::try_from(itself).unwrap_or(0);
    let cut = "the stored destinations are too many to look at all of them\n";
    if number == 0 {
        let said = if covered.is_cut { cut } else { "" };
        return said.to_owned();
    }
    let mut text = String::from("covers also, of what stored reports went to:\n");
    for uri in &others {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}", visible::one_line(uri));
    }
    let more = number - u64::try_from(others.len()).unwrap_or(0);
    if more > 0 {
        let _ = writeln!(text, "  and {more} more");
    }
    if covered.is_cut {
        text.push_str(cut);
    }
    text
}

fn entry(row: &SuppressionRow) -> Value {
    json!({
        "target": row.target,
        "domain": row.domain,
        "until": row.until,
        "since": row.since,
        "by": row.by,
        "times": row.times,
        "reason": row.reason,
    })
}

fn read_target(text: &str) -> Result<SuppressionTarget, Error> {
    SuppressionTarget::parse(text).map_err(|error| fault("TARGET", error.to_string()))
}

fn read_domain(text: &str) -> Result<Domain, Error> {
    Domain::parse(text).map_err(|error| fault("--domain", error.to_string()))
}

/// A destination, and the domain whose reports it gets none of.
fn shown(target: &str, domain: Option<&str>) -> String {
    match domain {
        Some(domain) => format!("{target} for {domain}"),
        None => target.to_owned(),
    }
}

fn last_day(text: &str, today: Day) -> Result<Day, Error> {
    let allowed = format!("(allowed: YYYY-MM-DD, from today, {today} UTC)");
    match Day::parse(text) {
        Ok(day) if day < today => Err(fault("--until", format!("{day} has passed {allowed}"))),
        Ok(day) => Ok(day),
        Err(_) => Err(fault("--until", format!("{text:?} is no date {allowed}"))),
    }
}

fn fault(what: &'static str, problem: String) -> Error {
    Error::Argument { what, problem }
}

fn end(until: Option<impl std::fmt::Display>) -> String {
    match until {
        Some(day) => format!("until {day}"),
        None => "until removed".to_owned(),
    }
}

/// One line an entry, each with all that there is to know: so it can be searched.
fn show(rows: &[SuppressionRow]) -> String {
    let about: Vec<String> = rows
        .iter()
        .map(|row| shown(&row.target, row.domain.as_deref()))
        .collect();
    let width = about.iter().map(|about| about.chars().count()).max();
    let Some(width) = width else {
        return "nothing is suppressed\n".to_owned();
    };
    let mut text = String::new();
    for (row, about) in rows.iter().zip(&about) {
        let until = end(row.until.as_ref());
        let by = match row.by.as_str() {
            "refusals" => format!("refusals (time {})", row.times),
            other => other.to_owned(),
        };
        let line = format!(
            "{about:<width$}  {until:<16}  since {}  by {by:<17}  {}",
            row.since,
            visible::one_line(&row.reason)
        );
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_target_covers_beside_itself() {
        let target = SuppressionTarget::parse("mailto:a@b.example").unwrap();
        let covered = |first: &[&str], found, is_cut| CoveredDestinations {
            first: first.iter().map(|uri| (*uri).to_owned()).collect(),
            found,
            is_cut,
        };
        for (covered, want, why) in [
            (covered(&[], 0, false), "", "nothing is stored"),
            (covered(&["mailto:a@b.example"], 1, false), "", "itself"),
            (
                covered(&["mailto:A@b.example", "mailto:a@b.example"], 2, false),
                "covers also, of what stored reports went to:\n  mailto:A@b.example\n",
                "another spelling",
            ),
            (
                covered(&["https://b.example/\u{202e}"], 9, true),
                "covers also, of what stored reports went to:\n  https://b.example/\\u{202e}\n  and 8 more\n\
                 the stored destinations are too many to look at all of them\n",
                "more than is shown, and more than was looked at",
            ),
            (
                covered(&[], 0, true),
                "the stored destinations are too many to look at all of them\n",
                "none so far",
            ),
        ] {
            assert_eq!(also(&target, &covered), want, "{why}");
        }
    }

    #[test]
    fn one_line_an_entry() {
        let row =
            |target: &str, until: Option<&str>, by: &str, times, reason: &str| SuppressionRow {
                target: target.into(),
                domain: (by == "refusals").then(|| "example.org".into()),
                until: until.map(Into::into),
                since: "2026-11-20".into(),
                by: by.into(),
                times,
                reason: reason.into(),
            };
        assert_eq!(show(&[]), "nothing is suppressed\n");
        assert_eq!(
            show(&[
                row(".example.com", None, "operator", 0, ""),
                row(
                    "mailto:tls@example.net",
                    Some("2026-12-04"),
                    "refusals",
                    2,
                    "550 no\r\nsuch user"
                ),
            ]),
            ".example.com                            until removed     since 2026-11-20  by operator\n\
             mailto:tls@example.net for example.org  until 2026-12-04  since 2026-11-20  by refusals (time 2)  550 no such user\n"
        );
    }

    #[test]
    fn the_last_day() {
        let today = Day::parse("2026-11-22").unwrap();
        for (text, want, why) in [
            ("2026-11-22", Ok("2026-11-22"), "today"),
            ("2027-01-01", Ok("2027-01-01"), "later"),
            (
                "2026-11-21",
                Err(
                    "--until: 2026-11-21 has passed (allowed: YYYY-MM-DD, from today, 2026-11-22 UTC)",
                ),
                "it would have no effect",
            ),
            ("tomorrow", Err("(allowed: YYYY-MM-DD"), "no date"),
        ] {
            match (last_day(text, today), want) {
                (Ok(day), Ok(want)) => assert_eq!(day.to_string(), want, "{why}"),
                (Err(error), Err(want)) => {
                    assert!(error.to_string().contains(want), "{why}: {error}")
                }
                (got, _) => panic!("{text}: {why}: {got:?}"),
            }
        }
    }
}
