//! Header fields, folded or not, with any line end.

use mail_parser::{HeaderValue, parsers::MessageStream};

use super::MAX_ADDRESS;

/// Fields of one header that are kept.
const MAX_FIELDS: usize = 500;
/// Bytes of one field's value that are kept.
const MAX_VALUE: usize = 4096;
/// Addresses that are read from one field.
const MAX_ADDRESSES: usize = 16;

/// The fields of a header, in order.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<Field>);

#[derive(Debug)]
pub(super) struct Field {
    /// In lower case.
    pub(super) name: String,
    /// Unfolded.
    pub(super) value: String,
}

impl Fields {
    /// Reads a header. Gives it and what follows the empty line; of lines that are no header, what begins with them.
    pub(super) fn split(mut bytes: &[u8]) -> (Fields, &[u8]) {
        let mut fields = Fields::default();
        let mut is_first = true;
        // Of the field that is read, if it is kept.
        let mut open: Option<(String, Vec<u8>)> = None;
        while !bytes.is_empty() {
            let (line, rest) = line(bytes);
            let is_folded = matches!(line.first(), Some(b' ' | b'\t'));
            if line.is_empty() {
                bytes = rest;
                break;
            }
            if is_folded {
                if let Some((_, value)) = &mut open {
                    value.push(b' ');
                    let room = MAX_VALUE.saturating_sub(value.len());
                    let line = line.trim_ascii();
                    value.extend_from_slice(&line[..line.len().min(room)]);
                }
            } else if let Some((name, value)) = name_and_value(line) {
                fields.close(open.take());
                let value = value[..value.len().min(MAX_VALUE)].to_vec();
                open = (fields.0.len() < MAX_FIELDS).then_some((name, value));
            } else if !(is_first && is_envelope_line(line)) {
                break;
            }
            is_first = false;
            bytes = rest;
        }
        fields.close(open);
        (fields, bytes)
    }

    fn close(&mut self, open: Option<(String, Vec<u8>)>) {
        if let Some((name, value)) = open {
            let value = String::from_utf8_lossy(value.trim_ascii()).into_owned();
            self.0.push(Field { name, value });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first field of a name, which is written in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |field: &&Field| field.name == name;
        self.0
            .iter()
            .filter(named)
            .map(|field| field.value.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.0.iter()
    }
}

/// The first line without its end, and what follows it.
pub(super) fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (mut line, rest) = match end {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &bytes[bytes.len()..]),
    };
    while let [before @ .., b'\r'] = line {
        line = before;
    }
    (line, rest)
}

/// RFC 5322 section 3.6.8, with the space before the colon that section 4.5 allows.
fn name_and_value(line: &[u8]) -> Option<(String, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    let is_name = !name.is_empty() && name.len() <= 80 && name.iter().all(u8::is_ascii_graphic);
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    is_name.then(|| (name, &line[colon + 1..]))
}

/// What mbox, and pipe(8) with the flag `F`, put before a mail.
fn is_envelope_line(line: &[u8]) -> bool {
    line.starts_with(b"From ") || line.starts_with(b">From ")
}

/// The addresses of a field as `To` or `Return-Path`.
pub(super) fn addresses(value: &str) -> Vec<String> {
    // Its reader wants the end of the line.
    let line = format!("{value}\n");
    let HeaderValue::Address(list) = MessageStream::new(line.as_bytes()).parse_address() else {
        return Vec::new();
    };
    let texts = list.iter().filter_map(|address| address.address.as_deref());
    let texts = texts.map(|text| text.trim().to_owned());
    let is_one = |text: &String| text.contains('@') && text.len() <= MAX_ADDRESS;
    texts.filter(is_one).take(MAX_ADDRESSES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_however_they_are_written() {
        #[rustfmt::skip]
        let rows: &[(&[u8], &str, &[u8], &str)] = &[
            (b"To: a\r\nCc: b\r\n\r\nbody", "to=a,cc=b", b"body", "usual"),
            (b"To: a\nCc: b\n\nbody", "to=a,cc=b", b"body", "LF alone"),
            (b"To: a\r\nCc: b\n\r\nbody", "to=a,cc=b", b"body", "both"),
            (b"To: a\r\r\n\r\r\nbody", "to=a", b"body", "CR twice"),
            (b"tO : a\n\n", "to=a", b"", "RFC 5322 section 4.5"),
            (b"To:a\n\tb\n  c\n\n", "to=a b c", b"", "folded"),
            (b"To:\n a\n\n", "to=a", b"", "folded at once"),
            (b"To: a\n \n b\n\n", "to=a  b", b"", "a folded line of spaces is no empty line"),
            (b" x\nTo: a\n\n", "to=a", b"", "a fold of nothing"),
            (b"From x@y.example Sat\nTo: a\n\n", "to=a", b"", "mbox"),
            (b"To: a\nbody: not\nthis is text\n", "to=a,body=not", b"this is text\n", "no empty line"),
            (b"text", "", b"text", "no header"),
            (b"\nbody", "", b"body", "an empty one"),
            (b"To: a", "to=a", b"", "cut off"),
            (b"To: \xff\n\n", "to=\u{fffd}", b"", "no UTF-8"),
            (b"", "", b"", "nothing"),
        ];
        for (bytes, expected, rest, why) in rows {
            let (fields, body) = Fields::split(bytes);
            let shown = fields.iter().map(|f| format!("{}={}", f.name, f.value));
            let shown: Vec<String> = shown.collect();
            assert_eq!(shown.join(","), *expected, "{why}");
            assert_eq!(body, *rest, "{why}");
        }
    }

    #[test]
    fn headers_are_bounded() {
        let many = b"A: b\n".repeat(10 * MAX_FIELDS);
        assert_eq!(Fields::split(&many).0.iter().count(), MAX_FIELDS);
        let long = [b"A: ".to_vec(), b"xx\n x\n ".repeat(MAX_VALUE)].concat();
        let (fields, _) = Fields::split(&long);
        assert!(fields.get("a").unwrap().len() <= MAX_VALUE + 1);
    }

    #[test]
    fn addresses_however_they_are_written() {
        for (value, expected, why) in [
            ("a@b.example", "a@b.example", "bare"),
            ("<a@b.example>", "a@b.example", "Return-Path"),
            (
                "A <a@b.example>, c@d.example",
                "a@b.example c@d.example",
                "two",
            ),
            ("g: a@b.example;", "a@b.example", "a group"),
            ("<>", "", "nobody"),
            ("undisclosed-recipients:;", "", "nobody"),
            ("MAILER-DAEMON (Mail System)", "", "a name"),
        ] {
            assert_eq!(addresses(value).join(" "), expected, "{value}: {why}");
        }
        let many = "a@b.example, ".repeat(1000);
        assert_eq!(addresses(&many).len(), MAX_ADDRESSES);
    }
}
