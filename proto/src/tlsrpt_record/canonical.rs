//! Paths and queries in one form, for comparing (RFC 3986 section 6.2.2).

/// Both as they stand in a URL, from the first slash to the end; without a fragment.
pub(super) fn path_and_query(text: &str) -> String {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let mut out = without_dot_segments(&decoded(path));
    if !query.is_empty() {
        out.push('?');
        out.push_str(&decoded(query));
    }
    out
}

/// Decodes what need not be encoded (section 2.3), and writes other hex digits in upper case.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split('%');
    out.extend(pieces.next());
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        match u8::from_str_radix(digits, 16) {
            Ok(byte) if is_unreserved(byte) => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push_str(&digits.to_ascii_uppercase());
            }
        }
        out.push_str(rest);
    }
    out
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Section 5.2.4, of a path that begins with a slash.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // `/a/.` is the folder `/a/`.
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form() {
        for (text, want, why) in [
            ("/", "/", "the root"),
            ("/one?", "/one", "an empty query"),
            ("/one?x=1", "/one?x=1", "another"),
            ("/%6fne", "/one", "encoded without need"),
            (
                "/o%2fne",
                "/o%2Fne",
                "a slash in a segment is none between two",
            ),
            ("/%7e%2D%5f", "/~-_", "all that is unreserved"),
            ("/a/./b/../c", "/a/c", "dot segments"),
            ("/a/%2e%2E/c", "/c", "and encoded ones"),
            ("/..", "/", "nothing is above the root"),
            ("/a/..", "/", "the folder above"),
            ("/a/.", "/a/", "the folder itself"),
            ("/a//b", "/a//b", "an empty segment is one"),
            (
                "/a?x=%2e.&y=/../z",
                "/a?x=..&y=/../z",
                "a query has no segments",
            ),
            ("/%252e", "/%252e", "decoded once"),
            ("/a??", "/a??", "a question mark in the query"),
        ] {
            assert_eq!(path_and_query(text), want, "{text}: {why}");
            assert_eq!(path_and_query(want), want, "{text}: stable");
        }
    }
}
