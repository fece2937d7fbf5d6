//! `tlsrptctl`: what the operator can ask. It reads the database while the reporter works, and changes nothing but the
//! suppression list, the list of requests, and the bounces that came.

mod answer;
mod bounce;
mod deliveries;
mod dkim;
mod doctor;
mod failures;
mod fleet;
mod history;
mod maptest;
mod metrics;
mod new_key;
mod requests;
mod show;
mod status;
mod suppress;
mod table;
mod tonight;
mod why;
mod words;

use std::path::Path;

use jiff::Timestamp;
use tlsrptd_config::{
    Settings,
    ctl::{Command, Ctl, DkimRecord},
};
use tlsrptd_proto::day::Day;

use crate::{error::Error, route::Routes};
use answer::CommandAnswer;

pub use doctor::as_another_user;

/// What is wrong with the maps that `maptest` would read. Keys and passwords are the daemon's: who asks need not be able
/// to read them.
pub fn faults(settings: &Ctl, _: Option<&Path>) -> Vec<String> {
    let problems = Routes::load(&settings.reportd).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

/// Does what is asked, prints the answer, and gives the exit status.
///
/// # Errors
///
/// When the command cannot do what was asked.
pub fn run(settings: Settings<Ctl>) -> Result<u8, Error> {
    let form = settings.values.form;
    answer(settings.values)?.print(form)
}

fn answer(settings: Ctl) -> Result<CommandAnswer, Error> {
    let Ctl {
        command,
        reportd,
        config_file,
        ..
    } = settings;
    match command {
        Command::Status(form) => status::answer(&reportd, form),
        Command::Metrics { output } => metrics::answer(&reportd, output.as_deref()),
        Command::History { days } => history::answer(&reportd, days),
        Command::Failures(question) => failures::answer(&reportd, &question),
        Command::Deliveries(question) => deliveries::answer(&reportd, &question),
        Command::DeliveriesToday(question) => tonight::answer(&reportd, &question),
        Command::Show(question) => show::answer(&reportd, &question),
        Command::Why { domain, day } => why::answer(&reportd, &domain, &day),
        Command::Resend(question) => requests::resend(&reportd, &question),
        Command::SendTest(question) => requests::send_test(&reportd, &question),
        Command::Requests(wish) => requests::pending(&reportd, &wish),
        Command::Bounce { recipient } => Ok(bounce::answer(&reportd, recipient)),
        Command::DkimRecord(DkimRecord::Configured) => dkim::answer(&reportd),
        Command::DkimRecord(DkimRecord::New {
            selector,
            key_type,
            out,
        }) => {
            let wanted = new_key::Wanted {
                selector: &selector,
                key_type,
                out,
            };
            new_key::answer(&reportd, config_file.as_deref(), wanted)
        }
        Command::Doctor(question) => {
            doctor::answer(&reportd, &question, config_file.as_deref(), &settings.flaws)
        }
        Command::Fleet(wish) => fleet::answer(&reportd, &wish),
        Command::Maptest { domain, record } => {
            maptest::answer(&reportd, &domain, record.as_deref())
        }
        Command::Suppress(wish) => suppress::answer(&reportd, wish, Day::of(Timestamp::now())),
    }
}
