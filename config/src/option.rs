//! The options: one table a program, one row an option.
//!
//! A row drives the argument, the environment variable, the file's key, `--help`, the example file and the manual.

mod collectd;
mod fetcher;
mod kind;
mod reportd;
mod shipper;
mod statusd;

pub use kind::Kind;

/// A program of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `tlsrpt-collectd`
    Collectd,
    /// `tlsrpt-fetcher`
    Fetcher,
    /// `tlsrpt-reportd`
    Reportd,
    /// `tlsrptctl`, which reads the reporter's options.
    Ctl,
    /// `tlsrpt-statusd`, which sys4 has nothing like.
    Statusd,
    /// `tlsrpt-shipper`, which sys4 has nothing like either.
    Shipper,
}

impl Program {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Program::Collectd => "tlsrpt-collectd",
            Program::Fetcher => "tlsrpt-fetcher",
            Program::Reportd => "tlsrpt-reportd",
            Program::Ctl => "tlsrptctl",
            Program::Statusd => "tlsrpt-statusd",
            Program::Shipper => "tlsrpt-shipper",
        }
    }

    /// The section of the file that the programs we replace read too; of a program that they have not, its only one.
    pub fn section(self) -> &'static str {
        match self {
            Program::Collectd => "tlsrpt_collectd",
            Program::Fetcher => "tlsrpt_fetcher",
            Program::Reportd | Program::Ctl => "tlsrpt_reportd",
            Program::Statusd | Program::Shipper => self.own_section(),
        }
    }

    /// The section that only we read, so that one file serves both.
    pub fn own_section(self) -> &'static str {
        match self {
            Program::Collectd => "tlsrptd_collectd",
            Program::Fetcher => "tlsrptd_fetcher",
            Program::Reportd | Program::Ctl => "tlsrptd_reportd",
            Program::Statusd => "tlsrptd_statusd",
            Program::Shipper => "tlsrptd_shipper",
        }
    }

    /// The file that is read when none is named.
    pub fn default_file(self) -> &'static str {
        match self {
            Program::Collectd => "/etc/tlsrpt/collectd.cfg",
            Program::Fetcher => "/etc/tlsrpt/fetcher.cfg",
            Program::Reportd | Program::Ctl => "/etc/tlsrpt/reportd.cfg",
            Program::Statusd => "/etc/tlsrpt/statusd.cfg",
            Program::Shipper => "/etc/tlsrpt/shipper.cfg",
        }
    }

    /// What its environment variables begin with.
    pub fn env_prefix(self) -> &'static str {
        match self {
            Program::Collectd => "TLSRPT_COLLECTD_",
            Program::Fetcher => "TLSRPT_FETCHER_",
            Program::Reportd | Program::Ctl => "TLSRPT_REPORTD_",
            Program::Statusd => "TLSRPT_STATUSD_",
            Program::Shipper => "TLSRPT_SHIPPER_",
        }
    }
}

/// The options of a program, in the order of its manual.
pub fn rows(program: Program) -> &'static [Row] {
    match program {
        Program::Collectd => collectd::ROWS,
        Program::Fetcher => fetcher::ROWS,
        Program::Reportd | Program::Ctl => reportd::ROWS,
        Program::Statusd => statusd::ROWS,
        Program::Shipper => shipper::ROWS,
    }
}

/// The row of an option; `-` and `_` are alike, and so are capitals.
pub fn row(program: Program, name: &str) -> Option<&'static Row> {
    let name = name.replace('-', "_").to_lowercase();
    rows(program).iter().find(|row| row.name == name)
}

