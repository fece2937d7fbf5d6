//! The whole reporter on a virtual clock, with a real database.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod bounces;
mod clock;
mod collectors;
mod days;
mod digest;
#[path = "../environment/mod.rs"]
mod environment;
mod fetchers;
mod hosts;
mod late;
mod mx_hosts;
mod named;
mod outages;
mod refusals;
mod relay;
mod requests;
mod spellings;
mod suppressed;
mod throughput;

use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// Only yesterday may be reported, so that a table of results stays small.
const YESTERDAY_ONLY: &str = "--max_report_age=86400";
/// Reports are due at once.
const NOW: &str = "--spread_out_delivery=1";
