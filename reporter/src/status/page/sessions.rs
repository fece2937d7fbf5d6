//! Sessions a day: secured and failed, by policy.

use maud::{Markup, html};
use tlsrptd_proto::day::Day;

use super::{
    days::{marks, weekday},
    plot::{Plot, Series, plot},
    table::{
        ColumnKind::{Number, Text},
        table,
    },
    text::number,
};
use crate::{
    answers::{
        history::SessionHistory,
        number::{grouped, secured},
        overview::HistorySpan,
        when::policy,
    },
    store::DayTotals,
};

/// The policy types of RFC 8460, with their colours.
const POLICIES: [(&str, &str); 3] = [
    ("tlsa", "dane"),
    ("sts", "sts"),
    ("no-policy-found", "none"),
];
const DAYS_A_WEEK: u32 = 7;

/// One bar: a day, or the mean of the known days of a week.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bar {
    first: Day,
    /// Sessions and failed ones of each policy; `None`: nothing is known.
    counts: Option<[[u64; 2]; 3]>,
}

/// The section.
pub(super) fn sessions(history: &SessionHistory, span: HistorySpan) -> Markup {
    let is_weekly = span == HistorySpan::Days400;
    let bars = bars(history, is_weekly);
    let unit = if is_weekly {
        "sessions a day, mean of a week"
    } else {
        "sessions a day"
    };
    html! {
        section aria-labelledby="sessions" {
            div class="head" {
                h2 id="sessions" { "Sessions a day" }
                (spans(span))
            }
            (figures(history))
            div class="card" {
                (legend(bars.iter().any(|bar| bar.counts.is_none())))
                div class="plots" {
                    (one_plot("secured", "Secured sessions", unit, &bars, span, |[sessions, failed]| sessions.saturating_sub(failed)))
                    (one_plot("failed", "Failed sessions", unit, &bars, span, |[_, failed]| failed))
                }
                details {
                    summary { "The same as a table" }
                    (numbers(&bars, is_weekly, unit))
                }
                (known_since(history))
            }
        }
    }
}

fn spans(span: HistorySpan) -> Markup {
    html! {
        nav aria-label="Days shown" { ul class="spans" {
            @for other in HistorySpan::ALL {
                li {
                    @if other == span {
                        a href={ "/?days=" (other.days()) } aria-current="true" { (other.days()) " days" }
                    } @else {
                        a href={ "/?days=" (other.days()) } { (other.days()) " days" }
                    }
                }
            }
        } }
    }
}

fn figures(history: &SessionHistory) -> Markup {
    let last = history.days.last().filter(|of| of.day == history.to);
    let sum = |of: fn(&DayTotals) -> u64| history.days.iter().map(of).fold(0, u64::saturating_add);
    let (all, failed) = (sum(|of| of.sessions), sum(|of| of.failed));
    html! {
        ul class="figures" {
            @match last {
                Some(of) => {
                    li { b { (number(of.sessions)) } " sessions on " (of.day) }
                    li { b { (secured(of.sessions, of.failed)) } " of them secured" }
                    li { b { (number(of.failed)) } " failed" }
                    li { b { (number(of.domains)) } " domains" }
                },
                None => li { (history.to) " is not reported yet." },
            }
            @if all > 0 {
                li { b { (secured(all, failed)) } " secured in all days shown" }
            }
        }
    }
}

fn legend(has_unknown: bool) -> Markup {
    html! {
        ul class="legend" {
            @for (policy_type, class) in POLICIES {
                li { span class={ "key " (class) } {} " " (name(policy_type)) }
            }
            @if has_unknown { li { span class="key unknown" {} " not known" } }
        }
    }
}

fn name(policy_type: &str) -> &str {
    match policy_type {
        "no-policy-found" => "no policy",
        other => policy(other),
    }
}

fn known_since(history: &SessionHistory) -> Markup {
    match history.known_since {
        Some(day) if day <= history.from => html! {},
        Some(day) => html! { p class="note" { "The history begins on " (day) "." } },
        None => html! { p class="note" { "No day is remembered yet." } },
    }
}

fn one_plot(
    id: &str,
    title: &str,
    unit: &str,
    bars: &[Bar],
    span: HistorySpan,
    of: fn([u64; 2]) -> u64,
) -> Markup {
    let days: Vec<Day> = bars.iter().map(|bar| bar.first).collect();
    let unknown: Vec<bool> = bars.iter().map(|bar| bar.counts.is_none()).collect();
    let names: Vec<String> = days.iter().map(Day::to_string).collect();
    let series = POLICIES
        .iter()
        .enumerate()
        .map(|(place, (policy_type, class))| Series {
            name: name(policy_type).to_owned(),
            class,
            values: bars
                .iter()
                .map(|bar| bar.counts.map_or(0, |counts| of(counts[place])))
                .collect(),
        });
    let series: Vec<Series> = series.collect();
    html! {
        figure {
            figcaption { (title) }
            (plot(&Plot {
                id,
                title: format!("{title} a day, by policy"),
                unit,
                bars: &names,
                marks: &marks(&days, span),
                series: &series,
                unknown: &unknown,
            }))
        }
    }
}

