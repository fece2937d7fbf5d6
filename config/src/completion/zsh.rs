//! For zsh, by its own `_arguments`.

use std::fmt::Write;

use super::{Offer, Values, offers, quoted, short};
use crate::{command::COMMANDS, option::Program};

pub(super) fn text(program: Program) -> String {
    // The first line is what zsh reads.
    let mut out = format!("#compdef {}\n", program.name());
    out += &super::remark("zsh", program);
    out += "\n_arguments";
    for offer in offers(program) {
        let _ = write!(out, " \\\n    {}", quoted(&spec(&offer)));
    }
    for operand in operands(program) {
        let _ = write!(out, " \\\n    {}", quoted(&operand));
    }
    out + "\n"
}

/// `--name=[meaning]:what:how`; with `=` the value may stand behind a blank too.
fn spec(offer: &Offer) -> String {
    let meaning = escaped(&offer.meaning);
    if offer.metavar.is_empty() {
        return format!("--{}[{meaning}]", offer.name);
    }
    let how = match offer.values {
        Values::Free => " ".to_owned(),
        Values::Files => "_files".to_owned(),
        Values::Words(words) => format!("({})", escaped(&words.join(" "))),
    };
    format!(
        "--{}=[{meaning}]:{}:{how}",
        offer.name,
        escaped(offer.metavar)
    )
}

fn operands(program: Program) -> Vec<String> {
    match program {
        Program::Collectd | Program::Reportd => Vec::new(),
        Program::Fetcher => vec!["1:DAY (YYYY-MM-DD): ".to_owned(), "2::DOMAIN: ".to_owned()],
        Program::Ctl => {
            let mut words = String::new();
            let mut seconds = String::new();
            for command in COMMANDS {
                let meaning = escaped(&short(command.meaning));
                match command.name.split_once(' ') {
                    None => {
                        let _ = write!(words, "{}\\:\"{meaning}\" ", command.name);
                    }
                    Some((first, second)) => {
                        if !words.contains(&format!("{first}\\:")) {
                            let _ = write!(words, "{first}\\:\"of {first}\" ");
                        }
                        let _ = write!(seconds, "{second} ");
                    }
                }
            }
            let mut operands = vec![format!("1:command:(({}))", words.trim_end())];
            operands.push(match seconds.trim_end() {
                "" => "*::operand: ".to_owned(),
                seconds => format!("*::operand:({seconds})"),
            });
            operands
        }
    }
}

/// Within `[...]` and between colons.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "\\[]:".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
