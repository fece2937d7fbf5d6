//! For bash, without the functions of the bash-completion package.

use std::fmt::Write;

use super::{Offer, Values, function, of_command, offers, remark};
use tlsrptd_config::{
    command::{self, COMMANDS},
    option::Program,
};

pub(super) fn text(program: Program) -> String {
    let mut offers = offers(program);
    offers.extend(command::options(program).iter().map(of_command));
    let function = function(program);
    let mut out = remark("bash", program);
    let _ = write!(
        out,
        "\n{function}()\n{{\n\
         \x20   local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}\n\
         \x20   # --NAME=VALUE comes as three words.\n\
         \x20   if [[ $current == = ]]; then\n\
         \x20       current=\n\
         \x20   elif [[ $before == = ]]; then\n\
         \x20       before=${{COMP_WORDS[COMP_CWORD - 2]}}\n\
         \x20   fi\n\
         \x20   # - and _ are alike.\n\
         \x20   [[ $before == --* ]] && before=${{before:2}} && before=--${{before//-/_}}\n\
         \x20   COMPREPLY=()\n\
         \x20   case $before in\n"
    );
    values(&mut out, &offers);
    out += "    esac\n";
    // One name may be an option of two commands.
    let names = distinct(offers.iter().map(|offer| format!("--{}", offer.name)));
    let when = match program {
        Program::Collectd | Program::Reportd | Program::Statusd | Program::Shipper => {
            "$current == -* || -z $current"
        }
        Program::Fetcher | Program::Ctl => "$current == -*",
    };
    let _ = write!(
        out,
        "    if [[ {when} ]]; then\n\
         \x20       current=${{current#-}} current=${{current#-}}\n\
         \x20       mapfile -t COMPREPLY < <(compgen -W '\n            {}' -- \"--${{current//-/_}}\")\n\
         \x20       return\n\
         \x20   fi\n",
        names.join("\n            ")
    );
    if program == Program::Ctl {
        commands(&mut out);
    }
    let _ = write!(
        out,
        "    return 0\n}}\n\
         complete -F {function} {}\n",
        program.name()
    );
    out
}

/// A branch for each kind of values.
fn values(out: &mut String, offers: &[Offer]) {
    for values in distinct(offers.iter().map(|offer| offer.values)) {
        let names: Vec<String> = offers
            .iter()
            .filter(|offer| offer.values == values && !offer.metavar.is_empty())
            .map(|offer| format!("--{}", offer.name))
            .collect();
        if names.is_empty() {
            continue;
        }
        let _ = writeln!(out, "    {})", names.join(" | \\\n    "));
        match values {
            Values::Free => {}
            Values::Files => {
                out.push_str(
                    "        compopt -o filenames 2>/dev/null\n\
                     \x20       mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n",
                );
            }
            Values::Words(words) => {
                let _ = writeln!(
                    out,
                    "        mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$current\")",
                    words.join(" ")
                );
            }
        }
        out.push_str("        return ;;\n");
    }
}

/// What stands before may be an option's value, so that a command is known by its name; some have a second word.
fn commands(out: &mut String) {
    let firsts = distinct(COMMANDS.iter().map(|command| first(command.name)));
    let _ = write!(
        out,
        "    local command= word\n\
         \x20   for word in \"${{COMP_WORDS[@]:1:COMP_CWORD - 1}}\"; do\n\
         \x20       [[ ' {0} ' != *\" $word \"* ]] || command=$word\n\
         \x20   done\n\
         \x20   case $command in\n\
         \x20   '') mapfile -t COMPREPLY < <(compgen -W '{0}' -- \"$current\") ;;\n",
        firsts.join(" ")
    );
    for word in firsts {
        let seconds: Vec<&str> = COMMANDS
            .iter()
            .filter_map(|command| command.name.strip_prefix(word)?.strip_prefix(' '))
            .collect();
        if !seconds.is_empty() {
            let _ = writeln!(
                out,
                "    {word}) [[ $before == {word} ]] && mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$current\") ;;",
                seconds.join(" ")
            );
        }
    }
    out.push_str("    esac\n");
}

fn first(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for item in items {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}
