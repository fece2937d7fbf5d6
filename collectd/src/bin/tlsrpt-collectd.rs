//! Takes datagrams from the MTA and counts them; see the crate's documentation.
#![forbid(unsafe_code)]

use std::{process::ExitCode, sync::Arc};

use tlsrptd_collectd::check_config;
use tlsrptd_config::collectd;
use tlsrptd_service::clock::ClockReading;

fn main() -> ExitCode {
    let (args, env) = (std::env::args_os().skip(1), std::env::vars_os());
    match collectd::load_with(args, env, check_config::collector).or_exit_code() {
        Ok(settings) => tlsrptd_collectd::collect(settings, Arc::new(ClockReading::take)).into(),
        Err(code) => code.into(),
    }
}
