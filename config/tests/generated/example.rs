//! The example files, out of the table.

use tlsrptd_config::{
    help::wrap,
    option::{Default, Program, Row, rows},
};

/// The example file of a program: required options set, the others commented out with their defaults.
///
/// What the programs we replace know too stands in their section, the rest in ours: so one file serves both.
pub fn text(program: Program) -> String {
    let mut out = format!(
        "# Configuration of {name}. {name} --help lists the same options,\n\
         # {name} --check-config checks this file.\n\
         # Options that are commented out show their default, or an example where there is none.\n\
         \n[{section}]\n",
        name = program.name(),
        section = program.section(),
    );
    let (shared, own): (Vec<_>, Vec<_>) = rows(program).iter().partition(|row| row.known_to_sys4);
    shared.iter().for_each(|row| entry(&mut out, row));
    // Of a program that they have not, there is one section.
    if !own.is_empty() && !shared.is_empty() {
        out += &format!(
            "\n# What follows is known to tlsrptd only; the Python tlsrpt-reporter ignores this section.\n[{}]\n",
            program.own_section()
        );
    }
    own.iter().for_each(|row| entry(&mut out, row));
    out
}

fn entry(out: &mut String, row: &Row) {
    out.push('\n');
    for text in [row.meaning, &row.remarks()] {
        for line in wrap(text, 100) {
            *out += &format!("# {line}\n");
        }
    }
    let mark = if matches!(row.default, Default::Required { .. }) {
        ""
    } else {
        "#"
    };
    *out += &format!("{mark}{} = {}\n", row.name, row.default.example());
}
