//! Fetchers of this host that nobody has told where the storage is: files of distributions say `fetchers = tlsrpt-fetcher`
//! and start the daemons with `--config_file`, which a fetcher knows nothing of.

use std::path::Path;

use super::Reportd;
use crate::{FetcherCommand, env::FETCHERS_STORAGE, option::Program, reader::Reader};

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
    program.rsplit('/').next() == Some("tlsrpt-fetcher") && !arguments.iter().any(told)
}

#[cfg(test)]
mod tests {
    use super::*;

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
