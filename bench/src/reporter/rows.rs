//! Rows of the table from what was measured.

use super::stages::{StageSent, Stages};
use super::{BASE, MILLION};
use crate::daemon::Kind;
use crate::figure::{Goal, Unit};
use crate::table::Row;

pub(super) fn rate(figure: &str) -> Row {
    Row::new(figure, Unit::Number)
}

/// The floor.
fn signatures(signature: f64) -> Row {
    let figure = "RSA-2048 signatures a second and core";
    let mut row = rate(figure).in_readme(figure);
    row.push(Kind::Floor, 1.0 / signature);
    row
}

/// Somebody else's figure of it.
pub(super) fn openssl(speed: Option<f64>) -> Option<Row> {
    let Some(speed) = speed else {
        eprintln!("SKIPPED openssl speed: there is no openssl");
        return None;
    };
    let mut row = rate("RSA-2048 signatures a second by openssl speed rsa2048");
    row.push(Kind::Floor, speed);
    Some(row)
}

/// What a day leaves behind.
pub(super) fn kept(octets: f64, domains: f64) -> Row {
    let title = Unit::Number.text(domains);
    let name = format!("octets a domain in the database, {title} domains, all sent");
    let row = ours(
        "    octets a domain in use, all sent",
        Unit::Number,
        octets / domains,
    );
    row.asked(Goal::AtMost(400.0)).in_readme(&name)
}

/// A row with one value of ours.
pub(super) fn ours(figure: &str, unit: Unit, value: f64) -> Row {
    let mut row = Row::new(figure, unit);
    row.push(Kind::Ours, value);
    row
}

impl Stages {
    /// `signature` in CPU seconds, `theirs` in mails a second.
    pub(super) fn rows(&self, signature: f64, theirs: &[f64], base: Option<&Stages>) -> Vec<Row> {
        let mut rows = Vec::new();
        if let Some(sent) = &self.sent {
            rows.push(self.whole(sent, theirs));
            rows.push(signatures(signature));
        }
        rows.extend(self.stored_rows());
        if let Some(sent) = &self.sent {
            rows.extend(self.sent_rows(sent, signature));
        }
        let memory = self.sent.as_ref().map_or(0.0, |sent| {
            sent.mailed
                .memory
                .max(sent.looked_up.memory)
                .max(sent.posted.memory)
        });
        let name = format!("memory of reportd, {} domains", self.title());
        let mut memory =
            ours("  memory", Unit::Memory, memory.max(self.composed.memory)).in_readme(&name);
        let mut day = ours(
            "  seconds, gathered and composed",
            Unit::Seconds,
            self.composed.seconds,
        );
        if self.domains == MILLION {
            memory = memory.asked(Goal::AtMost(200.0));
            day = day.asked(Goal::AtMost(600.0));
        }
        rows.extend([day, memory]);
        rows.push(ours(
            "  database, all stored and none sent",
            Unit::Memory,
            self.stored,
        ));
        if let Some(sent) = &self.sent {
            rows.push(kept(sent.kept, self.number()));
        }
        rows.extend(base.map(|base| self.times(base)));
        rows
    }

    fn number(&self) -> f64 {
        self.domains as f64
    }

    fn title(&self) -> String {
        Unit::Number.text(self.number())
    }

    /// From the start of gathering to the last mail.
    fn whole(&self, sent: &StageSent, theirs: &[f64]) -> Row {
        let name = format!(
            "{} domains: mails a second, gathered to mailed",
            self.title()
        );
        let seconds = sent.looked_up.seconds + sent.mailed.seconds;
        let mut row =
            ours(&name, Unit::Number, self.number() / seconds).asked(Goal::OfTheirs(200.0));
        for theirs in theirs {
            row.push(Kind::Theirs, *theirs);
        }
        row
    }

    fn stored_rows(&self) -> Vec<Row> {
        let composing = self.composed.seconds - self.gathered.seconds;
        let name = match &self.sent {
            Some(_) => "  gathered".to_owned(),
            None => format!("{} domains: gathered", self.title()),
        };
        vec![
            ours(&name, Unit::Number, self.number() / self.gathered.seconds),
            ours("  composed", Unit::Number, self.number() / composing),
        ]
    }

    fn sent_rows(&self, sent: &StageSent, signature: f64) -> Vec<Row> {
        let cpu = |cpu: f64| cpu / self.number() * 1000.0;
        let all = cpu(sent.looked_up.cpu + sent.mailed.cpu);
        let speed = |seconds: f64| self.number() / seconds;
        let mut rows = vec![ours(
            "  composed, each record looked up",
            Unit::Number,
            speed(sent.composed_with_dns),
        )];
        rows.extend(
            sent.unsigned
                .map(|cost| ours("  mailed, unsigned", Unit::Number, speed(cost.seconds))),
        );
        rows.push(ours(
            "  signed and mailed",
            Unit::Number,
            speed(sent.mailed.seconds),
        ));
        let posts = format!("posts a second, {} domains", self.title());
        rows.push(ours("  posted", Unit::Number, speed(sent.posted.seconds)).in_readme(&posts));
        let mut whole = ours(
            "  CPU a report, gathered to mailed",
            Unit::Milliseconds,
            all,
        )
        .asked(Goal::AtMostOfFloor(1.4))
        .in_readme("CPU of reportd a report, gathered to mailed");
        whole.push(Kind::Floor, signature * 1000.0);
        rows.push(whole);
        let lookup = sent.looked_up.cpu - self.composed.cpu;
        rows.push(ours(
            "    gathered and composed",
            Unit::Milliseconds,
            cpu(self.composed.cpu),
        ));
        rows.push(ours("    looked up", Unit::Milliseconds, cpu(lookup)));
        if let Some(unsigned) = sent.unsigned {
            let signing = cpu(sent.mailed.cpu - unsigned.cpu);
            let mut signed = ours("    signed", Unit::Milliseconds, signing);
            signed.push(Kind::Floor, signature * 1000.0);
            rows.push(signed);
        }
        if let Some(twice) = sent.signed_twice {
            let second = cpu(twice.cpu - sent.mailed.cpu);
            let mut second = ours("    signed once more", Unit::Milliseconds, second);
            second.push(Kind::Floor, signature * 1000.0);
            rows.push(second);
        }
        let posted = cpu(sent.posted.cpu);
        rows.push(ours("  CPU a post", Unit::Milliseconds, posted));
        rows
    }

    fn times(&self, base: &Stages) -> Row {
        let each = |stages: &Stages| stages.composed.cpu / stages.number();
        let name = format!(
            "  CPU a domain, gathered and composed, times that at {}",
            base.title()
        );
        let row = ours(&name, Unit::Ratio, each(self) / each(base));
        match base.domains {
            BASE => row.asked(Goal::AtMost(1.2)),
            _ => row,
        }
    }
}
