//! `tlsrptctl requests list` and `requests withdraw NUMBER...`.

use jiff::Timestamp;
use tlsrptd_config::{ctl::AskedRequests, exit, reportd::Reportd};

use super::CommandAnswer;
use crate::{
    answers::pending_requests::{self, PendingRequests, Withdrawal},
    ctl::{
        table::{Align, Table, Width},
        words,
    },
    error::Error,
    model::RequestId,
    store::{self, OperatorAccess},
};

pub(in crate::ctl) fn answer(
    settings: &Reportd,
    wish: &AskedRequests,
) -> Result<CommandAnswer, Error> {
    match wish {
        AskedRequests::List => {
            let store = store::open_for_operator(settings, OperatorAccess::Read)?;
            let pending = PendingRequests::find(&*store)?;
            let json = pending.json();
            Ok(match pending.rows.is_empty() {
                true => CommandAnswer::none("no request waits\n", json),
                false => CommandAnswer::new(table(&pending).text_at(Width::of_stdout()), json),
            })
        }
        AskedRequests::Withdraw(numbers) => withdraw(settings, numbers),
    }
}

fn table(pending: &PendingRequests) -> Table {
    let mut table = Table::new(&[
        ("NO", Align::Right),
        ("ASKED (UTC)", Align::Whole),
        ("BY", Align::Left),
        ("WHAT", Align::Left),
        ("TO", Align::Left),
        ("WAITS", Align::Left),
    ]);
    for row in &pending.rows {
        let uri = row.destination.uri();
        table.row([
            row.id.to_string(),
            row.asked.map_or("-".to_owned(), words::time),
            row.by.clone(),
            pending_requests::what(row),
            uri.strip_prefix("mailto:").unwrap_or(uri).to_owned(),
            pending_requests::why(row),
        ]);
    }
    table
}

fn withdraw(settings: &Reportd, numbers: &[i64]) -> Result<CommandAnswer, Error> {
    let mut store = store::open_for_operator(settings, OperatorAccess::Write)?;
    let ids: Vec<RequestId> = numbers.iter().copied().map(RequestId).collect();
    let withdrawal = Withdrawal::of(&mut *store, &ids, Timestamp::now())?;
    let text: String = withdrawal.lines().map(|line| line + "\n").collect();
    let exit = match withdrawal.is_done() {
        true => exit::OK,
        false => exit::FAILED,
    };
    Ok(CommandAnswer::new(text, withdrawal.json()).with_exit(exit))
}
