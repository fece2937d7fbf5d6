//! Command line, environment and configuration file: typed settings, each with its origin.
//!
//! One table row an option ([`option`]) drives everything else. The stages, in order:
//!
//! 1. `args` reads the command line, `env` the environment, `ini` the file;
//! 2. `origin` remembers where each text came from, and decides which one counts;
//! 3. `value` makes typed values of the texts; what is wrong becomes a `problem`;
//! 4. [`collectd`], [`fetcher`], [`reportd`], [`ctl`], [`statusd`] and [`shipper`] are the settings of the six programs,
//!    each with its `load`.
//!
//! [`service_view`] checks the files that settings name, for `--check_config`, [`credential`]
//! knows those that it cannot see, and [`paths`] tells devices from files.
//!
//! Example files, manuals and completions are made of the same tables, by `tests/generated`.
//!
//! What strangers wrote is shown through [`visible`]. [`exit`] names the exit codes. This crate knows nothing of reports.
#![forbid(unsafe_code)]

mod args;
pub mod collectd;
pub mod command;
pub mod credential;
pub mod ctl;
mod day;
mod env;
pub mod exit;
pub mod fetcher;
mod file;
pub mod help;
mod ini;
mod load;
mod log_level;
pub mod option;
mod origin;
pub mod paths;
mod problem;
mod reader;
pub mod reportd;
pub mod service_view;
pub mod shipper;
mod start;
pub mod statusd;
mod value;
pub mod visible;

pub use day::DayWord;
pub use log_level::LogLevel;
pub use start::{Settings, Start};
pub use value::{
    BlockList, DigestFrequency, DkimKey, FetcherCommand, Listen, MailTransport, ReportDays, Storage,
};
