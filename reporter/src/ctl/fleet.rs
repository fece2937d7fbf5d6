//! `tlsrptctl fleet`, `fleet retire NAME`, `fleet unretire NAME`, `fleet import FILE` and `fleet export FILE`.

use std::{fmt::Write as _, path::Path};

use serde_json::json;
use tlsrptd_config::{ctl::AskedFleet, reportd::Reportd, visible};

use super::{
    answer::CommandAnswer,
    table::{Align, Table},
    words,
};
use crate::{
    answers::fleet::FleetAnswer,
    error::Error,
    store::{self, FleetMember, MovedRows, OperatorAccess, Retired, Unretired},
};

pub(super) fn answer(settings: &Reportd, wish: &AskedFleet) -> Result<CommandAnswer, Error> {
    match wish {
        AskedFleet::Show => {
            let store = store::open_for_operator(settings, OperatorAccess::Read)?;
            let fleet = FleetAnswer::find(settings.fetch_deadline, &*store)?;
            let fleet = fleet.ok_or_else(|| no_fleet(settings))?;
            Ok(CommandAnswer::new(text(&fleet), fleet.json()))
        }
        AskedFleet::Retire(name) => {
            let mut store = store::open_for_operator(settings, OperatorAccess::Write)?;
            let retired = store.retire(name)?.ok_or_else(|| no_fleet(settings))?;
            told(name, &retired)
        }
        AskedFleet::Unretire(name) => {
            let mut store = store::open_for_operator(settings, OperatorAccess::Write)?;
            let unretired = store.unretire(name)?.ok_or_else(|| no_fleet(settings))?;
            told_again(name, &unretired)
        }
        AskedFleet::Import(file) => {
            needs_fleet(settings)?;
            Ok(moved(
                settings,
                file,
                Direction::Into,
                store::import(settings, file)?,
            ))
        }
        AskedFleet::Export(file) => {
            needs_fleet(settings)?;
            Ok(moved(
                settings,
                file,
                Direction::OutOf,
                store::export(settings, file)?,
            ))
        }
    }
}

fn needs_fleet(settings: &Reportd) -> Result<(), Error> {
    match settings.database_address() {
        Some(_) => Ok(()),
        None => Err(no_fleet(settings)),
    }
}

/// Which way it went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// From the file into the fleet.
    Into,
    /// Back.
    OutOf,
}

fn moved(settings: &Reportd, file: &Path, way: Direction, moved: MovedRows) -> CommandAnswer {
    let (fleet, file) = (
        settings.dbname.display().to_string(),
        file.display().to_string(),
    );
    let (from, to) = match way {
        Direction::Into => (&file, &fleet),
        Direction::OutOf => (&fleet, &file),
    };
    let next = match way {
        Direction::Into => format!(
            "{file} is no reporter's any more; start the members, and take {file} out of all configurations"
        ),
        Direction::OutOf => format!(
            "the fleet is nobody's any more; set dbname = {file} for one reporter, whose file it has to be (chown), and start that"
        ),
    };
    let (done, text) = match moved {
        MovedRows::Now { days, rows } => (
            "moved",
            format!("moved: {rows} rows of {days} days; {next}\n"),
        ),
        MovedRows::Before => (
            "before",
            format!("nothing to do: {from} was moved into {to} before\n"),
        ),
        MovedRows::Finished => (
            "finished",
            format!("moved, by the command that was cut short; {next}\n"),
        ),
    };
    let (days, rows) = match moved {
        MovedRows::Now { days, rows } => (days, rows),
        MovedRows::Before | MovedRows::Finished => (0, 0),
    };
    CommandAnswer::new(text, json!({ "done": done, "days": days, "rows": rows }))
}

fn no_fleet(settings: &Reportd) -> Error {
    Error::NotDone {
        what: "dbname",
        problem: format!(
            "{} is the database of one reporter, not of a fleet (a fleet's is postgresql://USER@HOST/DATABASE)",
            settings.dbname.display()
        ),
    }
}

fn told(name: &str, retired: &Retired) -> Result<CommandAnswer, Error> {
    let (text, json) = match retired {
        Retired::Nothing => {
            return Err(Error::NotDone {
                what: "NAME",
                problem: format!(
                    "no collector that is waited for, and no member, is called {} (tlsrptctl fleet lists them)",
                    visible::one_line(name)
                ),
            });
        }
        Retired::Collector { collectors, from } => (
            format!(
                "retired: the collector {name} is not waited for from {from} on; what it has shipped is reported. \
                 tlsrptctl fleet unretire {name} takes it back\n"
            ),
            json!({ "retired": "collector", "name": name, "collectors": collectors, "from": from.to_string() }),
        ),
        Retired::Member {
            id,
            shards,
            was_live,
        } => {
            let rejoins = match was_live {
                true => ". It was at work: stop it, or it joins anew",
                false => "",
            };
            (
                format!(
                    "retired: member {id} ({name}), whose {shards} shards others take now{rejoins}\n"
                ),
                json!({ "retired": "member", "name": name, "id": id, "shards": shards, "was_live": was_live }),
            )
        }
    };
    Ok(CommandAnswer::new(text, json))
}

