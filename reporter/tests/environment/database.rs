//! What tests ask of a database beside the store's ports, by its `dbname`, whatever its engine.

use std::{ffi::OsString, path::Path};

use rusqlite::Connection;
use tlsrptd_config::{Start, reportd::Reportd};
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    model::SuppressionTarget,
    store::{OperatorAccess, OperatorStore, open_for_operator},
};

use super::{
    engine::is_address,
    fleet,
    stored::{self, Stored},
};

/// All that is stored. `None` before a reporter has made the tables.
pub fn read(dbname: &Path) -> Option<Stored> {
    match is_address(dbname) {
        true => fleet::read(dbname),
        false => Stored::read(dbname),
    }
}

/// As the operator asks on the 21st, until that day or for ever.
pub fn suppress(settings: &Reportd, target: &str, until: Option<&str>) {
    let day = |text: &str| Day::parse(text).unwrap();
    let mut operator = open_for_operator(settings, OperatorAccess::Write).unwrap();
    let target = SuppressionTarget::parse(target).unwrap();
    let today = day("2026-11-21");
    operator
        .suppress(&target, until.map(day), "they asked", today)
        .unwrap();
}

/// As an operator's command opens it.
pub fn operator(dbname: &Path, access: OperatorAccess) -> Box<dyn OperatorStore> {
    let args: Vec<OsString> = vec![
        format!("--dbname={}", dbname.display()).into(),
        "--fetchers=one".into(),
        "--organization_name=Org".into(),
        "--contact_info=tls@sender.example".into(),
    ];
    let Start::Run(settings) = tlsrptd_config::reportd::load(args, []) else {
        panic!("{}", dbname.display());
    };
    open_for_operator(&settings.values, access).unwrap()
}

/// Statements that put there what no port does, in the words of each engine.
pub struct Statements<'a> {
    pub sqlite: &'a str,
    pub postgres: &'a str,
}

/// Changes what is stored behind the reporter's back.
pub fn change(dbname: &Path, statements: &Statements<'_>) {
    match is_address(dbname) {
        true => fleet::change(dbname, statements.postgres),
        false => Connection::open(dbname)
            .unwrap()
            .execute_batch(statements.sqlite)
            .unwrap(),
    }
}

/// Asks what no port answers: rows of a text and a number.
pub fn ask(dbname: &Path, statements: &Statements<'_>) -> Vec<(String, i64)> {
    if is_address(dbname) {
        return fleet::ask(dbname, statements.postgres);
    }
    let db = Connection::open(dbname).unwrap();
    let mut select = db.prepare(statements.sqlite).unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

/// Nothing is damaged, and no delivery is without its report.
pub fn is_whole(dbname: &Path) -> bool {
    match is_address(dbname) {
        true => fleet::is_whole(dbname),
        false => stored::is_whole(dbname),
    }
}

/// A number that changes when anything in the database does.
pub fn fingerprint(dbname: &Path) -> u64 {
    match is_address(dbname) {
        true => fleet::fingerprint(dbname),
        false => stored::fingerprint(dbname),
    }
}
