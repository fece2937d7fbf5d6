//! Tables for people: aligned columns under a head.
//!
//! At a terminal a line is as wide as it, and at least 80 columns are counted on; what does not fit is cut with an ellipsis. In a
//! pipe nothing is cut: who searches finds all.

use std::io::{self, IsTerminal as _};

use tlsrptd_config::visible;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Between two columns.
const GAP: &str = "  ";
/// In a pipe one long name does not move all the others.
const MOST_PADDING: usize = 48;
/// What does not fit is taken from names that are longer than this,
const LONG_NAME: usize = 40;
/// then from the last column until so much of it is left,
const LEAST_OF_LAST: usize = 26;
/// then from the widest of the others,
const LEAST_OF_OTHERS: usize = 20;
/// then from whichever is the widest.
const LEAST: usize = 8;
const ELLIPSIS: char = '…';

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words, which are cut where they do not fit.
    Left,
    /// Words of ours, which are not.
    Whole,
    /// Numbers.
    Right,
}

/// How much fits into a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// Nothing is cut.
    Unbounded,
    /// So many columns.
    Columns(usize),
}

impl Width {
    /// That of standard output.
    pub(crate) fn of_stdout() -> Width {
        let out = io::stdout();
        if !out.is_terminal() {
            return Width::Unbounded;
        }
        let size = terminal_size::terminal_size_of(out);
        // A serial line does not say: the usual.
        let columns = size.map_or(80, |(width, _)| usize::from(width.0));
        Width::Columns(if columns == 0 { 80 } else { columns.max(40) })
    }
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    heads: Vec<String>,
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Without rows, with these columns.
    pub(crate) fn new(columns: &[(&str, Align)]) -> Table {
        Table {
            heads: columns.iter().map(|(head, _)| (*head).to_owned()).collect(),
            aligns: columns.iter().map(|(_, align)| *align).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, a cell a column. Whoever wrote a cell: it stays on its line, and nothing in it hides.
    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells = cells.into_iter();
        let row: Vec<String> = cells.map(|cell| visible::one_line(cell.as_ref())).collect();
        debug_assert_eq!(row.len(), self.heads.len(), "a cell a column");
        self.rows.push(row);
    }

    /// As it fits standard output.
    pub(crate) fn text(&self) -> String {
        self.text_at(Width::of_stdout())
    }

    /// As it fits there.
    pub(crate) fn text_at(&self, width: Width) -> String {
        let widths = self.widths(width);
        let lines = std::iter::once(&self.heads).chain(&self.rows);
        lines
            .map(|cells| self.line(cells, &widths, width))
            .collect()
    }

    fn widths(&self, width: Width) -> Vec<usize> {
        let widest = |column: usize| {
            let cells = std::iter::once(&self.heads).chain(&self.rows);
            let widths = cells
                .filter_map(|cells| cells.get(column))
                .map(|cell| cell.width());
            widths.max().unwrap_or_default()
        };
        let mut widths: Vec<usize> = (0..self.heads.len()).map(widest).collect();
        match width {
            Width::Unbounded => widths
                .iter_mut()
                .for_each(|width| *width = (*width).min(MOST_PADDING)),
            Width::Columns(columns) => self.shrink(&mut widths, columns),
        }
        widths
    }

    fn shrink(&self, widths: &mut [usize], columns: usize) {
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let room = columns.saturating_sub(gaps);
        let last = widths.len().saturating_sub(1);
        let of_last = |column: usize| column == last;
        // One long name does not take the last column's room from all rows.
        self.take_from(widths, room, LONG_NAME, |column| !of_last(column));
        self.take_from(widths, room, LEAST_OF_LAST, of_last);
        self.take_from(widths, room, LEAST_OF_OTHERS, |column| !of_last(column));
        self.take_from(widths, room, LEAST, |_| true);
    }

    /// Makes the widest of these columns narrower until all have room.
    fn take_from(
        &self,
        widths: &mut [usize],
        room: usize,
        least: usize,
        among: impl Fn(usize) -> bool,
    ) {
        while widths.iter().sum::<usize>() > room {
            let words = (0..widths.len()).filter(|column| self.aligns[*column] == Align::Left);
            let wide = words.filter(|column| among(*column) && widths[*column] > least);
            let Some(widest) = wide.max_by_key(|column| widths[*column]) else {
                return;
            };
            widths[widest] -= 1;
        }
    }

    fn line(&self, cells: &[String], widths: &[usize], width: Width) -> String {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            if column > 0 {
                line.push_str(GAP);
            }
            let (align, room) = (self.aligns[column], widths[column]);
            let cell = match width {
                Width::Columns(_) if align == Align::Left => cut(cell, room),
                _ => cell.clone(),
            };
            let padding = " ".repeat(room.saturating_sub(cell.width()));
            match align {
                Align::Left | Align::Whole => line.extend([cell, padding]),
                Align::Right => line.extend([padding, cell]),
            }
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// As much of it as fits, and an ellipsis.
pub(crate) fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(1);
        if used > room {
            break;
        }
        kept.push(c);
    }
    kept.push(ELLIPSIS);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 3]]) -> Table {
        let mut table = Table::new(&[
            ("DOMAIN", Align::Left),
            ("SESSIONS", Align::Right),
            ("REASON", Align::Left),
        ]);
        rows.iter().for_each(|row| table.row(row));
        table
    }

    #[test]
    fn cells_stand_under_their_heads() {
        let long = "a-very-long-name-of-a-host.example.com";
        let reason = "550 5.7.1 we do not like this at all, go away";
        for (rows, width, want, why) in [
            (
                vec![["a.test", "12", "no"], ["bb.test", "1000000", ""]],
                Width::Unbounded,
                "DOMAIN   SESSIONS  REASON\na.test         12  no\nbb.test   1000000\n",
                "words to the left, numbers to the right, no blanks at the end",
            ),
            (
                vec![["a.test", "1", reason]],
                Width::Columns(43),
                "DOMAIN  SESSIONS  REASON\na.test         1  550 5.7.1 we do not like…\n",
                "the last column is cut first",
            ),
            (
                vec![[long, "1", reason]],
                Width::Columns(60),
                "DOMAIN                  SESSIONS  REASON\na-very-long-name-of-a…         1  550 5.7.1 we do not like …\n",
                "then the widest",
            ),
            (
                vec![["漢字.test", "1", "x"], ["a.test", "2", "y"]],
                Width::Unbounded,
                "DOMAIN     SESSIONS  REASON\n漢字.test         1  x\na.test            2  y\n",
                "characters of two columns",
            ),
            (
                vec![["a\nb\x1b[31m\u{202e}", "1", "x"]],
                Width::Unbounded,
                "DOMAIN            SESSIONS  REASON\na b [31m\\u{202e}         1  x\n",
                "nothing hides, and nothing begins a line",
            ),
        ] {
            assert_eq!(table(&rows).text_at(width), want, "{why}");
        }
    }

    #[test]
    fn a_pipe_gets_all_of_it() {
        let name = "x".repeat(200);
        let shown = table(&[[&name, "1", &name], ["a.test", "2", "y"]]).text_at(Width::Unbounded);
        assert!(
            shown.contains(&format!("{name}         1  {name}\n")),
            "{shown}"
        );
        let short = shown.lines().last().unwrap();
        assert!(short.len() < 80, "and does not move the others: {short}");
    }

    #[test]
    fn what_is_cut_fits() {
        for (text, room, want, why) in [
            ("abc", 3, "abc", "it fits"),
            ("abcd", 3, "ab…", "it does not"),
            ("漢字漢", 4, "漢…", "half a character is none"),
        ] {
            assert_eq!(cut(text, room), want, "{why}");
        }
    }
}
