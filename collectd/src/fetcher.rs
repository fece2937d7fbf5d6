//! `tlsrpt-fetcher`: what was counted on a closed day, for a reporter here or elsewhere.
//!
//! It reads `PATH.yesterday` and every kept `PATH.YYYY-MM-DD`, read-only, and looks a day up in all of them: files that
//! the programs we replace have made may hold two days. What it reads is made normal before it is told, because keys of
//! such files are as the MTA wrote them.

mod added;
mod closed;
mod counts;
mod names;

use std::io::{self, BufWriter, Write};

use jiff::Timestamp;
use tlsrptd_config::{Storage, fetcher::Fetcher};
use tlsrptd_proto::{counts::DomainCounts, day::Day, domain::Domain, fetch};

use crate::{error::Error, store::StoreError};
use closed::ClosedDays;

/// Answers the question of the command line.
pub fn answer(settings: &Fetcher, now: Timestamp, out: &mut impl Write) -> Result<(), Error> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    // Checked by the configuration already; a day that is none has no data.
    let day = Day::parse(&settings.day).ok();
    let mut days = match &settings.storage {
        Storage::Sqlite { path, .. } => {
            ClosedDays::open(path, day, Day::of(now)).map_err(Error::Fetch)?
        }
        Storage::Dummy { .. } => ClosedDays::default(),
    };
    let told = match settings.domain.as_deref() {
        None => list(&days, day, now, &mut out),
        Some(fetch::ALL_DOMAINS) => stream(&days, day, now, &mut out),
        Some(asked) => match fetch::parse_added_since(asked) {
            Some(since) => days
                .only_added(since)
                .map_err(Stop::from)
                .and_then(|()| stream(&days, day, now, &mut out)),
            None => details(&days, day, asked, &mut out),
        },
    };
    match told.and_then(|()| out.flush().map_err(Stop::Answer)) {
        // The reader went away: it had enough, and there is nobody to tell.
        Err(Stop::Answer(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(Stop::Answer(error)) => Err(Error::Answer(error)),
        Err(Stop::Store(error)) => Err(Error::Fetch(error)),
        Ok(()) => Ok(()),
    }
}

enum Stop {
    Answer(io::Error),
    Store(StoreError),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Answer(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Store(error)
    }
}

fn list(
    days: &ClosedDays,
    day: Option<Day>,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<(), Stop> {
    fetch::write_list_head(out, now, days.newest())?;
    if let Some(day) = day {
        days.each_listed(day, |name| writeln!(out, "{name}").map_err(Stop::from))?;
    }
    Ok(fetch::write_list_end(out)?)
}

fn details(
    days: &ClosedDays,
    day: Option<Day>,
    asked: &str,
    out: &mut impl Write,
) -> Result<(), Stop> {
    let counts = match (day, Domain::parse(asked)) {
        (Some(day), Ok(domain)) => days.counts_as_asked(day, &domain, asked)?,
        _ => DomainCounts::default(),
    };
    Ok(writeln!(out, "{}", fetch::domain_details(asked, &counts))?)
}

fn stream(
    days: &ClosedDays,
    day: Option<Day>,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<(), Stop> {
    fetch::write_stream_head(out, now, days.newest())?;
    let grown = days.grown()?;
    for (day, additions) in &grown {
        fetch::write_grown(out, *day, *additions)?;
    }
    let mut told = 0;
    if let Some(day) = day {
        days.each(day, |domain, counts| {
            told += 1;
            writeln!(out, "{}", fetch::stream_line(domain, counts)).map_err(Stop::from)
        })?;
    }
    if day.is_some_and(|day| {
        days.grown().ok().and_then(|now| now.get(&day).copied()) != grown.get(&day).copied()
    }) {
        // Without its end the answer is asked for again.
        return Err(Stop::Answer(io::Error::other(
            "the day grew while it was told",
        )));
    }
    Ok(fetch::write_stream_end(out, told)?)
}

#[cfg(test)]
mod tests;
