//! From words to a question.

use super::{
    AnswerBounds, AskedFleet, AskedRequests, Command, Deliveries, DkimRecord, Doctor, Failures,
    FailuresScope, KeyType, Meanings, Resend, SendTest, Show, ShowForm, StatusForm, Suppress, Wait,
};
use crate::{
    DayWord,
    args::Words,
    command::{self, COMMANDS, KEY_TYPES, OPTIONS, STATUSES},
    option::Kind,
    problem::{Place, Problem},
    value::{DkimKey, Setting},
};

/// A month.
const HISTORY_DAYS: u32 = 30;
/// For the answer to a request, in seconds.
const WAIT: u32 = 60;
const LONGEST_WAIT: u32 = 86_400;
/// A page.
const LIMIT: usize = 50;

/// The question, or what is wrong with it.
pub(super) fn command(words: &Words, bounds: AnswerBounds) -> Result<Command, Problem> {
    let operands: Vec<&str> = words.operands.iter().map(String::as_str).collect();
    let (name, operands) = split(&operands)?;
    fitting(name, words)?;
    let given = Given {
        name,
        words,
        bounds,
    };
    let command = match (name, operands) {
        ("status", []) => Command::Status(match given.switch("check") {
            true => StatusForm::Check,
            false => StatusForm::Screen,
        }),
        ("metrics", []) => Command::Metrics {
            output: given.last("output").map(Into::into),
        },
        ("history", []) => Command::History {
            days: given.days()?.unwrap_or(HISTORY_DAYS),
        },
        ("failures", []) => Command::Failures(failures(&given)?),
        ("deliveries", []) => deliveries(&given, DayWord::LastClosed)?,
        ("deliveries", [day]) => deliveries(&given, read_day(day)?)?,
        ("show", [domain]) => show(&given, domain, DayWord::LastClosed),
        ("show", [domain, day]) => show(&given, domain, read_day(day)?),
        ("why", [domain]) => why(domain, DayWord::LastClosed),
        ("why", [domain, day]) => why(domain, read_day(day)?),
        ("resend", [domain, day]) => Command::Resend(Resend {
            domain: (*domain).to_owned(),
            day: read_day(day)?,
            to: given.last("to"),
            wait: given.wait()?,
        }),
        ("send-test", [destination]) => Command::SendTest(SendTest {
            destination: (*destination).to_owned(),
            wait: given.wait()?,
        }),
        ("requests list", []) => Command::Requests(AskedRequests::List),
        ("requests withdraw", [_, ..]) => {
            Command::Requests(AskedRequests::Withdraw(request_numbers(operands)?))
        }
        ("bounce", []) => Command::Bounce {
            recipient: given.last("recipient"),
        },
        ("dkim-record", []) => Command::DkimRecord(dkim_record(&given)?),
        ("doctor", []) => Command::Doctor(Doctor {
            user: given.last("user"),
            collectd_config: given.last("collectd_config").map(Into::into),
        }),
        ("fleet" | "fleet retire" | "fleet unretire" | "fleet import" | "fleet export", _) => {
            Command::Fleet(fleet(name, operands)?)
        }
        ("maptest", [domain]) => maptest(domain, None),
        ("maptest", [domain, record]) => maptest(domain, Some(record)),
        ("suppress add" | "suppress remove" | "suppress list", _) => {
            Command::Suppress(suppress(&given, operands)?)
        }
        _ => return Err(wrong_number(name)),
    };
    Ok(command)
}

fn fleet(name: &'static str, operands: &[&str]) -> Result<AskedFleet, Problem> {
    Ok(match (name, operands) {
        ("fleet", []) => AskedFleet::Show,
        ("fleet retire", [name]) => AskedFleet::Retire((*name).to_owned()),
        ("fleet unretire", [name]) => AskedFleet::Unretire((*name).to_owned()),
        ("fleet import", [file]) => AskedFleet::Import(file.into()),
        ("fleet export", [file]) => AskedFleet::Export(file.into()),
        _ => return Err(wrong_number(name)),
    })
}

fn suppress(given: &Given<'_>, operands: &[&str]) -> Result<Suppress, Problem> {
    Ok(match (given.name, operands) {
        ("suppress add", [target]) => Suppress::Add {
            target: (*target).to_owned(),
            until: given.last("until"),
            reason: given.last("reason"),
        },
        ("suppress remove", [target]) => Suppress::Remove {
            target: (*target).to_owned(),
            domain: given.last("domain"),
        },
        ("suppress list", []) => Suppress::List,
        _ => return Err(wrong_number(given.name)),
    })
}

