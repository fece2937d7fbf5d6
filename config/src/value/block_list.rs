//! A DNS block list of names, written as Postfix does: `ZONE`, or `ZONE=d.d.d.d`.

use std::{net::Ipv4Addr, ops::RangeInclusive};

/// One list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockList {
    /// Its zone.
    pub zone: String,
    /// The codes that count; `None`: all of 127.0.0.0/8.
    codes: Option<[Vec<RangeInclusive<u8>>; 4]>,
}

impl BlockList {
    /// Whether a code of the list's means that the name is listed.
    pub fn matches(&self, code: Ipv4Addr) -> bool {
        let octets = code.octets();
        match &self.codes {
            // RFC 5782 section 2.3. Lists answer 127.0.0.1 to those whom they do not serve: it counts where it is asked for.
            None => octets[0] == 127 && code != Ipv4Addr::LOCALHOST,
            Some(parts) => octets
                .iter()
                .zip(parts)
                .all(|(octet, ranges)| ranges.iter().any(|range| range.contains(octet))),
        }
    }

    /// Reads a list whose zone is as it has to be.
    pub(crate) fn parse(
        text: &str,
        is_zone: impl Fn(&str) -> Result<(), String>,
    ) -> Result<BlockList, String> {
        let (zone, codes) = match text.split_once('=') {
            Some((zone, codes)) => (zone.trim(), Some(codes.trim())),
            None => (text, None),
        };
        let zone = zone.trim_end_matches('.').to_ascii_lowercase();
        is_zone(&zone)?;
        let wrong = |codes: &str| format!("`{codes}` is no IPv4 address with [A..B;C] in it");
        let codes = match codes {
            Some(codes) => Some(pattern(codes).ok_or_else(|| wrong(codes))?),
            None => None,
        };
        Ok(BlockList { zone, codes })
    }
}

/// Four numbers, each of which may be several in brackets.
fn pattern(text: &str) -> Option<[Vec<RangeInclusive<u8>>; 4]> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, more) = match rest.strip_prefix('[') {
            Some(inner) => {
                let (inner, more) = inner.split_once(']')?;
                (
                    inner.split(';').map(range).collect::<Option<Vec<_>>>()?,
                    more,
                )
            }
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                let number = number(&rest[..end])?;
                (vec![number..=number], &rest[end..])
            }
        };
        parts.push(part);
        match more.strip_prefix('.') {
            Some(more) => rest = more,
            None if more.is_empty() => return parts.try_into().ok(),
            None => return None,
        }
    }
}

fn range(text: &str) -> Option<RangeInclusive<u8>> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(first..=last)
}

fn number(text: &str) -> Option<u8> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BlockList, String> {
        let is_zone = |zone: &str| match zone.contains('.') {
            true => Ok(()),
            false => Err("no zone".to_owned()),
        };
        BlockList::parse(text, is_zone)
    }

    #[test]
    fn codes_are_read_as_postfix_reads_them() {
        for (text, listed, others) in [
            (
                "L.example",
                "127.0.0.2 127.255.0.1",
                "127.0.0.1 10.0.0.2 192.0.2.1",
            ),
            ("l.example.=127.0.0.2", "127.0.0.2", "127.0.0.3 127.0.1.2"),
            (
                "l.example=127.0.0.[2..11]",
                "127.0.0.2 127.0.0.11",
                "127.0.0.1 127.0.0.12",
            ),
            ("l.example=127.0.0.1", "127.0.0.1", "127.0.0.2"),
            (
                "l.example = 127.0.[0;1].[2..4;8]",
                "127.0.0.3 127.0.1.8",
                "127.0.2.3 127.0.0.5",
            ),
        ] {
            let list = parse(text).unwrap();
            assert_eq!(list.zone, "l.example", "{text}");
            let matches = |code: &str| list.matches(code.parse().unwrap());
            assert!(listed.split(' ').all(matches), "{text}: {listed}");
            assert!(!others.split(' ').any(matches), "{text}: {others}");
        }
    }

    #[test]
    fn what_is_no_list() {
        for text in [
            "list",
            "l.example=",
            "l.example=127.0.0",
            "l.example=127.0.0.2.3",
            "l.example=127.0.0.300",
            "l.example=127.0.0.[",
            "l.example=127.0.0.[]",
            "l.example=127.0.0.[4..2]",
            "l.example=127.0.0.[2]3",
            "l.example=127.0.0.+2",
            "l.example=127.0.0.2.",
            "l.example=127.0.0.[2..3..4]",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
