//! From arguments, environment and file to settings: the way that all programs go.

use std::{ffi::OsString, fmt::Write, path::Path, sync::Arc};

use crate::{
    Settings, Start,
    args::{Arguments, Wish, Words},
    command::Needs,
    env, exit, file, help,
    option::Program,
    origin::{Origin, Texts},
    problem::{Place, Problem},
    reader::Reader,
};

/// The settings of a program.
pub(crate) trait Load: Sized {
    /// Whose they are.
    const PROGRAM: Program;

    /// Takes every option. `words` are the arguments beside them; `check` when nothing is to be done.
    fn read(reader: &mut Reader<'_>, words: &Words, check: bool) -> Self;

    /// Is told which file was read.
    fn read_from(&mut self, _: &Path) {}

    /// Whether what is asked is what is wrong: it is answered with a wrong configuration too.
    fn is_diagnosis(_: &Words) -> bool {
        false
    }

    /// Another program whose settings matter to this one.
    fn beside(&self) -> Option<Beside> {
        None
    }

    /// Takes the options of that program.
    fn read_beside(&mut self, _: &mut Reader<'_>) {}

    /// Takes what is wrong with the configuration, to be part of a diagnosis.
    fn diagnose(&mut self, _: Vec<Problem>, _: &[String]) {}
}

/// Where the settings of another program are from.
pub(crate) struct Beside {
    pub(crate) program: Program,
    /// Its file; `None`: its default file, when it is there.
    pub(crate) file: Option<String>,
    /// What of it matters.
    pub(crate) needs: Needs,
}

/// Reads arguments (without the program's name), environment and file.
pub(crate) fn load<T: Load>(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Start<T> {
    load_with(args, env, |_, _| Vec::new())
}

/// The same. On `--check-config` and when all is well so far, `look` says what is wrong with the files that the
/// settings name: only the programs know what stands in them. It is told which file was read.
pub(crate) fn load_with<T: Load>(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    look: impl FnOnce(&T, Option<&Path>) -> Vec<String>,
) -> Start<T> {
    let program = T::PROGRAM;
    let mut arguments = Arguments::parse(program, args);
    match arguments.wish {
        Wish::Help => return done(exit::OK, help::text(program), String::new()),
        Wish::Version => return done(exit::OK, version(program), String::new()),
        Wish::Run | Wish::Check => {}
    }
    let env: Vec<(OsString, OsString)> = env.into_iter().collect();
    let check = arguments.wish == Wish::Check;
    let diagnosis = T::is_diagnosis(&arguments.words) && !check;
    let words = std::mem::take(&mut arguments.words);
    let Sources {
        texts,
        file,
        mut problems,
        mut warnings,
    } = match Sources::read(program, arguments, env.iter().cloned(), diagnosis) {
        Ok(sources) => sources,
        Err(problems) => return done(exit::CONFIG, String::new(), complaint(&[], problems)),
    };

    let mut reader = Reader::new(program, &texts);
    let mut values = T::read(&mut reader, &words, check);
    if let Some(file) = &file {
        values.read_from(Path::new(&**file));
    }
    warn_of_idle_options(&mut reader);
    // A row that no program takes would be an option without a use.
    debug_assert!(
        reader.left_over().all(|row| !row.effective),
        "an option is left over"
    );
    let mut lines = reader.lines();
    let summary = summary(file.as_deref(), &reader);
    lines.append(&mut reader.notices);
    problems.append(&mut reader.problems);
    warnings.append(&mut reader.warnings);
    if let Some(beside) = values.beside() {
        lines.extend(read_beside(&mut values, beside, env, &mut problems));
    }

    if diagnosis {
        // What is wrong with the question itself is no finding.
        let of_arguments = |problem: &mut Problem| !matches!(problem.place, Place::Argument(_));
        let findings = problems.extract_if(.., of_arguments).collect();
        values.diagnose(findings, &warnings);
    }
    if !problems.is_empty() {
        return done(exit::CONFIG, String::new(), complaint(&warnings, problems));
    }
    if check {
        let faults = look(&values, file.as_deref().map(Path::new));
        return checked(&faults, approval(file, &lines), &warnings);
    }
    Start::Run(Settings {
        values,
        summary,
        lines,
        warnings,
    })
}

/// The texts of the options, and what was wrong with the places that they are from.
struct Sources {
    texts: Texts,
    /// The configuration file, if there is one.
    file: Option<Arc<str>>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Sources {
    /// Reads the file, then the environment, then the arguments: the last one wins.
    ///
    /// # Errors
    /// All problems, when the file cannot be read and this is no diagnosis: of the options that it would have set, nothing
    /// can be said.
    fn read(
        program: Program,
        arguments: Arguments,
        env: impl IntoIterator<Item = (OsString, OsString)>,
        diagnosis: bool,
    ) -> Result<Sources, Vec<Problem>> {
        let mut texts = Texts::new(program);
        let mut problems = arguments.problems;
        let mut warnings = Vec::new();
        let file = arguments.config_file.as_deref();
        let file = match file::read(program, file, &mut texts, &mut warnings, &mut problems) {
            Ok(file) => file,
            Err(problem) => {
                problems.push(problem);
                if !diagnosis {
                    return Err(problems);
                }
                None
            }
        };
        env::read(program, env, &mut texts, &mut warnings, &mut problems);
        for (row, value) in arguments.given {
            texts.offer(row, value, Origin::Argument);
        }
        Ok(Sources {
            texts,
            file,
            problems,
            warnings,
        })
    }
}

/// Reads what matters of another program's settings, and gives their lines. What is strange there, that program warns of.
fn read_beside<T: Load>(
    values: &mut T,
    beside: Beside,
    env: Vec<(OsString, OsString)>,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let arguments = Arguments {
        config_file: beside.file,
        ..Arguments::default()
    };
    let sources = match Sources::read(beside.program, arguments, env, false) {
        Ok(sources) => sources,
        Err(found) => {
            problems.extend(found);
            return Vec::new();
        }
    };
    problems.extend(sources.problems);
    let mut reader = Reader::new(beside.program, &sources.texts);
    reader.need(beside.needs);
    reader.is_beside(match &sources.file {
        Some(file) => (**file).to_owned(),
        None => format!("{} (which is not there)", beside.program.default_file()),
    });
    values.read_beside(&mut reader);
    problems.append(&mut reader.problems);
    reader.lines()
}

/// Complains about operands where there are none.
pub(crate) fn no_operands(reader: &mut Reader<'_>, words: &Words) {
    for operand in &words.operands {
        let place = Place::Argument(operand.clone());
        reader
            .problems
            .push(Problem::new(place, "unexpected argument").allowing("--OPTION VALUE"));
    }
}

fn warn_of_idle_options(reader: &mut Reader<'_>) {
    let idle: Vec<_> = reader.left_over().filter(|row| !row.effective).collect();
    for row in idle {
        if reader.is_set(row.name) {
            // Its range is checked all the same: sys4 would refuse the file.
            let _: std::time::Duration = reader.take(row.name);
            reader.warn(row.name, "accepted for existing files, without effect");
        }
    }
}

fn checked<T>(faults: &[String], approval: String, warnings: &[String]) -> Start<T> {
    let told = complaint(warnings, Vec::new());
    if faults.is_empty() {
        return done(exit::OK, approval, told);
    }
    done(
        exit::CONFIG,
        String::new(),
        told + &faults.join("\n") + "\n",
    )
}

fn done<T>(code: u8, stdout: String, stderr: String) -> Start<T> {
    Start::Done {
        code,
        stdout,
        stderr,
    }
}

fn version(program: Program) -> String {
    format!(
        "{} (tlsrptd) {}\n",
        program.name(),
        env!("CARGO_PKG_VERSION")
    )
}

/// All warnings, then all problems in the order of their places.
fn complaint(warnings: &[String], mut problems: Vec<Problem>) -> String {
    problems.sort();
    problems.dedup();
    let mut text = String::new();
    // Writing to a String cannot fail.
    for warning in warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    for problem in problems {
        let _ = writeln!(text, "{problem}");
    }
    text
}

/// What an administrator set, in one line: the rest is in the manual.
fn summary(file: Option<&str>, reader: &Reader<'_>) -> String {
    let set = match reader.differing() {
        none if none.is_empty() => "all defaults".to_owned(),
        set => set.join(", "),
    };
    let notices = reader.notices.iter().map(|notice| format!("; {notice}"));
    let file = file.unwrap_or("no file");
    format!(
        "configuration: {file}: {set}{}",
        notices.collect::<String>()
    )
}

fn approval(file: Option<Arc<str>>, lines: &[String]) -> String {
    let file = file.as_deref().unwrap_or("no file");
    format!("configuration OK: {file}\n{}\n", lines.join("\n"))
}
