//! A closed day's counts as lines between two hosts: what `tlsrpt-fetcher` writes and `tlsrpt-reportd` reads.
//!
//! - `COMMAND DAY`: a list of domains, sys4's form byte for byte ([`write_list_head`], [`write_list_end`], read by [`Parser`]).
//! - `COMMAND DAY DOMAIN`: the counts of one domain, sys4's form ([`domain_details`], [`parse_details`]).
//! - `COMMAND DAY .`: our own, all domains in one stream ([`write_stream_head`], [`stream_line`], [`write_stream_end`],
//!   read by the same [`Parser`]). sys4 answers it with an empty object, which [`Parser`] tells apart.
//! - `COMMAND DAY .N`: the same, but only what was added to the day after its first N additions: a day may grow after it
//!   was closed ([`added_since`]). Each stream tells which days did ([`write_grown`]).
//!
//! A list or stream whose end is missing was cut off and must not be used: see [`Parser::finish`].

mod details;
mod parse;

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::counts::DomainCounts;
use crate::day::Day;
use crate::domain::Domain;
use crate::pyjson::{self, Object};

pub use parse::{Event, FetchError, Mode, Parser, parse_details};

/// The first line of a list.
pub const LIST_HEADER: &str = "TLSRPT FETCHER v1devel-c domain list";
/// The first line of a stream.
pub const STREAM_HEADER: &str = "TLSRPTD FETCHER v1 day stream";
/// What stands in the place of a domain to ask for a stream.
pub const ALL_DOMAINS: &str = ".";
/// Before a day that grew after it was closed, in a stream: the day and the number of additions follow.
pub const GROWN: &str = "+";
/// The last line of a list; in a stream the number of domains follows.
pub const END: &str = ".";

/// Writes the first lines of a list. The domains follow, one a line, in binary order.
///
/// # Errors
///
/// What `out` says.
pub fn write_list_head(
    out: &mut impl Write,
    now: Timestamp,
    newest: Option<Day>,
) -> io::Result<()> {
    write_head(out, LIST_HEADER, now, newest)
}

/// Writes the last line of a list.
///
/// # Errors
///
/// What `out` says.
pub fn write_list_end(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{END}")
}

/// The counts of one domain, as Python's `json.dumps(indent=4)` has them, without a line end. `domain` is written as it
/// was asked for.
pub fn domain_details(domain: &str, counts: &DomainCounts) -> String {
    pyjson::indented(&details(domain, counts).into())
}

/// Writes the first lines of a stream.
///
/// # Errors
///
/// What `out` says.
pub fn write_stream_head(
    out: &mut impl Write,
    now: Timestamp,
    newest: Option<Day>,
) -> io::Result<()> {
    write_head(out, STREAM_HEADER, now, newest)
}

/// What stands in the place of a domain to ask for what was added to a day after so many additions.
pub fn added_since(additions: u64) -> String {
    format!("{ALL_DOMAINS}{additions}")
}

/// Reads that. Other collectors take it for a domain, and know nothing of it.
pub fn parse_added_since(asked: &str) -> Option<u64> {
    let number = asked.strip_prefix(ALL_DOMAINS)?;
    number
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| number.parse().ok())?
}

/// Writes, behind the first lines of a stream, that a day grew so many times after it was closed.
///
/// # Errors
///
/// What `out` says.
pub fn write_grown(out: &mut impl Write, day: Day, additions: u64) -> io::Result<()> {
    writeln!(out, "{GROWN}{day} {additions}")
}

/// One domain of a stream, without a line end. Domains follow each other in binary order.
pub fn stream_line(domain: &Domain, counts: &DomainCounts) -> String {
    pyjson::compact(&details(domain.as_str(), counts).into())
}

/// Writes the last line of a stream: only with the right number is it whole.
///
/// # Errors
///
/// What `out` says.
pub fn write_stream_end(out: &mut impl Write, domains: u64) -> io::Result<()> {
    writeln!(out, "{END} {domains}")
}

fn write_head(
    out: &mut impl Write,
    header: &str,
    now: Timestamp,
    newest: Option<Day>,
) -> io::Result<()> {
    let now = Offset::UTC.to_datetime(now).strftime("%Y-%m-%d %H:%M:%S");
    writeln!(out, "{header}\n{now}")?;
    // Without a complete day sys4 leaves the line out.
    newest.map_or(Ok(()), |day| writeln!(out, "{day}"))
}

fn details(domain: &str, counts: &DomainCounts) -> Object {
    Object::from_iter([
        ("d".to_owned(), domain.into()),
        ("policies".to_owned(), counts.to_value()),
    ])
}

#[cfg(test)]
mod tests;
