//! The `relaxed` forms that are signed (RFC 6376 sections 3.4.2 and 3.4.4): a relay may
//! refold headers and lose white space at line ends without breaking the signature.

/// A header field, less its line end.
pub(super) fn header(name: &str, value: &str) -> String {
    let mut out = String::with_capacity(name.len() + 1 + value.len());
    out.push_str(name);
    out.make_ascii_lowercase();
    out.push(':');
    let words = value.split([' ', '\t', '\r', '\n']);
    for (number, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if number > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The body.
pub(super) fn body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 2);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.iter().any(|byte| matches!(byte, b' ' | b'\t')) {
            true => push_words(line, &mut out),
            // Most lines are base64.
            false => out.extend_from_slice(line),
        }
        out.extend_from_slice(b"\r\n");
    }
    while out.ends_with(b"\r\n\r\n") {
        out.truncate(out.len() - 2);
    }
    if out == b"\r\n" { Vec::new() } else { out }
}

/// White space within the line is one space, and at its end none.
fn push_words(line: &[u8], out: &mut Vec<u8>) {
    for byte in line {
        match byte {
            b' ' | b'\t' if out.last() == Some(&b' ') => {}
            b' ' | b'\t' => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    if out.last() == Some(&b' ') {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfcs_own_example() {
        // RFC 6376 section 3.4.5.
        assert_eq!(header("A", " X"), "a:X");
        assert_eq!(header("B ", " Y\t\r\n\tZ  ").replace("b ", "b"), "b:Y Z");
        assert_eq!(body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
        assert_eq!(body(b"\r\n\r\n"), b"");
        assert_eq!(body(b""), b"");
    }
}