/// The name of the command, and what follows it.
fn split<'a>(operands: &'a [&'a str]) -> Result<(&'static str, &'a [&'a str]), Problem> {
    let problem = |place: &str, what: &str| Problem::new(Place::Argument(place.to_owned()), what);
    let known = |name: &str| command::row(name).map(|row| row.name);
    let [first, rest @ ..] = operands else {
        return Err(problem("COMMAND", "required, but not given").allowing(firsts().join(", ")));
    };
    let seconds = seconds(first);
    if seconds.is_empty() {
        return match known(first) {
            Some(name) => Ok((name, rest)),
            None => Err(problem(first, &unknown(first)).allowing(firsts().join(", "))),
        };
    }
    match rest {
        [] => match known(first) {
            Some(name) => Ok((name, rest)),
            None => Err(problem(first, &format!("needs {}", one_of(&seconds)))),
        },
        [second, rest @ ..] => match known(&format!("{first} {second}")) {
            Some(name) => Ok((name, rest)),
            None => Err(problem(second, "unknown command").allowing(seconds.join(", "))),
        },
    }
}

/// The second words of the commands that begin with this one.
fn seconds(first: &str) -> Vec<&'static str> {
    let words = COMMANDS.iter().filter_map(|row| row.name.split_once(' '));
    let of_it = words.filter(|(word, _)| *word == first);
    of_it.map(|(_, second)| second).collect()
}

/// As in `add, remove or list`.
fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    }
}

fn unknown(word: &str) -> String {
    let near = firsts()
        .into_iter()
        .map(|name| (strsim::jaro_winkler(name, word), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, name)) => format!("unknown command; did you mean {name}?"),
        None => "unknown command".to_owned(),
    }
}

fn firsts() -> Vec<&'static str> {
    let words = COMMANDS.iter().map(|row| row.name.split(' ').next());
    let mut firsts: Vec<&str> = words.flatten().collect();
    firsts.dedup();
    firsts
}

fn wrong_number(name: &'static str) -> Problem {
    let operands = command::row(name).map_or("", |row| row.operands);
    let last = name.rsplit(' ').next().unwrap_or(name);
    let usage = format!("{name} {operands}");
    Problem::new(
        Place::Argument(last.to_owned()),
        "wrong number of arguments",
    )
    .allowing(usage.trim_end())
}

/// Complains about the first option that is another command's.
fn fitting(name: &str, words: &Words) -> Result<(), Problem> {
    let foreign = |option: &&str| {
        let mut named = OPTIONS.iter().filter(|row| row.name == *option);
        !named.any(|row| row.commands.contains(&name))
    };
    let Some(option) = words.options.iter().map(|(row, _)| row.name).find(foreign) else {
        return Ok(());
    };
    let named = OPTIONS.iter().filter(|row| row.name == option);
    let of: Vec<&str> = named.flat_map(|row| row.commands).copied().collect();
    let place = Place::Argument(format!("--{option}"));
    Err(Problem::new(place, format!("belongs to {}", of.join(", "))))
}

/// The options that were given.
struct Given<'a> {
    name: &'static str,
    words: &'a Words,
    bounds: AnswerBounds,
}

impl Given<'_> {
    fn switch(&self, name: &str) -> bool {
        self.last(name).is_some()
    }

    /// Of an option that is given twice, the later one counts.
    fn last(&self, name: &str) -> Option<String> {
        let options = self.words.options.iter().rev();
        let mut of_command = options.filter(|(row, _)| row.commands.contains(&self.name));
        let given = of_command.find(|(row, _)| row.name == name);
        given.map(|(_, value)| value.clone())
    }

    fn wait(&self) -> Result<Wait, Problem> {
        let seconds = self.number("wait", LONGEST_WAIT)?;
        Ok(match self.switch("no_wait") {
            true => Wait::No,
            false => Wait::ForAnswer(seconds.unwrap_or(WAIT)),
        })
    }

    fn days(&self) -> Result<Option<u32>, Problem> {
        self.number("days", self.bounds.days)
    }

    /// From 1 to `most`.
    fn number<T>(&self, name: &str, most: T) -> Result<Option<T>, Problem>
    where
        T: std::str::FromStr + PartialOrd + From<u8> + std::fmt::Display,
    {
        let Some(text) = self.last(name) else {
            return Ok(None);
        };
        match text.trim().parse::<T>() {
            Ok(number) if number >= T::from(1) && number <= most => Ok(Some(number)),
            Ok(_) => {
                Err(wrong(name, format!("{text} is out of range")).allowing(format!("1 to {most}")))
            }
            Err(_) => Err(wrong(name, format!("`{text}` is not a whole number"))
                .allowing(format!("1 to {most}"))),
        }
    }

    /// One of these words.
    fn word(&self, name: &str, words: &[&str]) -> Result<Option<String>, Problem> {
        let Some(text) = self.last(name) else {
            return Ok(None);
        };
        let word = text.trim().to_ascii_lowercase();
        match words.contains(&word.as_str()) {
            true => Ok(Some(word)),
            false => {
                Err(wrong(name, format!("`{text}` is none of them")).allowing(words.join(", ")))
            }
        }
    }
}

