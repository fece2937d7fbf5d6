//! Words and sentences that several commands say.

use jiff::Timestamp;
use tlsrptd_config::{help::wrap, visible};
use tlsrptd_proto::day::Day;

use super::table::Width;
pub(crate) use crate::answers::when::{duration, policy};

/// Sentences of ours are no wider, on however wide a terminal.
const WIDTH: usize = 80;

/// A text in lines of 80 columns, with a line end behind the last.
pub(crate) fn wrapped(text: &str) -> String {
    indented(text, "", "")
}

/// Lines of 80 columns, the first behind `first`, the others behind `rest`. Whoever wrote the text: it begins no line.
pub(crate) fn indented(text: &str, first: &str, rest: &str) -> String {
    let text = visible::one_line(text);
    let room = match Width::of_stdout() {
        Width::Columns(columns) => columns.min(WIDTH),
        Width::Unbounded => WIDTH,
    };
    let lines = wrap(&text, room.saturating_sub(first.len().max(rest.len())));
    let begin = |number| if number == 0 { first } else { rest };
    let lines = lines.iter().enumerate();
    lines
        .map(|(number, line)| format!("{}{line}\n", begin(number)))
        .collect()
}

/// A remark where less is known than was asked for.
pub(crate) fn since(known_since: Option<Day>, from: Day) -> String {
    match known_since {
        Some(day) if day <= from => String::new(),
        Some(day) => format!("(The history begins on {day}.)\n"),
        None => wrapped(
            "(Nothing is remembered in this database: tlsrpt-reportd of tlsrptd has not reported a day in it yet.)",
        ),
    }
}

/// A time of this day or another: `11-20 03:12`.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%m-%d %H:%M").to_string()
}
