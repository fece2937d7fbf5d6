//! Theirs and ours beside each other, with the same receivers, each from the start of the program to the last report.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::day::Rua;
use super::receive;
use super::reportd::{Cost, Scene, Setting};
use super::rows::rate;
use super::stages::{LATER, POST_HOSTS, store};
use super::taken::Taken;
use super::{FEWER_RUNS, RUNS, ReporterBench};
use crate::daemon::Kind;
use crate::error::BenchError;
use crate::figure::{Goal, Unit};
use crate::table::{Row, Table};

/// sys4 takes a tenth of a second a domain, so it gets fewer.
const DOMAINS: u64 = 300;
const THEIR_DOMAINS: u64 = 100;
/// The worst receivers that do answer within a usual time-out.
const WORST: Duration = Duration::from_secs(9);
const WORST_HOSTS: u64 = 200;
/// Five a host, beside twice as many mails.
const WORST_POSTS: u64 = 1000;
/// A relay that looks at each mail for so long.
const SLOW_RELAY: Duration = Duration::from_secs(1);
/// Mails at a time to it, and so many rounds of them.
const RELAY_CONNECTIONS: u64 = 4;
const RELAY_ROUNDS: u64 = 8;
/// Posts beside twice as many mails to it.
const POSTS_BESIDE: u64 = 6000;
/// At once.
const NOW: &str = "spread_out_delivery = 1\n";