fn told_again(name: &str, unretired: &Unretired) -> Result<CommandAnswer, Error> {
    match unretired {
        Unretired::Nothing => Err(Error::NotDone {
            what: "NAME",
            problem: format!(
                "no collector that is retired is called {} (tlsrptctl fleet lists them; a member joins anew when it starts)",
                visible::one_line(name)
            ),
        }),
        Unretired::Collector { from } => Ok(CommandAnswer::new(
            format!(
                "taken back: the collector {name} is waited for again from {from} on; days that were closed without it stay closed\n"
            ),
            json!({ "unretired": "collector", "name": name, "from": from.to_string() }),
        )),
    }
}

/// Three tables, and what is wrong before them.
fn text(fleet: &FleetAnswer) -> String {
    let mut text = problems(fleet);
    text += &members(fleet).text();
    text.push('\n');
    text += &match fleet.state.collectors.is_empty() {
        true => "no collector ships here: fetchers bring all counts\n".to_owned(),
        false => collectors(fleet).text(),
    };
    text.push('\n');
    text += &days(fleet).text();
    text
}

fn problems(fleet: &FleetAnswer) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    if fleet.live_members() == 0 {
        let _ = writeln!(text, "no member is at work: nothing is composed or sent");
    } else if !fleet.state.shards_without_owner.is_empty() {
        let _ = writeln!(
            text,
            "{} of {} shards have no owner at this moment: their reports wait",
            fleet.state.shards_without_owner.len(),
            fleet.state.shards
        );
    }
    for day in fleet.overdue() {
        let _ = writeln!(text, "{} is open beyond fetch_deadline", day.day);
    }
    for collector in fleet.silent() {
        let _ = writeln!(
            text,
            "{} has shipped nothing for {}: see to its tlsrpt-shipper, or retire it",
            visible::one_line(&collector.name),
            words::duration(fleet.silent_seconds(collector))
        );
    }
    for collector in fleet.doubled() {
        let _ = writeln!(
            text,
            "two hosts ship as {}: no day waits for the older one; give each its own ship_as",
            visible::one_line(&collector.name)
        );
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn members(fleet: &FleetAnswer) -> Table {
    let mut table = Table::new(&[
        ("ID", Align::Right),
        ("MEMBER", Align::Left),
        ("SINCE (UTC)", Align::Whole),
        ("SHARDS", Align::Right),
        ("LEASE", Align::Whole),
    ]);
    for member in &fleet.state.members {
        table.row([
            member.id.to_string(),
            member.name.clone(),
            words::time(member.since),
            member.shards.to_string(),
            lease(fleet, member),
        ]);
    }
    table
}

fn lease(fleet: &FleetAnswer, member: &FleetMember) -> String {
    let left = member.until.duration_since(fleet.state.at);
    match member.is_live {
        true => format!("{} s left", left.as_secs()),
        false => format!("ended {}", words::time(member.until)),
    }
}

fn collectors(fleet: &FleetAnswer) -> Table {
    let mut table = Table::new(&[
        ("COLLECTOR", Align::Left),
        ("LAST DAY", Align::Whole),
        ("STATE", Align::Whole),
        ("SILENT FOR", Align::Whole),
        ("OPEN BEFORE", Align::Right),
        ("LATE", Align::Right),
    ]);
    for one in &fleet.state.collectors {
        let state = match (one.retired, one.is_done) {
            (Some(day), _) => format!("retired {day}"),
            (None, true) => "done".to_owned(),
            (None, false) => "ships".to_owned(),
        };
        table.row([
            one.name.clone(),
            one.day.map_or("-".to_owned(), |day| day.to_string()),
            state,
            words::duration(fleet.silent_seconds(one)),
            one.open_days.to_string(),
            one.late_sessions.to_string(),
        ]);
    }
    table
}

fn days(fleet: &FleetAnswer) -> Table {
    let mut table = Table::new(&[
        ("DAY", Align::Whole),
        ("STATE", Align::Whole),
        ("COLLECTORS", Align::Right),
        ("SHARDS", Align::Right),
        ("LATE", Align::Right),
        ("MISSING", Align::Left),
    ]);
    for day in &fleet.state.days {
        table.row([
            day.day.to_string(),
            day.state.clone(),
            format!("{}/{}", day.done, day.expected),
            format!("{}/{}", day.composed, fleet.state.shards),
            day.late_sessions.to_string(),
            day.missing.join(", "),
        ]);
    }
    table
}
