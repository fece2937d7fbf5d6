//! Tells what was counted on a closed day; see the crate's documentation.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use tlsrptd_collectd::check_config;
use tlsrptd_config::fetcher;

fn main() -> ExitCode {
    let (args, env) = (std::env::args_os().skip(1), std::env::vars_os());
    match fetcher::load_with(args, env, check_config::fetcher).or_exit_code() {
        Ok(settings) => tlsrptd_collectd::fetch(settings, jiff::Timestamp::now()).into(),
        Err(code) => code.into(),
    }
}