fn numbers(bars: &[Bar], is_weekly: bool, unit: &str) -> Markup {
    let first = if is_weekly { "Week from" } else { "Day" };
    let head = [
        (first, Text),
        ("DANE secured", Number),
        ("failed", Number),
        ("MTA-STS secured", Number),
        ("failed", Number),
        ("No policy secured", Number),
        ("failed", Number),
    ];
    let rows = html! {
        @for bar in bars.iter().rev() {
            tr {
                th scope="row" class="whole" { (bar.first) }
                @match bar.counts {
                    Some(counts) => @for [sessions, failed] in counts {
                        td class="number" { (grouped(sessions.saturating_sub(failed))) }
                        td class="number" { (grouped(failed)) }
                    },
                    None => td colspan="6" { "nothing is known" },
                }
            }
        }
    };
    let caption = format!(
        "{}{}, by policy, the newest first",
        unit[..1].to_uppercase(),
        &unit[1..]
    );
    table("sessions-table", &caption, &head, rows)
}

fn counts(of: &DayTotals) -> [[u64; 2]; 3] {
    POLICIES.map(|(policy_type, _)| {
        let policies = of
            .by_policy
            .iter()
            .filter(|it| it.policy_type == policy_type);
        policies.fold([0, 0], |sum, it| [sum[0] + it.sessions, sum[1] + it.failed])
    })
}

/// Every day that was asked for, known or not; or every week that has one of them.
fn bars(history: &SessionHistory, is_weekly: bool) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut known = history.days.iter().peekable();
    let mut first = history.from;
    while first <= history.to {
        let next = match is_weekly {
            true => first.ahead(DAYS_A_WEEK - weekday(first)),
            false => first.next(),
        };
        let mut days = Vec::new();
        while let Some(of) = known.next_if(|of| of.day < next) {
            days.push(counts(of));
        }
        bars.push(Bar {
            first,
            counts: mean(&days),
        });
        first = next;
    }
    bars
}

fn mean(days: &[[[u64; 2]; 3]]) -> Option<[[u64; 2]; 3]> {
    let number = days.len() as u128;
    let mut mean = [[0; 2]; 3];
    for (policy, place) in (0..3).flat_map(|policy| [(policy, 0), (policy, 1)]) {
        let sum: u128 = days.iter().map(|of| u128::from(of[policy][place])).sum();
        mean[policy][place] = u64::try_from((sum + number / 2).checked_div(number)?).ok()?;
    }
    Some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::PolicyTotals;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn totals(at: &str, sessions: u64, failed: u64) -> DayTotals {
        let mut of = DayTotals::of(day(at));
        of.by_policy = vec![PolicyTotals {
            policy_type: "sts".to_owned(),
            sessions,
            failed,
        }];
        of
    }

    #[test]
    fn every_day_has_a_bar_and_a_week_its_mean() {
        let history = |from: &str, to: &str, days: Vec<DayTotals>| SessionHistory {
            from: day(from),
            to: day(to),
            known_since: None,
            days,
        };
        let of = |bars: &[Bar]| -> Vec<(String, Option<[u64; 2]>)> {
            bars.iter()
                .map(|bar| (bar.first.to_string(), bar.counts.map(|counts| counts[1])))
                .collect()
        };
        // 2026-11-23 is a Monday.
        let days = vec![
            totals("2026-11-21", 9, 3),
            totals("2026-11-23", 4, 0),
            totals("2026-11-24", 7, 1),
        ];
        let history = history("2026-11-20", "2026-11-24", days);
        let want = [
            ("2026-11-20", None),
            ("2026-11-21", Some([9, 3])),
            ("2026-11-22", None),
            ("2026-11-23", Some([4, 0])),
            ("2026-11-24", Some([7, 1])),
        ];
        assert_eq!(
            of(&bars(&history, false)),
            want.map(|(day, counts)| (day.to_owned(), counts))
        );
        let want = [("2026-11-20", Some([9, 3])), ("2026-11-23", Some([6, 1]))];
        assert_eq!(
            of(&bars(&history, true)),
            want.map(|(day, counts)| (day.to_owned(), counts))
        );
    }
}
