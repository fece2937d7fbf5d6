//! Domains above and below another: whoever asks for `mail.example.com` may mean `example.com`.

use rusqlite::Connection;
use tlsrptd_proto::{day::Day, domain::Domain};

/// Names that mail hosts have, below a domain: a search for all of them would read the whole day.
const USUAL: &[&str] = &[
    "mail", "mx", "mx1", "mx2", "smtp", "lists", "list", "www", "web", "groups", "news", "info",
    "bounce", "bounces", "email", "em", "e", "m",
];
/// A name has no more labels that are looked at.
const MAX_PARENTS: usize = 8;

/// Those that have a row on that day.
pub(super) fn find(db: &Connection, day: Day, domain: &Domain) -> rusqlite::Result<Vec<String>> {
    let domain = domain.as_str();
    let dots = domain.match_indices('.').map(|(dot, _)| &domain[dot + 1..]);
    // A top-level domain gets no reports.
    let parents = dots.filter(|parent| parent.contains('.')).take(MAX_PARENTS);
    let children = USUAL.iter().map(|label| format!("{label}.{domain}"));
    let mut select = db.prepare(super::COUNTED)?;
    let mut found = Vec::new();
    for name in parents.map(str::to_owned).chain(children) {
        if select.exists((day.to_string(), &name))? {
            found.push(name);
        }
    }
    Ok(found)
}
