//! Bars by day, stacked, with axes: SVG that needs no script. A table with the same numbers stands beside it.

mod scale;

use std::fmt::Write as _;

use maud::{Markup, html};

use self::scale::Scale;
use crate::answers::number::{grouped, short};

/// The drawing, in its own units; the style sheet fits it to its place.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 190.0;
/// Where the axes cross, and what is left on the other sides.
const LEFT: f64 = 44.0;
const RIGHT: f64 = 6.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 24.0;
/// What is there is to be seen, however little it is.
const LEAST_HEIGHT: f64 = 0.8;
/// The part of its place that a bar fills.
const BAR: f64 = 0.82;

/// One part of each bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Series {
    /// Its name.
    pub(super) name: String,
    /// The class that gives it its colour.
    pub(super) class: &'static str,
    /// A number a bar.
    pub(super) values: Vec<u64>,
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plot<'a> {
    /// Its own on the page.
    pub(super) id: &'a str,
    /// What it shows.
    pub(super) title: String,
    /// What the vertical axis counts.
    pub(super) unit: &'a str,
    /// The name of each bar.
    pub(super) bars: &'a [String],
    /// Bars that have a mark below, and its text.
    pub(super) marks: &'a [(usize, String)],
    /// From the axis upwards.
    pub(super) series: &'a [Series],
    /// Of each bar, whether nothing is known of it: that is not the same as nothing.
    pub(super) unknown: &'a [bool],
}

impl Plot<'_> {
    fn total(&self, bar: usize) -> u64 {
        let values = self.series.iter();
        let values = values.map(|series| series.values.get(bar).copied().unwrap_or(0));
        values.fold(0, u64::saturating_add)
    }

    fn highest(&self) -> u64 {
        (0..self.bars.len())
            .map(|bar| self.total(bar))
            .max()
            .unwrap_or(0)
    }

    /// For those who cannot see it.
    fn description(&self) -> String {
        let (Some(first), Some(last)) = (self.bars.first(), self.bars.last()) else {
            return "No days.".to_owned();
        };
        let highest = self.highest();
        let at = (0..self.bars.len()).find(|bar| self.total(*bar) == highest);
        let at = at.map_or("", |bar| self.bars[bar].as_str());
        let unknown = match self.unknown.iter().filter(|unknown| **unknown).count() {
            0 => String::new(),
            number => format!(" Nothing is known of {number} of them."),
        };
        match highest {
            0 => format!("Bars from {first} to {last}: none on any day.{unknown}"),
            _ => format!(
                "Bars from {first} to {last}, the highest {} on {at}.{unknown} The table below has all numbers.",
                grouped(highest)
            ),
        }
    }

    fn place(&self) -> f64 {
        (WIDTH - LEFT - RIGHT) / as_f64(self.bars.len().max(1) as u64)
    }

    fn center(&self, bar: usize) -> f64 {
        LEFT + self.place() * (as_f64(bar as u64) + 0.5)
    }

    /// One path a series: a rectangle a bar, on top of those of the series below.
    fn paths(&self, scale: &Scale) -> Vec<String> {
        let (width, left) = (self.place() * BAR, self.place() * (1.0 - BAR) / 2.0);
        let mut tops = vec![HEIGHT - BOTTOM; self.bars.len()];
        let path = |series: &Series| {
            let mut path = String::new();
            for (bar, top) in tops.iter_mut().enumerate() {
                let value = series.values.get(bar).copied().unwrap_or(0);
                if value == 0 {
                    continue;
                }
                let height = (scale.share(value) * (HEIGHT - TOP - BOTTOM)).max(LEAST_HEIGHT);
                *top -= height;
                let x = LEFT + self.place() * as_f64(bar as u64) + left;
                let _ = write!(path, "M{x:.1} {top:.1}h{width:.2}v{height:.1}h-{width:.2}z");
            }
            path
        };
        self.series.iter().map(path).collect()
    }
}

