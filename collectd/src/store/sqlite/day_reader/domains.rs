//! Every domain of a day with its counts, in binary order of their normal names, each once.
//!
//! Our own files have normal names only, and are read in their order. sys4's may have others, which stand elsewhere in the
//! order: these are few, and are held in memory.

use std::{collections::BTreeMap, rc::Rc};

use tlsrptd_proto::{counts::DomainCounts, day::Day, domain::Domain};
use tracing::warn;

use super::{super::error::SqliteError, ClosedFile, counts, names::MergedNames};

/// See the module.
pub(super) struct Domains<'f> {
    files: &'f [Rc<ClosedFile>],
    day: Day,
    names: MergedNames<'f>,
    /// The next domain of `names`.
    next: Option<Domain>,
    /// Names that are not normal, by their normal form.
    others: BTreeMap<Domain, Vec<String>>,
}

impl<'f> Domains<'f> {
    pub(super) fn new(files: &'f [Rc<ClosedFile>], day: Day) -> Result<Domains<'f>, SqliteError> {
        Ok(Domains {
            files,
            day,
            names: MergedNames::new(files, day),
            next: None,
            others: other_names(files, day)?,
        })
    }

    /// The next domain, with all names that it has in the files.
    fn next_names(&mut self) -> Result<Option<(Domain, Vec<String>)>, SqliteError> {
        while self.next.is_none() {
            let Some(name) = self.names.next().transpose()? else {
                break;
            };
            self.next = normal(&name);
        }
        let first = [self.next.as_ref(), self.others.keys().next()];
        let Some(domain) = first.into_iter().flatten().min().cloned() else {
            return Ok(None);
        };
        let mut names = self.others.remove(&domain).unwrap_or_default();
        if self.next.take_if(|next| *next == domain).is_some() {
            names.push(domain.as_str().to_owned());
        }
        Ok(Some((domain, names)))
    }
}

impl Iterator for Domains<'_> {
    type Item = Result<(Domain, DomainCounts), SqliteError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (domain, names) = match self.next_names().transpose()? {
            Ok(found) => found,
            Err(error) => return Some(Err(error)),
        };
        let counts = counts::read(self.files, self.day, &domain, &names);
        Some(counts.map(|counts| (domain, counts)))
    }
}

fn normal(name: &str) -> Option<Domain> {
    Domain::parse(name)
        .ok()
        .filter(|domain| domain.as_str() == name)
}

fn other_names(
    files: &[Rc<ClosedFile>],
    day: Day,
) -> Result<BTreeMap<Domain, Vec<String>>, SqliteError> {
    let mut others: BTreeMap<Domain, Vec<String>> = BTreeMap::new();
    let mut unusable = None;
    let mut number = 0_u64;
    for name in MergedNames::new(files, day) {
        let name = name?;
        match Domain::parse(&name) {
            Ok(domain) if domain.as_str() == name => {}
            Ok(domain) => others.entry(domain).or_default().push(name),
            Err(error) => {
                number += 1;
                unusable.get_or_insert((name, error));
            }
        }
    }
    if let Some((name, error)) = unusable {
        warn!(name, %error, number, "names that no report can be made for are left out; this is the first");
    }
    Ok(others)
}
