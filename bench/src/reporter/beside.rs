//! Theirs and ours beside each other, with the same receivers, each from the start of the program to the last report.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::ReporterBench;
use super::day::Rua;
use super::receive::{self, Taken};
use super::reportd::{Scene, Setting};
use super::rows::rate;
use super::stages::POST_HOSTS;
use crate::daemon::Kind;
use crate::error::BenchError;
use crate::figure::Goal;
use crate::table::Row;

/// sys4 takes a tenth of a second a domain.
const DOMAINS: u64 = 300;
/// The worst receivers that do answer within a usual time-out.
const WORST: Duration = Duration::from_secs(9);
const WORST_HOSTS: u64 = 200;
/// Five a host, beside twice as many mails.
const WORST_POSTS: u64 = 1000;
/// At once.
const NOW: &str = "spread_out_delivery = 1\n";

/// Reports a second.
pub(super) struct Beside {
    /// Theirs, ours.
    mails: [f64; 2],
    /// The same; sys4's is missing where there is no curl.
    posts: [Option<f64>; 2],
}

impl Beside {
    pub(super) fn their_mails(&self) -> f64 {
        self.mails[0]
    }

    pub(super) fn rows(&self) -> [Row; 2] {
        let mut mails = rate(&format!("mails a second, {DOMAINS} domains"));
        mails.push(Kind::Theirs, self.mails[0]);
        mails.push(Kind::Ours, self.mails[1]);
        let mut posts = rate(&format!("posts a second, {DOMAINS} domains"));
        for (kind, value) in [Kind::Theirs, Kind::Ours].into_iter().zip(self.posts) {
            if let Some(value) = value {
                posts.push(kind, value);
            }
        }
        [mails, posts]
    }
}

impl ReporterBench<'_> {
    pub(super) fn beside(&self) -> Result<Beside, BenchError> {
        let (mails, posts) = (Taken::default(), Taken::default());
        let smtp = receive::smtp(mails.clone())?;
        let web = Rua::Post {
            port: receive::https(posts.clone())?,
            hosts: POST_HOSTS,
        };
        let their_mails = speed(&self.theirs(Rua::Mail, smtp)?, &mails)?;
        let their_posts = match has_curl() {
            true => Some(speed(&self.theirs(web, smtp)?, &posts)?),
            false => {
                eprintln!("SKIPPED sys4's posts: there is no curl");
                None
            }
        };
        let ours = |rua| -> Result<Scene, BenchError> {
            let dns = receive::dns(rua)?;
            let options = self.options(smtp, Some(dns), true) + NOW;
            self.scene(DOMAINS, rua, options)
        };
        Ok(Beside {
            mails: [their_mails, speed(&ours(Rua::Mail)?, &mails)?],
            posts: [their_posts, Some(speed(&ours(web)?, &posts)?)],
        })
    }

    /// Mails a second while posts go to hosts that answer at once, and to hosts that take long.
    pub(super) fn worst(&self) -> Result<Row, BenchError> {
        let mails = Taken::default();
        let smtp = receive::smtp(mails.clone())?;
        let mut speeds = [0.0; 2];
        for (speed, time) in speeds.iter_mut().zip([Duration::ZERO, WORST]) {
            let port = receive::slow_https(Taken::default(), time)?;
            let hosts = WORST_HOSTS;
            let rua = Rua::Mixed { port, hosts };
            let dns = receive::dns(rua)?;
            let options = self.options(smtp, Some(dns), true) + NOW;
            let scene = self.scene(3 * WORST_POSTS, rua, options)?;
            let before = mails.number();
            let mut reportd = scene.start()?;
            let cost = reportd.delivered(&mails, before + 2 * WORST_POSTS)?;
            *speed = (2 * WORST_POSTS) as f64 / cost.seconds;
        }
        let seconds = WORST.as_secs();
        let name = format!(
            "mails a second while {WORST_HOSTS} https hosts take {seconds} s to answer; floor: none"
        );
        let mut row = rate(&name).asked(Goal::OfFloor(0.9));
        row.push(Kind::Floor, speeds[0]);
        row.push(Kind::Ours, speeds[1]);
        Ok(row)
    }

    fn theirs(&self, rua: Rua, smtp: u16) -> Result<Scene, BenchError> {
        let this = std::env::current_exe().map_err(BenchError::other("finding this program"))?;
        let programs = self.plan.venv.join("bin");
        Scene::new(&Setting {
            programs: &programs,
            folder: &self.plan.folder,
            shape: super::shape(DOMAINS, rua),
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
fn speed(scene: &Scene, taken: &Taken) -> Result<f64, BenchError> {
    let before = taken.number();
    let mut reportd = scene.start()?;
    let cost = reportd.delivered(taken, before + DOMAINS)?;
    reportd.stop()?;
    Ok(DOMAINS as f64 / cost.seconds)
}

/// Where sys4 would look for it.
fn has_curl() -> bool {
    ["/usr/bin", "/bin"].iter().any(|folder| {
        let mut curl = Command::new(Path::new(folder).join("curl"));
        let status = curl.arg("--version").stdout(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    })
}
