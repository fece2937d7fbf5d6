//! Shows what `tlsrpt-reportd` has done and would do.

use std::{env, process::ExitCode};

use tlsrptd_reporter::{ctl, error};

fn main() -> ExitCode {
    if let Some(code) = ctl::as_another_user(env::args_os().skip(1), env::vars_os()) {
        return code;
    }
    let (args, env) = (env::args_os().skip(1), env::vars_os());
    match tlsrptd_config::ctl::load_with(args, env, ctl::faults).or_exit_code() {
        Ok(settings) => match ctl::run(settings) {
            Ok(code) => ExitCode::from(code),
            Err(problem) => error::end_without_log(problem),
        },
        Err(code) => ExitCode::from(code),
    }
}
