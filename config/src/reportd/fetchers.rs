//! What can be told of fetchers before they run.
//!
//! In a fleet all members have the same ones, and one of them asks: what runs there is another collector on each.
//!
//! Some are of this host, and nobody has told them where the storage is: files of distributions say `fetchers =
//! tlsrpt-fetcher` and start the daemons with `--config_file`, which a fetcher knows nothing of.

use std::{
    env,
    path::{Path, PathBuf},
};

use super::Reportd;
use crate::{FetcherCommand, env::FETCHERS_STORAGE, option::Program, reader::Reader};

/// Refuses one collector in two spellings: its sessions would be counted twice. What the words say alone is seen when they
/// are read; here it is where the program lies, and how options are written.
pub(super) fn twice(settings: &Reportd, reader: &mut Reader<'_>) {
    let mut known: Vec<(Vec<String>, &FetcherCommand)> = Vec::new();
    for command in &settings.fetchers {
        let spelled = usual(command);
        if let Some((_, other)) = known.iter().find(|(other, _)| *other == spelled) {
            let what = format!(
                "`{}` and `{}` are one collector: its sessions would be counted twice",
                other.words.join(" "),
                command.words.join(" ")
            );
            reader.problem("fetchers", what, "each collector once");
            return;
        }
        known.push((spelled, command));
    }
}

/// The words with the program by its path, `-` and `_` alike in the names of options, and each option's value apart.
fn usual(command: &FetcherCommand) -> Vec<String> {
    let mut words = Vec::new();
    for word in command.words.iter().skip(1) {
        let Some(option) = word.strip_prefix("--") else {
            words.push(word.clone());
            continue;
        };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        words.push(format!("--{}", name.replace('-', "_")));
        words.extend(value.map(str::to_owned));
    }
    let program = command.words.first().map(|program| located(program));
    program.into_iter().chain(words).collect()
}

/// The program in the folder where it is found. A link's own name stays: what it starts may do as it is called.
fn located(program: &str) -> String {
    let path = match program.contains('/') {
        true => Some(PathBuf::from(program)),
        false => env::var_os("PATH").and_then(|path| {
            let files = env::split_paths(&path).map(|folder| folder.join(program));
            files.into_iter().find(|file| file.is_file())
        }),
    };
    let real = path.and_then(|path| {
        let folder = path.parent()?.canonicalize().ok()?;
        Some(folder.join(path.file_name()?).display().to_string())
    });
    real.unwrap_or_else(|| program.to_owned())
}

/// Warns of each, and says what to write.
pub(super) fn configured(settings: &Reportd, reader: &mut Reader<'_>) {
    let default = Program::Fetcher.default_file();
    if reader.texts().fetchers_storage || Path::new(default).exists() {
        return;
    }
    let file = reader.texts().fetchers_file.clone();
    for command in settings
        .fetchers
        .iter()
        .filter(|command| asks_nobody(command))
    {
        let command = command.words.join(" ");
        let remedy = match &file {
            Some(file) => format!("`{command} --config_file {file}`"),
            None => format!(
                "`{command} --config_file FILE`, a file with storage in its section [{}]",
                Program::Fetcher.section()
            ),
        };
        let what = format!(
            "`{command}` finds no storage: {default} does not exist, and {FETCHERS_STORAGE} is not set; write {remedy}"
        );
        reader.warn("fetchers", what);
    }
}

/// Whether it is a fetcher by itself, not through ssh or a script, that gets neither a file nor a storage.
fn asks_nobody(command: &FetcherCommand) -> bool {
    let Some((program, arguments)) = command.words.split_first() else {
        return false;
    };
    let told = |word: &String| {
        ["--config_file", "--config-file", "--storage"]
            .iter()
            .any(|option| word.starts_with(option))
    };
    name(program) == FETCHER && !arguments.iter().any(told)
}

const FETCHER: &str = "tlsrpt-fetcher";
/// Programs that start another one on their own host.
const STARTERS: &[&str] = &[
    "env", "nice", "ionice", "sudo", "doas", "runuser", "setpriv", "timeout",
];

