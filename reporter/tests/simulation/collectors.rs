//! Collectors with a will of their own.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt as _;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    gather::{Answer, AnswerPart, AnswerSender, GatherError},
    model::{FetchJob, Fetched},
};

use super::{dice::Dice, sim::Sim};

/// Which collector a command asks, by whatever name and spacing.
pub fn number_of(command: &str) -> i64 {
    let rest = command.trim().strip_prefix("collector").unwrap();
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().unwrap()
}

/// `fetchers` as the operator has it in a life of the reporter, after the edits before each life: in some plays collectors
/// get new names where they stand, in others they change places, or are left out of one life and stand at the end of
/// the list in the next. In the calm at the end all are there.
pub fn fetchers(dice: Dice, collectors: i64, life: usize, calm: bool) -> String {
    let renames = dice.percent("fetchers are renamed", 50);
    let mut list: Vec<(i64, u32)> = (1..=collectors).map(|number| (number, 0)).collect();
    let mut away = Vec::new();
    for life in 1..=life {
        // Who is left out has no successor in the same edit: that is a new name.
        let is_back = !away.is_empty();
        list.append(&mut away);
        let at = dice.below(("edited", life), list.len() as u64) as usize;
        match dice.below(("edit", life), 6) {
            0 if renames => list[at].1 += 1,
            1 if !renames => list.swap(0, at),
            2 if !renames && !is_back && list.len() > 1 => away.push(list.remove(at)),
            _ => {}
        }
    }
    if calm {
        list.append(&mut away);
    }
    let space = dice.pick(("space", life), &["", " ", "\t", "  "]);
    let name = |(number, version): &(i64, u32)| match version {
        0 => format!("{space}collector{number}"),
        _ => format!("{space}collector{number}-v{version}{space} x"),
    };
    list.iter().map(name).collect::<Vec<_>>().join(",")
}

/// How a collector treats one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    Prompt,
    Sluggish,
    /// It breaks off in the middle, so many times.
    Failing(u64),
    /// It says nothing, so many times.
    Hanging(u64),
    /// Each domain twice.
    Twice,
    /// Among good rows are such that nobody can use.
    Rubbish,
    /// The day is closed only so long after its end.
    Late(Duration),
    Never,
}

/// How a collector is, on all days.
pub struct Nature {
    /// It speaks sys4's protocol.
    pub is_sys4: bool,
    /// Its clock is late by so much: its day ends later.
    pub is_behind: Duration,
}

impl Sim {
    pub fn nature(&self, collector: i64) -> Nature {
        let behind = self.dice.pick(("behind", collector), &[0, 0, 0, 30, 7_000]);
        Nature {
            is_sys4: self.dice.percent(("sys4", collector), 30),
            is_behind: Duration::from_secs(behind),
        }
    }

    pub fn temper(&self, collector: i64, day: Day) -> Temper {
        let mut rng = self.dice.of(("temper", collector, day));
        let hours = |hours: u64| Duration::from_secs(3600 * hours);
        match rng.random_range(0..24) {
            0..2 => Temper::Sluggish,
            2..5 => Temper::Failing(rng.random_range(1..6)),
            5..7 => Temper::Hanging(rng.random_range(1..3)),
            7..9 => Temper::Twice,
            9..11 => Temper::Rubbish,
            11..14 => Temper::Late(hours(rng.random_range(1..50))),
            14 => Temper::Never,
            _ => Temper::Prompt,
        }
    }

    /// After the busy time nobody is sent anything.
    pub fn rows_of(&self, collector: i64, day: Day) -> Vec<Fetched> {
        match self.is_busy_day(day) {
            true => self.plan.domains.rows(collector, day),
            false => Vec::new(),
        }
    }

    pub async fn answer(
        &self,
        job: &FetchJob,
        now: Timestamp,
        sink: &AnswerSender,
        before: u64,
    ) -> Result<Answer, GatherError> {
        let temper = self.temper(number_of(&job.command), job.day);
        let nature = self.nature(number_of(&job.command));
        tokio::time::sleep(Duration::from_millis(200)).await;
        let closed = job.day.next().start() + nature.is_behind + Duration::from_secs(2);
        let ready = match temper {
            Temper::Late(by) => now >= closed + by,
            Temper::Never => false,
            _ => now >= closed,
        };
        if !ready {
            return Err(GatherError::NotReady {
                newest: Some(job.day.previous()),
            });
        }
        let rows = self.rows_of(number_of(&job.command), job.day);
        match temper {
            Temper::Hanging(times) if before < times => {
                // Nothing at all for a minute, or something now and then for an hour.
                let limit = Duration::from_secs(if times == 1 { 60 } else { 3600 });
                tokio::time::sleep(limit).await;
                return Err(GatherError::TooSlow { limit });
            }
            Temper::Failing(times) if before < times && !nature.is_sys4 => {
                let half = rows.len() / 2;
                sink.hand_on(AnswerPart::Rows(rows[..half].to_vec()))
                    .await?;
                return Err(GatherError::Read(std::io::ErrorKind::BrokenPipe.into()));
            }
            Temper::Sluggish => tokio::time::sleep(Duration::from_secs(240)).await,
            _ => {}
        }
        if nature.is_sys4 {
            let mut domains: Vec<String> = rows.into_iter().map(|row| row.domain).collect();
            if temper == Temper::Twice {
                domains.extend(domains.clone());
            }
            sink.hand_on(AnswerPart::Listed(domains)).await?;
            return Ok(Answer::List);
        }
        for part in rows.chunks(25) {
            sink.hand_on(AnswerPart::Rows(part.to_vec())).await?;
            if temper == Temper::Twice {
                sink.hand_on(AnswerPart::Rows(part.to_vec())).await?;
            }
        }
        if temper == Temper::Rubbish {
            sink.hand_on(AnswerPart::Rows(rubbish())).await?;
            let too_long =
                AnswerPart::Unusable("endless.test".to_owned(), "a line is too long".to_owned());
            sink.hand_on(too_long).await?;
        }
        Ok(Answer::Stream)
    }

    pub async fn one_domain(
        &self,
        job: &FetchJob,
        domain: &str,
        before: u64,
    ) -> Result<String, GatherError> {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let fails = match self.temper(number_of(&job.command), job.day) {
            Temper::Failing(times) => {
                before < times
                    && self
                        .dice
                        .percent(("details", number_of(&job.command), job.day, domain), 20)
            }
            _ => false,
        };
        match self
            .plan
            .domains
            .one_row(number_of(&job.command), job.day, domain)
        {
            Some(row) if !fails => Ok(row.data),
            _ => Err(GatherError::Read(std::io::ErrorKind::BrokenPipe.into())),
        }
    }
}

/// What a damaged file may make of a collector's answer.
fn rubbish() -> Vec<Fetched> {
    [
        ("", "{}"),
        ("-.test", "{}"),
        ("a b.test", "{\"v=TLSRPTv1;rua=mailto:a@b.test\": {}}"),
        ("empty.test", "{}"),
        ("text.test", "\"text\""),
        (
            "cut.test",
            "{\"v=TLSRPTv1;rua=mailto:a@b.test\": {\"{}\": {\"cntr",
        ),
        (
            "negative.test",
            "{\"v\": {\"{}\": {\"cntrtotal\": -1, \"cntrfailure\": 0, \"failures\": {}}}}",
        ),
    ]
    .map(|(domain, data)| Fetched {
        domain: domain.to_owned(),
        data: data.to_owned(),
    })
    .into()
}