fn wrong(name: &str, what: String) -> Problem {
    Problem::new(Place::Argument(format!("--{name}")), what)
}

fn read_day(text: &str) -> Result<DayWord, Problem> {
    DayWord::parse(text).map_err(|what| {
        let place = Place::Argument("DAY".to_owned());
        Problem::new(place, what).allowing("YYYY-MM-DD, today, yesterday")
    })
}

fn failures(given: &Given<'_>) -> Result<Failures, Problem> {
    Ok(Failures {
        days: given.days()?.unwrap_or(1),
        domain: given.last("domain"),
        scope: match given.switch("new") {
            true => FailuresScope::New,
            false => FailuresScope::All,
        },
        meanings: match given.switch("explain") {
            true => Meanings::Told,
            false => Meanings::LeftOut,
        },
        limit: limit(given)?,
    })
}

fn deliveries(given: &Given<'_>, day: DayWord) -> Result<Command, Problem> {
    let question = Deliveries {
        day,
        domain: given.last("domain"),
        status: given.word("status", STATUSES)?,
        limit: limit(given)?,
    };
    Ok(match question.day {
        DayWord::Today => Command::DeliveriesToday(question),
        _ => Command::Deliveries(question),
    })
}

fn limit(given: &Given<'_>) -> Result<usize, Problem> {
    let limit = given.number("limit", given.bounds.lines)?;
    Ok(limit.map_or(LIMIT, |limit| limit as usize))
}

fn show(given: &Given<'_>, domain: &str, day: DayWord) -> Command {
    Command::Show(Show {
        domain: domain.to_owned(),
        day,
        form: match given.switch("mail") {
            true => ShowForm::Mail,
            false => ShowForm::Report,
        },
    })
}

fn why(domain: &str, day: DayWord) -> Command {
    Command::Why {
        domain: domain.to_owned(),
        day,
    }
}

fn request_numbers(operands: &[&str]) -> Result<Vec<i64>, Problem> {
    let number = |text: &&str| match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => {
            let place = Place::Argument("NUMBER".to_owned());
            let what = format!("`{text}` is not the number of a request");
            Err(Problem::new(place, what).allowing("those of tlsrptctl requests list"))
        }
    };
    operands.iter().map(number).collect()
}

fn maptest(domain: &str, record: Option<&&str>) -> Command {
    Command::Maptest {
        domain: domain.to_owned(),
        record: record.map(|record| (*record).to_owned()),
    }
}

/// As `dkim_keys` takes it.
fn is_selector(text: &str) -> bool {
    let entry = format!("{text}:/x");
    !text.contains([':', ',']) && <Vec<DkimKey>>::parse(&entry, Kind::DkimKeys).is_ok()
}

fn dkim_record(given: &Given<'_>) -> Result<DkimRecord, Problem> {
    let key_type = match given.word("type", KEY_TYPES)?.as_deref() {
        Some("ed25519") => Some(KeyType::Ed25519),
        Some(_) => Some(KeyType::Rsa),
        None => None,
    };
    let out = given.last("out");
    match given.last("new") {
        Some(selector) if !is_selector(&selector) => {
            let what = format!("`{selector}` is not a selector");
            Err(wrong("new", what).allowing("letters, digits and hyphens, as mail-tlsrpt"))
        }
        Some(selector) => Ok(DkimRecord::New {
            selector,
            key_type: key_type.unwrap_or(KeyType::Rsa),
            out: out.map(Into::into),
        }),
        None if key_type.is_some() => Err(wrong("type", "set without --new".to_owned())),
        None if out.is_some() => Err(wrong("out", "set without --new".to_owned())),
        None => Ok(DkimRecord::Configured),
    }
}
