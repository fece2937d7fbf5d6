//! What an operator does about a fault.

use crate::fault::Fault;

/// Who asks: each has options of its own, and rights of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// `tlsrpt-reportd`, and what answers questions about it: its user owns the tables.
    Reporter,
    /// `tlsrpt-shipper`: its user was given some rights.
    Shipper,
}

/// What mends a fault, by its SQLSTATE (PostgreSQL's Appendix A) or by what was in the way of a connection. The server's own
/// texts may be in any language; `pg_hba.conf` is in all of them. The options are named as the reporter's, and the shipper's
/// put in their place.
const BY_STATE: &[(&str, &str, &str)] = &[
    (
        "28000",
        "pg_hba.conf",
        "add a line for this host, user and database to the server's pg_hba.conf (hostssl ... scram-sha-256), and reload the server",
    ),
    ("28000", "", "make the user on the server: createuser NAME"),
    (
        "28P01",
        "",
        "dbname_password_file has to hold the password that the server has for this user: \\password NAME in psql sets it",
    ),
    (
        "3D000",
        "",
        "make the database on the server: createdb --owner USER --encoding UTF8 --template template0 DATABASE",
    ),
    (
        "42501",
        "",
        "the user has to own the schema tlsrpt and what is in it, or may make it: GRANT CREATE ON DATABASE ... TO ...",
    ),
    (
        "25006",
        "",
        "the server is a replica: name all servers in dbname (HOST1,HOST2), the primary is found among them",
    ),
    (
        "53300",
        "",
        "the server has no connection left: raise max_connections, or end what holds them (pg_stat_activity)",
    ),
    (
        "53200",
        "",
        "the server's table of locks is full: raise max_locks_per_transaction, and restart it",
    ),
    ("53100", "", "the server's disk is full: give it room"),
    ("57P03", "", "the server is starting or stopping: wait"),
];

/// What is another's to mend for the shipper.
const OF_SHIPPER: &[(&str, &str, &str)] = &[
    ("42501", "", RIGHTS),
    ("42P01", "", UNMADE),
    ("3F000", "", UNMADE),
];
const RIGHTS: &str = "give the user the rights that tlsrpt-shipper(8) lists (GRANT ...), in this database, as the tables' owner";
const UNMADE: &str =
    "no reporter has made the tables yet: start tlsrpt-reportd first, on this database";

const BY_TEXT: &[(&str, &str)] = &[
    (
        "sslrootcert",
        "the service has to see that file and read it: /etc/ssl/certs is open to all, and of /etc/tlsrpt the units show little",
    ),
    (
        "password missing",
        "the server asks for a password: set dbname_password_file",
    ),
    (
        "does not allow writes",
        "no server that dbname names is the primary: name all of them (HOST1,HOST2), or promote one",
    ),
    (
        "server does not support TLS",
        "turn TLS on at the server (ssl = on), or end dbname in ?sslmode=disable where nobody listens in between",
    ),
    (
        "certificate",
        "dbname has to name the host as the server's certificate does; an authority of the site's own is named by ?sslrootcert=FILE",
    ),
];

/// What keeps us out until somebody has seen to it, of the faults that come with a connection.
const KEEPS_OUT: [&str; 4] = [
    "sslrootcert",
    "certificate",
    "password missing",
    "server does not support TLS",
];

impl Fault {
    /// What mends it, where that is known.
    pub fn remedy(&self, client: Client) -> Option<String> {
        let (state, text) = self.state_and_text()?;
        let remedy = state
            .and_then(|state| by_state(client, state, &text))
            .or_else(|| by_text(&text))?;
        Some(match client {
            Client::Reporter => remedy.to_owned(),
            Client::Shipper => remedy.replace("dbname", "ship_to"),
        })
    }

    /// Whether the server, or its certificate, keeps us out: waiting does not help, as somebody has to see to it.
    pub fn is_refusal(&self) -> bool {
        match self.state_and_text() {
            Some((Some(state), _)) => state.starts_with("28") || matches!(state, "3D000" | "42501"),
            Some((None, text)) => KEEPS_OUT.iter().any(|part| text.contains(part)),
            None => false,
        }
    }

    /// The tables are not there: no reporter has made them yet.
    pub fn is_unmade(&self) -> bool {
        match self {
            // undefined_table, invalid_schema_name
            Fault::Sql(error) => error
                .code()
                .is_some_and(|code| matches!(code.code(), "42P01" | "3F000")),
            _ => false,
        }
    }

    /// Of what the server or the library says: SQLSTATE, and all texts.
    fn state_and_text(&self) -> Option<(Option<&str>, String)> {
        match self {
            Fault::Sql(error) => Some((
                error.code().map(|code| code.code()),
                crate::fault::told(error),
            )),
            Fault::Connect { source, .. } => match source.downcast_ref::<Fault>() {
                Some(fault) => fault.state_and_text(),
                None => Some((None, chain(source.as_ref()))),
            },
            Fault::Silent { .. }
            | Fault::Version(_)
            | Fault::Fenced
            | Fault::Held { .. }
            | Fault::Row(_) => None,
        }
    }
}

fn by_state(client: Client, state: &str, text: &str) -> Option<&'static str> {
    let own = match client {
        Client::Reporter => &[],
        Client::Shipper => OF_SHIPPER,
    };
    let mut rows = own.iter().chain(BY_STATE);
    let row = rows.find(|(of, part, _)| *of == state && text.contains(part));
    row.map(|(_, _, remedy)| *remedy)
}

fn by_text(text: &str) -> Option<&'static str> {
    let mut rows = BY_TEXT.iter();
    let row = rows.find(|(part, _)| text.contains(part));
    row.map(|(_, remedy)| *remedy)
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text += &format!(": {error}");
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_fits() {
        for (state, text, part, why) in [
            (
                "28000",
                "no pg_hba.conf entry for host",
                "add a line",
                "a host",
            ),
            (
                "28000",
                "kein pg_hba.conf-Eintrag",
                "add a line",
                "in another language",
            ),
            ("28000", "role \"x\" does not exist", "createuser", "a user"),
            ("28P01", "", "dbname_password_file", "a password"),
        ] {
            let remedy = by_state(Client::Reporter, state, text).unwrap();
            assert!(remedy.contains(part), "{why}: {remedy}");
        }
        assert_eq!(
            by_state(Client::Shipper, "40001", ""),
            None,
            "it passes by itself"
        );
        let rights = |client| by_state(client, "42501", "").unwrap();
        assert!(rights(Client::Reporter).contains("own the schema"));
        assert!(rights(Client::Shipper).contains("tlsrpt-shipper(8)"));
        assert!(by_text("invalid peer certificate: UnknownIssuer").is_some());
    }
}
