//! Tells a fleet's database what the collector of this host has counted; see the crate's documentation.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use tlsrptd_config::shipper;
use tlsrptd_shipper::check_config;

fn main() -> ExitCode {
    let (args, env) = (std::env::args_os().skip(1), std::env::vars_os());
    match shipper::load_with(args, env, check_config::shipper).or_exit_code() {
        Ok(settings) => tlsrptd_shipper::ship(settings).into(),
        Err(code) => code.into(),
    }
}
