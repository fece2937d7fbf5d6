//! Shows by HTTP how collectors and reporter are, and what fails.

use std::{env, process::ExitCode};

use tlsrptd_config::statusd;
use tlsrptd_reporter::{error, status};
use tlsrptd_service::log;

fn main() -> ExitCode {
    let (args, env) = (env::args_os().skip(1), env::vars_os());
    let settings = match statusd::load_with(args, env, status::faults).or_exit_code() {
        Ok(settings) => settings,
        Err(code) => return ExitCode::from(code),
    };
    let values = &settings.values;
    match log::init(
        "tlsrpt-statusd",
        values.log_level,
        values.logfilename.as_deref(),
    ) {
        Ok(log) => error::end(status::run(settings, log)),
        Err(problem) => error::end_without_log(problem.into()),
    }
}
