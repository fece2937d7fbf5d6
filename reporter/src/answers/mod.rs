//! What an operator asks, answered in types: each file makes one answer from the store, the daemons' observation sockets and
//! the environment, and its JSON, with field names that stay. How people read it is `ctl`'s and the page's (`status`).
//!
//! Field names are in snake_case, times in RFC 3339 and UTC, days YYYY-MM-DD, numbers numbers; a unit is part of the name.

pub(crate) mod collectors_today;
pub(crate) mod day;
pub mod deliveries;
pub(crate) mod destination;
pub(crate) mod digest;
pub mod doctor;
pub mod explain;
pub mod failures;
pub mod fleet;
pub mod history;
pub(crate) mod json_line;
pub mod metrics;
pub(crate) mod named;
pub(crate) mod number;
pub(crate) mod overview;
pub mod pending_requests;
pub(crate) mod preview;
pub(crate) mod reason;
pub(crate) mod record;
pub(crate) mod report_mail;
pub(crate) mod report_view;
pub mod requests;
pub(crate) mod runtime;
pub(crate) mod show;
pub mod status;
pub(crate) mod stored_day;
pub(crate) mod tonight;
pub mod totals;
pub(crate) mod waiting;
pub(crate) mod when;
pub(crate) mod why;