/// The drawing.
pub(super) fn plot(plot: &Plot<'_>) -> Markup {
    let scale = Scale::of(plot.highest());
    let (title, description) = (format!("{}-title", plot.id), format!("{}-text", plot.id));
    html! {
        svg class="plot" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby={ (title) " " (description) } {
            title id=(title) { (plot.title) }
            desc id=(description) { (plot.description()) }
            text class="unit" x="2" y="11" { (plot.unit) }
            @for tick in scale.ticks() {
                @let y = HEIGHT - BOTTOM - scale.share(tick) * (HEIGHT - TOP - BOTTOM);
                path class=(if tick == 0 { "axis" } else { "grid" }) d={ "M" (LEFT) " " (rounded(y)) "H" (WIDTH - RIGHT) } {}
                text class="y" x=(LEFT - 5.0) y=(rounded(y + 3.5)) { (tick_text(tick)) }
            }
            @let unknown = unknown(plot.unknown, plot.place(), LEFT, TOP, HEIGHT - BOTTOM);
            @if !unknown.is_empty() { path class="rest" d=(unknown) { title { "not known" } } }
            @for (series, path) in plot.series.iter().zip(plot.paths(&scale)) {
                @if !path.is_empty() { path class={ "series " (series.class) } d=(path) {} }
            }
            @for (bar, mark) in plot.marks {
                @let x = rounded(plot.center(*bar));
                path class="axis" d={ "M" (x) " " (HEIGHT - BOTTOM) "v4" } {}
                text class="x" x=(x) y=(HEIGHT - BOTTOM + 15.0) { (mark) }
            }
            (when_pointed_at(plot))
        }
    }
}

/// Names and numbers of each bar, as browsers show them beside the pointer.
fn when_pointed_at(plot: &Plot<'_>) -> Markup {
    let width = rounded(plot.place());
    html! {
        g class="hits" {
            @for (bar, name) in plot.bars.iter().enumerate() {
                @if plot.total(bar) > 0 {
                    rect x=(rounded(plot.center(bar) - plot.place() / 2.0)) y=(TOP) width=(width) height=(HEIGHT - TOP - BOTTOM) {
                        title {
                            (name) ":"
                            @for series in plot.series {
                                " " (series.name) " " (short(series.values.get(bar).copied().unwrap_or(0)))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Bars that are as high as the drawing, where nothing is known.
fn unknown(unknown: &[bool], place: f64, left: f64, top: f64, bottom: f64) -> String {
    let mut path = String::new();
    for (bar, _) in unknown.iter().enumerate().filter(|(_, unknown)| **unknown) {
        let x = left + place * as_f64(bar as u64);
        let _ = write!(path, "M{x:.1} {top:.1}h{place:.2}V{bottom:.1}h-{place:.2}z");
    }
    path
}

/// A few bars without axes, for a row of a table: `label` says what they show.
pub(super) fn sparkline(values: &[u64], unknown: &[bool], label: &str) -> Markup {
    const HIGH: f64 = 20.0;
    const PLACE: f64 = 3.0;
    let highest = as_f64(values.iter().copied().max().unwrap_or(0).max(1));
    let mut path = String::new();
    for (bar, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
        let height = (as_f64(*value) / highest * HIGH).max(1.0);
        let x = PLACE * as_f64(bar as u64);
        let _ = write!(path, "M{x} {:.1}h2.2v{height:.1}h-2.2z", HIGH - height);
    }
    html! {
        svg class="spark" viewBox={ "0 0 " (PLACE * as_f64(values.len() as u64)) " " (HIGH) } role="img" aria-label=(label) {
            @let unknown = self::unknown(unknown, PLACE, 0.0, 0.0, HIGH);
            @if !unknown.is_empty() { path class="rest" d=(unknown) {} }
            path class="failed" d=(path) {}
        }
    }
}

/// A bar to the right, of so many of so many; beside a number that says it.
pub(super) fn share_bar(part: u64, whole: u64) -> Markup {
    let percent = as_f64(part) / as_f64(whole.max(1)) * 100.0;
    html! {
        svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect class="rest" width="100" height="8" {}
            rect class="failed" width=(rounded(percent.clamp(0.5, 100.0))) height="8" {}
        }
    }
}

/// Ticks are round: `5M`, not `5.00M`.
fn tick_text(tick: u64) -> String {
    let text = short(tick);
    let (digits, letter) = match text.char_indices().last() {
        Some((at, letter)) if letter.is_alphabetic() => (&text[..at], &text[at..]),
        _ => (text.as_str(), ""),
    };
    match digits.contains('.') {
        true => format!(
            "{}{letter}",
            digits.trim_end_matches('0').trim_end_matches('.')
        ),
        false => text,
    }
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// For drawing: digits beyond a float's are not to be seen.
#[expect(clippy::cast_precision_loss)]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
