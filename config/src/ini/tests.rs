//! Each rule of the dialect, with its line numbers. `differential` compares with Python itself.

use super::*;

/// `key=value` of section `a`, or the errors with their lines.
fn read(text: &str) -> Result<Vec<String>, Vec<(usize, IniError)>> {
    let (ini, problems) = Ini::parse(text);
    let mut errors: Vec<_> = problems
        .into_iter()
        .map(|problem| (problem.line, problem.error))
        .collect();
    let mut values = Vec::new();
    for entry in ini.entries("a").unwrap_or_default() {
        match entry.value {
            Ok(value) => values.push(format!("{}={value}", entry.name)),
            Err(error) => errors.push((entry.line, error)),
        }
    }
    if errors.is_empty() {
        Ok(values)
    } else {
        Err(errors)
    }
}

#[test]
fn values_as_python_reads_them() {
    for (text, want, why) in [
        ("[a]\nk = v", vec!["k=v"], "the plain case"),
        ("[a]\nk:v", vec!["k=v"], "a colon separates too"),
        ("[a]\nK = V", vec!["k=V"], "keys have no case, values have"),
        (
            "[a]\nk = x=y:z",
            vec!["k=x=y:z"],
            "the first separator counts",
        ),
        (
            "[a]\nk = v # w ; x",
            vec!["k=v # w ; x"],
            "no comments within lines",
        ),
        (
            "# c\n[a]\n ; d\nk = v",
            vec!["k=v"],
            "comment lines, indented too",
        ),
        (
            "[a]\nk = v\n  w\n\n  x\n\n",
            vec!["k=v\nw\n\nx"],
            "continuation, through empty lines",
        ),
        (
            "[a]\nk = v\n  # c\n  w",
            vec!["k=v\nw"],
            "a comment inside a value is left out",
        ),
        (
            "[a]\nk =\n  v",
            vec!["k=\nv"],
            "a value that begins on the next line",
        ),
        (
            "[a]\n  k = v\n  l = w",
            vec!["k=v", "l=w"],
            "an indented key is no continuation of nothing",
        ),
        (
            "[a] behind\r\nk = v\rl = w",
            vec!["k=v", "l=w"],
            "all line ends, text behind a header",
        ),
        ("[a]\nk =", vec!["k="], "an empty value is a value"),
        ("[a]\nk = 100%%", vec!["k=100%"], "the sign itself"),
        (
            "[a]\nk = %(L)s/x\nl = v",
            vec!["k=v/x", "l=v"],
            "another key, whatever its case",
        ),
        (
            "[DEFAULT]\nd = %(k)s!\n[a]\nk = v",
            vec!["k=v", "d=v!"],
            "defaults see the keys of the section",
        ),
        (
            "[DEFAULT]\nk = d\n[a]\nk = v\n[DEFAULT]\ne = f",
            vec!["k=v", "e=f"],
            "the section's own key wins",
        ),
        (
            "[b]\nk = %\n[a]\nk = v",
            vec!["k=v"],
            "sections of others are not looked into",
        ),
    ] {
        assert_eq!(
            read(text).as_deref(),
            Ok(&*want.into_iter().map(str::to_owned).collect::<Vec<_>>()),
            "{why}"
        );
    }
}

#[test]
fn errors_with_their_lines_all_at_once() {
    use IniError::*;
    for (text, want, why) in [
        (
            "k = v\nl = w\n[a]",
            vec![(1, NoSection)],
            "no section yet; said once",
        ),
        ("[a]\nk", vec![(2, NoSeparator)], "a key without a value"),
        ("[a]\n= v", vec![(2, NoKey)], "a value without a key"),
        (
            "[a]\n[a]",
            vec![(2, DuplicateSection("a".into(), 1))],
            "a section twice",
        ),
        (
            "[a]\nk = v\n\nK = w",
            vec![(4, DuplicateKey(2))],
            "a key twice, whatever its case",
        ),
        ("[a]\nk = 5%", vec![(2, LonePercent)], "a lone sign"),
        ("[a]\nk = %(x", vec![(2, BadReference)], "no end"),
        ("[a]\nk = %()s", vec![(2, BadReference)], "no name"),
        (
            "[a]\nk = %(x)s",
            vec![(2, UnknownReference("x".into()))],
            "no such key",
        ),
        ("[a]\nk = %(k)s", vec![(2, TooDeep)], "a circle"),
        (
            "[a]\nk\nl = %\nl = v",
            vec![(2, NoSeparator), (4, DuplicateKey(3)), (3, LonePercent)],
            "several",
        ),
    ] {
        let got = read(text).unwrap_err();
        for error in &want {
            assert!(got.contains(error), "{why}: {got:?} lacks {error:?}");
        }
    }
}