impl Reportd {
    /// Fetchers that ask the collector of whichever host they run on: not through ssh. What a script does is not known.
    pub fn local_fetchers(&self) -> impl Iterator<Item = &FetcherCommand> {
        self.fetchers.iter().filter(|command| is_local(command))
    }
}

fn is_local(command: &FetcherCommand) -> bool {
    let mut names = command.words.iter().map(|word| name(word));
    match names.next() {
        Some(FETCHER) => true,
        Some(first) if STARTERS.contains(&first) => {
            names.find(|name| matches!(*name, FETCHER | "ssh")) == Some(FETCHER)
        }
        _ => false,
    }
}

/// A word without the folder that it names.
fn name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// Warns of fetchers that are another collector on each member of a fleet.
pub(super) fn of_each_member(settings: &Reportd, reader: &mut Reader<'_>) {
    if settings.database_address().is_none() {
        return;
    }
    for command in settings.local_fetchers() {
        let what = format!(
            "`{}` asks the collector of whichever member of the fleet runs it, and no other; if a tlsrpt-shipper tells of that \
             collector too, its sessions are counted twice: take it out, or name the host (ssh HOST tlsrpt-fetcher)",
            command.words.join(" ")
        );
        reader.warn("fetchers", what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_collector_in_two_spellings() {
        let command = |text: &str| FetcherCommand {
            text: text.to_owned(),
            words: text.split_whitespace().map(str::to_owned).collect(),
        };
        for (one, other, alike, why) in [
            ("sh -c x", "/bin/sh -c x", true, "by PATH and by path"),
            (
                "/bin/sh x",
                "/bin/../bin/sh x",
                true,
                "a path in other words",
            ),
            (
                "/x/f --config_file /y",
                "/x/f --config-file=/y",
                true,
                "an option in two forms",
            ),
            (
                "/x/f --config_file /y",
                "/x/f --config_file /z",
                false,
                "two files",
            ),
            ("ssh mx1 f", "ssh mx2 f", false, "two hosts"),
            ("/x/f-mx1", "/x/f-mx2", false, "two names"),
        ] {
            assert_eq!(
                usual(&command(one)) == usual(&command(other)),
                alike,
                "{why}"
            );
        }
    }

    #[test]
    fn fetchers_of_this_host() {
        for (command, want, why) in [
            ("tlsrpt-fetcher", true, "as packages have it"),
            (
                "/usr/bin/tlsrpt-fetcher --config_file /x",
                true,
                "by its path, with options",
            ),
            ("sudo -u x /usr/bin/tlsrpt-fetcher", true, "as another user"),
            (
                "nice -n 5 env A=b tlsrpt-fetcher",
                true,
                "through two programs",
            ),
            ("ssh mx1 tlsrpt-fetcher", false, "another host's"),
            (
                "sudo -u x ssh mx1 /usr/bin/tlsrpt-fetcher",
                false,
                "another host's, as another user",
            ),
            (
                "/usr/local/bin/wrapper tlsrpt-fetcher",
                false,
                "a script knows what it does",
            ),
        ] {
            let settings = Reportd {
                fetchers: vec![FetcherCommand {
                    text: command.to_owned(),
                    words: command.split(' ').map(str::to_owned).collect(),
                }],
                ..Reportd::default()
            };
            assert_eq!(settings.local_fetchers().count() == 1, want, "{why}");
        }
    }

    #[test]
    fn who_has_to_be_told() {
        for (command, want, why) in [
            ("tlsrpt-fetcher", true, "as distributions ship it"),
            (
                "/usr/bin/tlsrpt-fetcher --log_level debug",
                true,
                "by its path",
            ),
            ("tlsrpt-fetcher --config_file /x", false, "told"),
            ("tlsrpt-fetcher --config-file=/x", false, "in another form"),
            (
                "tlsrpt-fetcher --storage sqlite:///x",
                false,
                "told directly",
            ),
            (
                "ssh mx1 tlsrpt-fetcher",
                false,
                "another host's files are its own",
            ),
            (
                "/usr/local/bin/wrapper",
                false,
                "a script knows what it does",
            ),
        ] {
            let command = FetcherCommand {
                text: command.to_owned(),
                words: command.split(' ').map(str::to_owned).collect(),
            };
            assert_eq!(asks_nobody(&command), want, "{why}");
        }
    }
}
