//! Sends the reports of RFC 8460 about the days that collectors have closed.

use std::{env, process::ExitCode};

use tlsrptd_config::reportd;
use tlsrptd_reporter::{daemon, error};
use tlsrptd_service::log;

fn main() -> ExitCode {
    let (args, env) = (env::args_os().skip(1), env::vars_os());
    let settings = match reportd::load_with(args, env, daemon::faults).or_exit_code() {
        Ok(settings) => settings,
        Err(code) => return ExitCode::from(code),
    };
    let values = &settings.values;
    match log::init(
        "tlsrpt-reportd",
        values.log_level,
        values.logfilename.as_deref(),
    ) {
        Ok(log) => error::end(daemon::prepare(settings, log).and_then(daemon::serve)),
        Err(problem) => error::end_without_log(problem.into()),
    }
}
