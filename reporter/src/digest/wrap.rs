//! Lines that a mail reader shows whole.

use tlsrptd_config::visible;

/// No line of a digest is longer.
pub(super) const COLUMNS: usize = 72;

/// A text as a paragraph of lines that begin with `indent`. A word that is too long is cut.
pub(super) fn paragraph(text: &str, indent: &str) -> String {
    let room = COLUMNS - indent.chars().count();
    let mut out = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let word = cut(word, room);
        let used = line.chars().count();
        if used > 0 && used + 1 + word.chars().count() > room {
            out.extend([indent, &line, "\n"]);
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        out.extend([indent, &line, "\n"]);
    }
    out
}

/// A stranger's text on one line, as much of it as fits there.
pub(super) fn cut(text: &str, room: usize) -> String {
    const ELLIPSIS: &str = "...";
    let line = visible::one_line(text);
    if line.chars().count() <= room {
        return line;
    }
    let kept = room.saturating_sub(ELLIPSIS.len());
    let mut line: String = line.chars().take(kept).collect();
    line.push_str(ELLIPSIS);
    line
}

/// The title of a section.
pub(super) fn title(text: &str) -> String {
    format!("\n{text}\n{}\n\n", "-".repeat(text.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_within_their_columns() {
        let long = "x".repeat(300);
        for (text, indent, want, why) in [
            ("a b", "  ", "  a b\n".to_owned(), "short"),
            ("", "  ", String::new(), "nothing"),
            (
                &format!("{} end", "word ".repeat(15).trim_end()),
                "",
                format!("{}\nword end\n", "word ".repeat(14).trim_end()),
                "wrapped between words",
            ),
            (&long, "    ", format!("    {}...\n", &long[..65]), "cut"),
            (
                "a\nb\u{202e}",
                "",
                "a b\\u{202e}\n".to_owned(),
                "nothing hides",
            ),
        ] {
            assert_eq!(paragraph(text, indent), want, "{why}");
        }
    }
}
