//! For fish.

use std::fmt::Write;

use super::{Values, offers, quoted, remark, short};
use crate::{command::COMMANDS, option::Program};

pub(super) fn text(program: Program) -> String {
    let name = program.name();
    let mut out = remark("fish", program);
    let _ = writeln!(out, "complete -c {name} -f");
    for offer in offers(program) {
        let _ = write!(out, "complete -c {name} -l {}", offer.name);
        if !offer.metavar.is_empty() {
            out += match offer.values {
                Values::Files => " -r -F",
                Values::Free | Values::Words(_) => " -x",
            };
        }
        if let Values::Words(words) = offer.values {
            let _ = write!(out, " -a {}", quoted(&words.join(" ")));
        }
        let _ = writeln!(out, " -d {}", quoted(&offer.meaning));
    }
    if program == Program::Ctl {
        commands(&mut out, name);
    }
    out
}

fn commands(out: &mut String, name: &str) {
    let mut before = "";
    for command in COMMANDS {
        let meaning = quoted(&short(command.meaning));
        let (when, word) = match command.name.split_once(' ') {
            None => ("__fish_use_subcommand".to_owned(), command.name),
            Some((first, second)) => {
                // Once for all of its second words, which follow each other.
                if first != before {
                    let _ = writeln!(
                        out,
                        "complete -c {name} -n __fish_use_subcommand -a {first}"
                    );
                }
                before = first;
                (format!("'__fish_seen_subcommand_from {first}'"), second)
            }
        };
        let _ = writeln!(out, "complete -c {name} -n {when} -a {word} -d {meaning}");
    }
}
