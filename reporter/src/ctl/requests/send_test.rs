//! `tlsrptctl send-test URI`: a test report, the way that reports go.

use jiff::Timestamp;
use tlsrptd_config::{ctl::SendTest, reportd::Reportd};
use tlsrptd_proto::day::Day;

use super::{CommandAnswer, Wish, ask, named, who};
use crate::{
    error::Error,
    model::RequestKind,
    store::{self, NewRequest, OperatorAccess},
};

/// A test report.
pub(in crate::ctl) fn send_test(
    settings: &Reportd,
    question: &SendTest,
) -> Result<CommandAnswer, Error> {
    let destination = named("URI", &question.destination)?;
    let store = store::open_for_operator(settings, OperatorAccess::Write)?;
    let list = store.suppression_list()?;
    // Whoever names a destination wants to send there: it is said, and no reason to refuse.
    let note = list
        .reason("", &destination, Day::of(Timestamp::now()))
        .map(|reason| {
            format!("reports to it are suppressed ({reason}); a test is sent all the same")
        });
    let request = NewRequest {
        kind: RequestKind::Test,
        report: None,
        destination,
        by: who(),
    };
    let wish = Wish {
        kind: RequestKind::Test,
        requests: vec![request],
        about: vec![(None, note)],
        left_out: Vec::new(),
    };
    ask(settings, store, wish, question.wait)
}
