//! A collector, its shipper and a PostgreSQL, all of them real: what is counted is in the database, exactly, whatever comes
//! between. The reporters' part, making and closing days, is the test's.
#![allow(clippy::unwrap_used, missing_docs)]

mod copies;
mod counts;
mod cut_short;
mod cuts;
mod days;
mod forged;
mod former;
mod harness;
mod held;
mod lost;
mod names;
mod rights;