impl ReporterBench<'_> {
    /// Reports a second of theirs and ours, in turn. Gives their mails a second.
    pub(super) fn beside(&self, table: &mut Table) -> Result<Vec<f64>, BenchError> {
        let (mails, posts) = (Taken::default(), Taken::default());
        let smtp = receive::smtp(mails.clone())?;
        let web = Rua::Post {
            port: receive::https(posts.clone())?,
            hosts: POST_HOSTS,
        };
        let ours = |rua| -> Result<Scene, BenchError> {
            let dns = receive::dns(rua)?;
            let options = self.options(smtp, Some(dns), 1) + NOW;
            self.scene(DOMAINS, rua, options)
        };
        let has_curl = has_curl();
        if !has_curl {
            eprintln!("SKIPPED sys4's posts: there is no curl");
        }
        let title = |what| {
            rate(&format!(
                "{what} a second, {DOMAINS} domains (sys4: {THEIR_DOMAINS})"
            ))
        };
        let (mut mail_row, mut post_row) = (title("mails"), title("posts"));
        let mut their_mails = Vec::new();
        for _ in 0..self.plan.runs(FEWER_RUNS) {
            let speed_of_theirs = speed(&self.theirs(Rua::Mail, smtp)?, &mails, THEIR_DOMAINS)?;
            their_mails.push(speed_of_theirs);
            mail_row.push(Kind::Theirs, speed_of_theirs);
            mail_row.push(Kind::Ours, speed(&ours(Rua::Mail)?, &mails, DOMAINS)?);
            if has_curl {
                let speed_of_theirs = speed(&self.theirs(web, smtp)?, &posts, THEIR_DOMAINS)?;
                post_row.push(Kind::Theirs, speed_of_theirs);
            }
            post_row.push(Kind::Ours, speed(&ours(web)?, &posts, DOMAINS)?);
        }
        table.0.extend([mail_row, post_row]);
        Ok(their_mails)
    }

    /// Mails a second while posts go to hosts that answer at once, and to hosts that take long.
    pub(super) fn worst(&self, table: &mut Table) -> Result<(), BenchError> {
        let seconds = WORST.as_secs();
        let name = format!(
            "mails a second while {WORST_HOSTS} https hosts take {seconds} s to answer; floor: none"
        );
        let mut row = rate(&name).asked(Goal::OfFloor(0.9));
        for _ in 0..self.plan.runs(RUNS) {
            row.push(Kind::Floor, self.mails_beside(Duration::ZERO)?);
            row.push(Kind::Ours, self.mails_beside(WORST)?);
        }
        table.0.push(row);
        Ok(())
    }

    /// Mails a second while posts go to hosts that take that time to answer.
    fn mails_beside(&self, time: Duration) -> Result<f64, BenchError> {
        let mails = Taken::default();
        let smtp = receive::smtp(mails.clone())?;
        let rua = Rua::Mixed {
            port: receive::slow_https(Taken::default(), time)?,
            hosts: WORST_HOSTS,
        };
        let options = self.options(smtp, Some(receive::dns(rua)?), 1) + NOW;
        let scene = self.scene(3 * WORST_POSTS, rua, options)?;
        let mut reportd = scene.start()?;
        let cost = reportd.delivered(&mails, 2 * WORST_POSTS)?;
        Ok((2 * WORST_POSTS) as f64 / cost.seconds)
    }

    /// A relay that takes a second a mail: posts go on as if there were no mails, and mails as fast as it takes them.
    pub(super) fn slow_relay(&self, table: &mut Table) -> Result<(), BenchError> {
        let waiting = Unit::Number.text((2 * POSTS_BESIDE) as f64);
        let name = format!(
            "posts a second while {waiting} mails wait for a relay that takes {} s a mail; floor: no mails",
            SLOW_RELAY.as_secs()
        );
        let mut posts = rate(&name).asked(Goal::OfFloor(0.9));
        let name = "  mails a second by that relay; floor: what its connections can carry";
        let mut mails = Row::new(name, Unit::Ratio)
            .asked(Goal::OfFloor(0.9))
            .in_readme(name.trim_start());
        let mut memory = Row::new("  memory", Unit::Memory);
        for _ in 0..self.plan.runs(RUNS) {
            posts.push(Kind::Floor, self.posts_alone()?);
            let (speed, mails_taken, cost) = self.posts_beside_mails()?;
            posts.push(Kind::Ours, speed);
            let most = RELAY_CONNECTIONS as f64 / SLOW_RELAY.as_secs_f64();
            mails.push(Kind::Floor, most);
            mails.push(Kind::Ours, mails_taken);
            memory.push(Kind::Ours, cost.memory);
        }
        table.0.extend([posts, mails, memory]);
        Ok(())
    }

    fn posts_alone(&self) -> Result<f64, BenchError> {
        let posts = Taken::default();
        let rua = Rua::Post {
            port: receive::https(posts.clone())?,
            hosts: POST_HOSTS,
        };
        let scene = self.due(POSTS_BESIDE, rua, receive::smtp(Taken::default())?)?;
        let mut reportd = scene.start()?;
        let cost = reportd.delivered(&posts, POSTS_BESIDE)?;
        Ok(POSTS_BESIDE as f64 / cost.seconds)
    }

    /// Posts a second, and mails a second, each counted from the first that came.
    fn posts_beside_mails(&self) -> Result<(f64, f64, Cost), BenchError> {
        let (posts, mails) = (Taken::default(), Taken::default());
        let rua = Rua::Mixed {
            port: receive::https(posts.clone())?,
            hosts: POST_HOSTS,
        };
        let smtp = receive::slow_smtp(mails.clone(), SLOW_RELAY)?;
        let scene = self.due(3 * POSTS_BESIDE, rua, smtp)?;
        let mut reportd = scene.start()?;
        let first = reportd.delivered(&mails, 1)?;
        let posted = reportd.delivered(&posts, POSTS_BESIDE)?;
        let rounds = RELAY_CONNECTIONS * RELAY_ROUNDS;
        // The first of the round after those.
        let mailed = reportd.delivered(&mails, rounds + 1)?;
        Ok((
            POSTS_BESIDE as f64 / posted.seconds,
            rounds as f64 / (mailed.seconds - first.seconds),
            mailed,
        ))
    }

    /// A day that is composed, with all deliveries due.
    fn due(&self, domains: u64, rua: Rua, smtp: u16) -> Result<Scene, BenchError> {
        let connections = format!("max_concurrent_per_host = {RELAY_CONNECTIONS}\n");
        let options = self.options(smtp, None, 1) + &connections + LATER;
        let scene = self.scene(domains, rua, options)?;
        store(&scene)?;
        scene.bring_forward()?;
        Ok(scene)
    }

    fn theirs(&self, rua: Rua, smtp: u16) -> Result<Scene, BenchError> {
        let this = std::env::current_exe().map_err(BenchError::other("finding this program"))?;
        let programs = self.plan.venv.join("bin");
        Scene::new(&Setting {
            programs: &programs,
            folder: &self.plan.folder,
            shape: super::shape(THEIR_DOMAINS, rua),
            // Its own curl, but for the receiver's certificate.
            options: format!(
                "{NOW}interval_main_loop = 1\nsendmail_script = {} hand-over {smtp}\n\
                 http_script = curl --silent --insecure --header 'Content-Type: application/tlsrpt+gzip' --data-binary @-\n",
                this.display()
            ),
        })
    }
}

/// Until as many reports have come as there are domains.
fn speed(scene: &Scene, taken: &Taken, domains: u64) -> Result<f64, BenchError> {
    let before = taken.number();
    let mut reportd = scene.start()?;
    let cost = reportd.delivered(taken, before + domains)?;
    reportd.stop()?;
    Ok(domains as f64 / cost.seconds)
}

/// Where sys4 would look for it.
fn has_curl() -> bool {
    ["/usr/bin", "/bin"].iter().any(|folder| {
        let mut curl = Command::new(Path::new(folder).join("curl"));
        let status = curl.arg("--version").stdout(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    })
}
