//! What was counted today so far, in the fetcher's forms.

use std::{io, sync::PoisonError};

use serde_json::{Value, json};
use tlsrptd_proto::{counts::DomainCounts, day::Day, domain::Domain, fetch};
use tlsrptd_service::observe::{AnswerWriter, Request};

use super::Observed;
use crate::store::{Detail, Look, RunningDayReader, StoreError};

/// Why an answer ends early.
enum Ended {
    /// The client is gone.
    Client(io::Error),
    Store(StoreError),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Ended {
        Ended::Client(error)
    }
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Ended {
        Ended::Store(error)
    }
}

/// Which domains are asked for.
enum AskedDomains<'r> {
    /// Their names.
    Names,
    All,
    One(&'r str),
}

impl Observed {
    /// A first line of JSON; then, without `domain`, the fetcher's list, and with it a stream: of all domains for a dot.
    pub(super) fn answer_today(
        &self,
        request: &Request,
        out: &mut dyn AnswerWriter,
    ) -> io::Result<()> {
        let asked = match request.field("domain") {
            None | Some(Value::Null) => AskedDomains::Names,
            Some(Value::String(all)) if all == fetch::ALL_DOMAINS => AskedDomains::All,
            Some(Value::String(domain)) => AskedDomains::One(domain),
            Some(_) => return out.error("`domain` is not a text"),
        };
        let today = &self.collector.stats.today;
        let day = *today.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(running), Some(day)) = (&self.running_day, day) else {
            return out.error("the first storage keeps nothing that could be read");
        };
        let mut reader = match self.pace.look(|| running.begin(day)) {
            Ok(reader) => reader,
            Err(error) => return out.error(&error.to_string()),
        };
        out.expect_long();
        out.json(&json!({"day": day.to_string(), "format": "tlsrpt-fetcher"}))?;
        let told = match asked {
            AskedDomains::Names => self.list(&mut *reader, day, out),
            AskedDomains::All => self.stream(&mut *reader, day, out),
            AskedDomains::One(domain) => self.one(&*reader, day, domain, out),
        };
        match told {
            // What follows now is no line of the fetcher's, and its end is missing.
            Err(Ended::Store(error)) => out.error(&error.to_string()),
            Err(Ended::Client(error)) => Err(error),
            Ok(()) => Ok(()),
        }
    }

    fn list(
        &self,
        reader: &mut dyn RunningDayReader,
        day: Day,
        out: &mut dyn AnswerWriter,
    ) -> Result<(), Ended> {
        let mut text = Vec::new();
        // The newest day that can be complete is the one before.
        fetch::write_list_head(&mut text, (self.collector.clock)(), Some(day.previous()))?;
        out.bytes(&text)?;
        out.send()?;
        text.clear();
        while let Look::Domains(domains) = self.pace.look(|| reader.look(Detail::Names))? {
            for (domain, _) in domains {
                text.extend_from_slice(domain.as_str().as_bytes());
                text.push(b'\n');
            }
            out.bytes(&text)?;
            text.clear();
        }
        fetch::write_list_end(&mut text)?;
        Ok(out.bytes(&text)?)
    }

    fn stream(
        &self,
        reader: &mut dyn RunningDayReader,
        day: Day,
        out: &mut dyn AnswerWriter,
    ) -> Result<(), Ended> {
        let mut told = 0;
        self.stream_head(day, out)?;
        loop {
            // Writing it down takes as long as reading it, and counts as well.
            let lines = self.pace.look(|| match reader.look(Detail::Counts)? {
                Look::Domains(domains) => Ok(Some(lines(&domains))),
                Look::End => Ok::<_, StoreError>(None),
            });
            let Some((domains, lines)) = lines? else {
                break;
            };
            told += domains;
            if domains > 0 {
                out.bytes(lines.as_bytes())?;
            }
        }
        stream_end(told, out)
    }

    fn one(
        &self,
        reader: &dyn RunningDayReader,
        day: Day,
        asked: &str,
        out: &mut dyn AnswerWriter,
    ) -> Result<(), Ended> {
        self.stream_head(day, out)?;
        let Ok(domain) = Domain::parse(asked) else {
            return stream_end(0, out);
        };
        let counts = self.pace.look(|| reader.counts_as_asked(&domain, asked))?;
        if counts.records.is_empty() {
            return stream_end(0, out);
        }
        let (told, lines) = lines(&[(domain, counts)]);
        out.bytes(lines.as_bytes())?;
        stream_end(told, out)
    }

    fn stream_head(&self, day: Day, out: &mut dyn AnswerWriter) -> io::Result<()> {
        let mut text = Vec::new();
        let now = (self.collector.clock)();
        fetch::write_stream_head(&mut text, now, Some(day.previous()))?;
        out.bytes(&text)?;
        // Whoever asks sees that an answer comes, however long the first look at a large day takes.
        out.send()
    }
}

/// So many domains, each a line.
fn lines(domains: &[(Domain, DomainCounts)]) -> (u64, String) {
    let mut lines = String::new();
    for (domain, counts) in domains {
        lines.push_str(&fetch::stream_line(domain, counts));
        lines.push('\n');
    }
    (domains.len() as u64, lines)
}

fn stream_end(told: u64, out: &mut dyn AnswerWriter) -> Result<(), Ended> {
    let mut text = Vec::new();
    fetch::write_stream_end(&mut text, told)?;
    Ok(out.bytes(&text)?)
}
