//! Domains above and below another: whoever asks for `mail.example.com` may mean `example.com`.

use tlsrptd_proto::domain::Domain;

/// Names that mail hosts have, below a domain: a search for all of them would read the whole day.
const USUAL: &[&str] = &[
    "mail", "mx", "mx1", "mx2", "smtp", "lists", "list", "www", "web", "groups", "news", "info",
    "bounce", "bounces", "email", "em", "e", "m",
];
/// A name has no more labels that are looked at.
const MAX_PARENTS: usize = 8;

/// Those that an engine looks for.
pub(super) fn of(domain: &Domain) -> impl Iterator<Item = String> {
    let domain = domain.as_str();
    let dots = domain.match_indices('.').map(|(dot, _)| &domain[dot + 1..]);
    // A top-level domain gets no reports.
    let parents = dots.filter(|parent| parent.contains('.')).take(MAX_PARENTS);
    let children = USUAL.iter().map(move |label| format!("{label}.{domain}"));
    parents.map(str::to_owned).chain(children)
}
