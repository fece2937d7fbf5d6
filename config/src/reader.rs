//! Takes typed values out of the texts, and collects what is wrong with them.

use std::collections::BTreeSet;

use crate::{
    command::Needs,
    option::{Default as Absent, Kind, Program, Row, rows},
    origin::{Origin, Text, Texts},
    problem::{Place, Problem, one_line},
    value::Setting,
};

/// One reading of all options of a program.
pub(crate) struct Reader<'a> {
    program: Program,
    texts: &'a Texts,
    /// The options that matter now.
    needed: Needs,
    /// Of a program whose settings another one reads: its file.
    beside: Option<String>,
    taken: BTreeSet<&'static str>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
    /// For the start-up log, beside the settings.
    pub(crate) notices: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(program: Program, texts: &'a Texts) -> Reader<'a> {
        Reader {
            program,
            texts,
            needed: Needs::All,
            beside: None,
            taken: BTreeSet::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Only these are looked at; the others count as not set, whatever stands there.
    pub(crate) fn need(&mut self, needs: Needs) {
        self.needed = needs;
    }

    /// Whoever reads them is another program, which takes none of them as its own argument.
    pub(crate) fn is_beside(&mut self, file: String) {
        self.beside = Some(file);
    }

    /// Whether all options are looked at.
    pub(crate) fn needs_all(&self) -> bool {
        matches!(self.needed, Needs::All)
    }

    /// The value of an option. After a problem it is a placeholder that nobody sees: `load` gives no settings then.
    pub(crate) fn take<T: Setting + Default>(&mut self, name: &'static str) -> T {
        let Some(row) = self.row(name).filter(|_| !self.texts.is_spoiled(name)) else {
            return T::default();
        };
        let text = self.text(row);
        if text.value.is_empty() {
            if let Some(value) = T::unset() {
                return value;
            }
            if matches!(row.default, Absent::Required { .. }) {
                if self.needed.requires(name) {
                    self.missing(row, &text.origin);
                }
                return T::default();
            }
        }
        T::parse(&text.value, row.kind).unwrap_or_else(|wrong| {
            self.problem(name, wrong, row.kind.allowed());
            T::default()
        })
    }

    /// Whether an option was set to something.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.find(name).is_some_and(|row| {
            let text = self.text(row);
            text.origin != Origin::Default && !text.value.is_empty()
        })
    }

    /// Whether an option was set to nothing.
    pub(crate) fn is_emptied(&self, name: &str) -> bool {
        self.find(name).is_some_and(|row| {
            let text = self.text(row);
            text.origin != Origin::Default && text.value.is_empty()
        })
    }

    /// Notes a problem with an option, at the place where it was set.
    pub(crate) fn problem(
        &mut self,
        name: &'static str,
        what: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        let problem = Problem::new(self.place(name), what);
        self.problems.push(problem.allowing(allowed));
    }

    /// Notes a warning about an option, at the place where it was set.
    pub(crate) fn warn(&mut self, name: &'static str, what: impl Into<String>) {
        let warning = Problem::new(self.place(name), what);
        self.warnings.push(warning.to_string());
    }

    /// What is known of where a fetcher that we start finds its configuration.
    pub(crate) fn texts(&self) -> &Texts {
        self.texts
    }

    /// `option = value (origin)` or `option not set (origin)`, one an option.
    pub(crate) fn lines(&self) -> Vec<String> {
        let rows = rows(self.program).iter().filter(|row| self.needs(row.name));
        rows.map(|row| {
            let text = self.text(row);
            let value = match row.kind {
                _ if text.value.is_empty() => {
                    return format!("{} not set ({})", row.name, text.origin);
                }
                Kind::Proxy => without_password(&text.value),
                _ => text.value,
            };
            format!("{} = {} ({})", row.name, one_line(&value), text.origin)
        })
        .collect()
    }

    /// `option = value` of each option that has another value than its default; with its origin where that is not the file.
    pub(crate) fn differing(&self) -> Vec<String> {
        let rows = rows(self.program).iter().filter(|row| self.needs(row.name));
        let differs = rows.filter_map(|row| {
            let text = self.text(row);
            let is_default = text.origin == Origin::Default || text.value == row.default.text();
            (!is_default).then(|| self.shown(row, text))
        });
        differs.collect()
    }

    fn shown(&self, row: &Row, text: Text) -> String {
        let value = match row.kind {
            Kind::Proxy => without_password(&text.value),
            _ => text.value,
        };
        match text.origin {
            Origin::File { .. } | Origin::Default => format!("{} = {}", row.name, one_line(&value)),
            origin => format!("{} = {} ({origin})", row.name, one_line(&value)),
        }
    }

    /// Options of the table that no settings read: a mistake of ours.
    pub(crate) fn left_over(&self) -> impl Iterator<Item = &'static Row> {
        rows(self.program)
            .iter()
            .filter(|row| !self.taken.contains(row.name))
    }

    fn row(&mut self, name: &'static str) -> Option<&'static Row> {
        self.taken.insert(name);
        let row = self.find(name);
        debug_assert!(row.is_some(), "`{name}` has no row");
        row
    }

    fn find(&self, name: &str) -> Option<&'static Row> {
        rows(self.program).iter().find(|row| row.name == name)
    }

    fn place(&self, name: &'static str) -> Place {
        match self.find(name) {
            Some(row) => self.text(row).origin.place(name),
            None => Place::Option(name.to_owned()),
        }
    }

    fn text(&self, row: &Row) -> Text {
        if self.needs(row.name) {
            self.texts.text(row)
        } else {
            Text {
                value: row.default.text().to_owned(),
                origin: Origin::Default,
            }
        }
    }

    fn needs(&self, name: &str) -> bool {
        self.needed.looks_at(name)
    }

    fn missing(&mut self, row: &'static Row, origin: &Origin) {
        let variable = format!("{}{}", self.program.env_prefix(), row.name.to_uppercase());
        let what = match (origin, &self.beside) {
            (Origin::Default, None) => format!(
                "required, but set neither in the file nor as {variable} nor as --{}",
                row.name
            ),
            (Origin::Default, Some(file)) => {
                format!("required, but set neither in {file} nor as {variable}")
            }
            _ => "required, but empty".to_owned(),
        };
        self.problem(row.name, what, row.kind.allowed());
    }
}

/// `http://USER:PASSWORD@HOST` with stars for what is before the `@`.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        _ => url.to_owned(),
    }
}
