//! The environment: PREFIX + NAME in capitals.

use std::ffi::OsString;

use crate::{
    option::{Program, nearest, row},
    origin::{Origin, Texts},
    problem::{Place, Problem},
};

/// Where a fetcher finds its storage without a file.
pub(crate) const FETCHERS_STORAGE: &str = "TLSRPT_FETCHER_STORAGE";

/// Offers what the environment sets. An unknown name is only warned of: containers pass variables of many kinds.
pub(crate) fn read(
    program: Program,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    texts: &mut Texts,
    warnings: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) {
    let prefix = program.env_prefix();
    for (variable, value) in env {
        let Ok(variable) = variable.into_string() else {
            continue;
        };
        // The fetchers that we start inherit it.
        texts.fetchers_storage |= variable == FETCHERS_STORAGE;
        let Some(name) = variable.strip_prefix(prefix) else {
            continue;
        };
        let Some(row) = row(program, name).filter(|_| !name.contains('-')) else {
            let nearest =
                nearest(program, name).map(|name| format!("{prefix}{}", name.to_uppercase()));
            warnings.push(
                Problem::unknown(
                    Place::Variable(variable.clone()),
                    "option",
                    nearest.as_deref(),
                )
                .to_string(),
            );
            continue;
        };
        match value.into_string() {
            Ok(value) => texts.offer(row, value, Origin::Environment(variable)),
            Err(_) => problems
                .push(Problem::new(Place::Variable(variable), "not UTF-8").allowing("UTF-8")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_with_the_prefix() {
        for (variable, taken, warning, why) in [
            ("TLSRPT_COLLECTD_LOG_LEVEL", true, "", "an option"),
            (
                "TLSRPT_COLLECTD_LOG_LEVL",
                false,
                "did you mean TLSRPT_COLLECTD_LOG_LEVEL?",
                "a slip",
            ),
            (
                "TLSRPT_COLLECTD_ZZZ",
                false,
                "TLSRPT_COLLECTD_ZZZ: unknown option; --help",
                "like none",
            ),
            ("TLSRPT_REPORTD_LOG_LEVEL", false, "", "another program's"),
            ("HOME", false, "", "anybody's"),
        ] {
            let mut texts = Texts::new(Program::Collectd);
            let (mut warnings, mut problems) = (Vec::new(), Vec::new());
            let env = [(OsString::from(variable), OsString::from("debug"))];
            read(
                Program::Collectd,
                env,
                &mut texts,
                &mut warnings,
                &mut problems,
            );
            let row = row(Program::Collectd, "log_level").unwrap();
            assert_eq!(texts.text(row).value == "debug", taken, "{why}");
            assert!(
                warnings.join("\n").contains(warning) && warnings.is_empty() == warning.is_empty(),
                "{why}"
            );
        }
    }
}
