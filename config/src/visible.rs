//! Shows texts that strangers wrote, on a terminal, in a log, in a mail, so that nothing in them is hidden or changes how the
//! rest reads.
//!
//! Control characters move a terminal's cursor and begin lines; direction overrides show `gpj.exe` as `exe.jpg`; characters
//! without width make two names look like one. Each is shown by its number, as in `\u{202e}`.

use std::borrow::Cow;

/// Characters without a glyph, apart from the controls: format characters (Unicode's category Cf), line and paragraph
/// separators (Zl, Zp), and those that renderers may ignore (Default_Ignorable_Code_Point).
const HIDDEN: &[(char, char)] = &[
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a character is shown by its number.
pub fn is_hidden(c: char) -> bool {
    // Most texts are ASCII.
    c.is_control()
        || (!c.is_ascii()
            && HIDDEN
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&c)))
}

/// The text with every hidden character made visible, line ends too.
pub fn text(text: &str) -> Cow<'_, str> {
    shown(text, is_hidden)
}

/// The same for a text of several lines of ours, whose ends stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    shown(text, |c| c != '\n' && is_hidden(c))
}

/// A text of any number of lines as one line: its words with a space between.
pub fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c == ' ');
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    self::text(&words.join(" ")).into_owned()
}

/// A problem with what would be right; one that says so itself says it once.
pub fn with_allowed(problem: &impl ToString, allowed: &str) -> String {
    let problem = problem.to_string();
    match allowed.is_empty() || problem.contains("(allowed: ") {
        true => problem,
        false => format!("{problem} (allowed: {allowed})"),
    }
}

/// The beginning of that line, short enough to be part of another.
pub fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    one_line(text).chars().take(MAX_CHARS).collect()
}

fn shown(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    // Most texts are: this looks at many bytes at a time.
    let is_plain = |plain, byte| plain & matches!(byte, b' '..=b'~');
    if text.bytes().fold(true, is_plain) || !text.contains(&is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_hidden(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, process::Command};

    use super::*;

    #[test]
    fn what_would_be_right_is_said_once() {
        for (problem, allowed, want, why) in [
            (
                "it is empty",
                "a name",
                "it is empty (allowed: a name)",
                "it does not say",
            ),
            (
                "no @ (allowed: A@B)",
                "an address",
                "no @ (allowed: A@B)",
                "it says so itself",
            ),
            ("it is empty", "", "it is empty", "nobody knows"),
        ] {
            assert_eq!(with_allowed(&problem, allowed), want, "{why}");
        }
    }

    #[test]
    fn what_hides_is_shown() {
        for (written, want, why) in [
            ("plain text", "plain text", "as it is"),
            (
                "two\nlines",
                "two\\nlines",
                "a line feed would forge a line",
            ),
            (
                "\x1b[31m\x7f\u{9b}",
                "\\u{1b}[31m\\u{7f}\\u{9b}",
                "escape sequences reach the terminal",
            ),
            (
                "\u{202e}evil\u{2069}",
                "\\u{202e}evil\\u{2069}",
                "a direction override",
            ),
            (
                "a\u{200f}\u{61c}b",
                "a\\u{200f}\\u{61c}b",
                "a direction mark",
            ),
            (
                "a\u{200b}\u{ad}\u{feff}b",
                "a\\u{200b}\\u{ad}\\u{feff}b",
                "no width",
            ),
            ("a\u{2028}b", "a\\u{2028}b", "another line end"),
            (
                "a\u{e0041}\u{3164}b",
                "a\\u{e0041}\\u{3164}b",
                "tags and fillers",
            ),
            (
                "müller \u{5d0} e\u{301} 漢",
                "müller \u{5d0} e\u{301} 漢",
                "letters of all scripts stay readable",
            ),
        ] {
            assert_eq!(text(written), want, "{why}");
            assert_eq!(text(&text(written)), want, "{why}: twice is once");
        }
        assert_eq!(lines("a\tb\nc\u{202e}\n"), "a\\tb\nc\\u{202e}\n");
        assert_eq!(one_line(" a\r\n\tb  c\u{202e}"), "a b c\\u{202e}");
        assert_eq!(excerpt(&"x".repeat(400)).len(), 300);
    }

    /// Unicode's own categories, as Python knows them.
    #[test]
    fn the_list_has_all_that_unicode_calls_a_format_character() {
        const SCRIPT: &str = "import unicodedata as u\n\
            print(' '.join(str(c) for c in range(0x110000) if u.category(chr(c)) in ('Cc', 'Cf', 'Zl', 'Zp')))";
        let Ok(output) = Command::new("python3").args(["-c", SCRIPT]).output() else {
            eprintln!(
                "skipped the_list_has_all_that_unicode_calls_a_format_character: python3 is missing"
            );
            return;
        };
        let listed = String::from_utf8(output.stdout).unwrap();
        let missing: BTreeSet<char> = listed
            .split_whitespace()
            .filter_map(|number| char::from_u32(number.parse().ok()?))
            .filter(|c| !is_hidden(*c))
            .collect();
        assert!(listed.len() > 500 && missing.is_empty(), "{missing:?}");
    }
}