/// The known option that is most similar to a wrong name, if one is similar.
pub(crate) fn nearest(program: Program, name: &str) -> Option<&'static str> {
    let name = name.replace('-', "_").to_lowercase();
    rows(program)
        .iter()
        .map(|row| (strsim::jaro_winkler(row.name, &name), row.name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// One option.
#[derive(Debug)]
pub struct Row {
    /// As in the file; the argument is `--name`, the variable PREFIX + NAME.
    pub name: &'static str,
    /// Whether the programs we replace know it too.
    pub known_to_sys4: bool,
    /// What its values are.
    pub kind: Kind,
    /// What holds when it is not set.
    pub default: Default,
    /// What it does, in one or two sentences.
    pub meaning: &'static str,
    /// `false`: accepted for the sake of existing files, and warned of when set.
    pub effective: bool,
}

/// What holds when an option is not set.
#[derive(Debug, Clone, Copy)]
pub enum Default {
    /// The program does not start.
    Required {
        /// A value for the example file.
        example: &'static str,
    },
    /// There is no value.
    Unset {
        /// What happens then.
        then: &'static str,
        /// A value for the example file.
        example: &'static str,
    },
    /// This value.
    Is(&'static str),
}

impl Default {
    /// The value when none is given.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Default::Is(text) => text,
            Default::Required { .. } | Default::Unset { .. } => "",
        }
    }

    /// A value that shows the form.
    pub fn example(self) -> &'static str {
        match self {
            Default::Is(text) => text,
            Default::Required { example } | Default::Unset { example, .. } => example,
        }
    }
}

impl Row {
    /// What is allowed and what holds by default, in sentences for `--help` and example file.
    pub fn remarks(&self) -> String {
        let default = match self.default {
            Default::Required { .. } => "Required.".to_owned(),
            Default::Unset { then, .. } => format!("When not set: {then}."),
            Default::Is(text) => format!("Default: {text}."),
        };
        match self.allowed() {
            None => default,
            Some(allowed) => format!("Allowed: {allowed}. {default}"),
        }
    }

    /// What is allowed, where that is not obvious.
    pub fn allowed(&self) -> Option<String> {
        match self.kind {
            Kind::Text | Kind::Path | Kind::Shell => None,
            kind => Some(kind.allowed()),
        }
    }
}

/// An option that the programs we replace have.
const fn sys4(name: &'static str, kind: Kind, default: Default, meaning: &'static str) -> Row {
    Row {
        name,
        known_to_sys4: true,
        kind,
        default,
        meaning,
        effective: true,
    }
}

/// An option that only we have.
const fn ours(name: &'static str, kind: Kind, default: Default, meaning: &'static str) -> Row {
    Row {
        name,
        known_to_sys4: false,
        kind,
        default,
        meaning,
        effective: true,
    }
}

/// An option that does nothing, as in sys4's programs.
const fn idle(name: &'static str, kind: Kind, default: Default, meaning: &'static str) -> Row {
    Row {
        name,
        known_to_sys4: true,
        kind,
        default,
        meaning,
        effective: false,
    }
}

const fn required(example: &'static str) -> Default {
    Default::Required { example }
}

const fn unset(then: &'static str, example: &'static str) -> Default {
    Default::Unset { then, example }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        for (name, want, why) in [
            ("log_level", Some("log_level"), "as in the file"),
            (
                "log-level",
                Some("log_level"),
                "as the manual of sys4 writes arguments",
            ),
            ("LOG_LEVEL", Some("log_level"), "keys have no case"),
            ("loglevel", None, "another name"),
        ] {
            assert_eq!(
                row(Program::Collectd, name).map(|row| row.name),
                want,
                "{why}"
            );
        }
    }

    #[test]
    fn a_wrong_name_meets_its_neighbour() {
        for (name, want, why) in [
            ("socket_name", Some("socketname"), "one sign too many"),
            (
                "max_uncommitted_datagrams",
                Some("max_uncommited_datagrams"),
                "spelled right, so wrong",
            ),
            ("zzz", None, "like nothing"),
        ] {
            assert_eq!(nearest(Program::Collectd, name), want, "{why}");
        }
    }

    #[test]
    fn no_option_stands_twice() {
        for program in [
            Program::Collectd,
            Program::Fetcher,
            Program::Reportd,
            Program::Statusd,
            Program::Shipper,
        ] {
            let mut names: Vec<_> = rows(program).iter().map(|row| row.name).collect();
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all, "{}", program.name());
            assert!(
                names
                    .iter()
                    .all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            );
        }
    }
}
