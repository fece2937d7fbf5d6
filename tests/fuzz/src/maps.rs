//! Destination maps: any text is a map or a list of mistakes, each with its own line; the first line that matches wins;
//! what comes out is safe to use, and the same each time.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tlsrptd_config::{Start, reportd, reportd::Reportd};
use tlsrptd_proto::domain::Domain;
use tlsrptd_proto::tlsrpt_record::TlsrptRecord;
use tlsrptd_reporter::route::{Routed, Routes};

/// A pattern has a limit of steps; a report whose map takes longer would hold up those of others.
const LONGEST: Duration = Duration::from_secs(5);
const REQUIRED: [&str; 4] = [
    "--dbname=/x",
    "--fetchers=x",
    "--organization_name=x",
    "--contact_info=a@b.example",
];

#[derive(Debug, Clone, Copy)]
enum Which {
    Record,
    Mail,
    Http,
}

impl Which {
    fn path(self, settings: &mut Reportd) -> &mut Option<PathBuf> {
        match self {
            Which::Record => &mut settings.tlsrpt_record_map,
            Which::Mail => &mut settings.mail_destination_map,
            Which::Http => &mut settings.http_upload_map,
        }
    }

    /// As messages name it.
    fn name(self) -> &'static str {
        match self {
            Which::Record => "rua map",
            Which::Mail => "mail map",
            Which::Http => "http map",
        }
    }
}

/// The first line is the domain that is reported on, the second its record's `rua`, the rest a map.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(3, '\n');
    let (Some(domain), Some(rua), Some(map)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let asked = Domain::parse(domain)
        .ok()
        .zip(TlsrptRecord::parse(&format!("v=TLSRPTv1; rua={}", rua.trim_end())).ok());
    let bare = asked
        .as_ref()
        .map(|(domain, record)| route(&load(None), domain, record));
    for which in [Which::Record, Which::Mail, Which::Http] {
        let with = |map: &str| load(Some((which, map)));
        let routes = with(map);
        mistakes_name_their_lines(
            &routes,
            &with(&format!("# on top\n{map}")),
            which.name(),
            map,
        );
        let (Some((domain, record)), Some(Some(bare)), Ok(_)) = (&asked, &bare, &routes) else {
            continue;
        };
        let Some(routed) = route(&routes, domain, record) else {
            continue;
        };
        is_usable(&routed);
        let same = |other: &str, why: &str| {
            let other = route(&with(other), domain, record);
            assert_eq!(
                other.map(without_lines),
                Some(without_lines(routed.clone())),
                "{which:?}: {why}"
            );
        };
        same(map, "the same map");
        same(&format!("# on top\n\n{map}"), "comments are passed over");
        same(&format!("{map}\n{map}"), "the first match wins");
        let first = route(&with(&format!(". ACCEPT\n{map}")), domain, record);
        assert_eq!(
            first.as_ref(),
            Some(bare),
            "{which:?}: ACCEPT changes nothing"
        );
    }
}

fn load(map: Option<(Which, &str)>) -> Result<Routes, Vec<String>> {
    let path = std::env::temp_dir().join(format!("tlsrptd-fuzz-{}.map", std::process::id()));
    if let Some((_, text)) = map
        && let Err(error) = fs::write(&path, text)
    {
        panic!("cannot write {}: {error}", path.display());
    }
    let mut settings = settings().clone();
    if let Some((which, _)) = map {
        *which.path(&mut settings) = Some(path);
    }
    Routes::load(&settings).map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

/// Read once: only the map's path differs.
fn settings() -> &'static Reportd {
    static SETTINGS: OnceLock<Reportd> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        // Not the file of this machine.
        let file = std::env::temp_dir().join(format!("tlsrptd-fuzz-{}.cfg", std::process::id()));
        if let Err(error) = fs::write(&file, "[tlsrpt_reportd]\n") {
            panic!("cannot write {}: {error}", file.display());
        }
        let mut args: Vec<OsString> = vec!["--config_file".into(), file.into()];
        args.extend(REQUIRED.map(OsString::from));
        match reportd::load(args, Vec::<(OsString, OsString)>::new()) {
            Start::Run(settings) => settings.values,
            Start::Done { stderr, .. } => panic!("{stderr}"),
        }
    })
}

/// Why something is dropped may name a line, which moves.
fn without_lines(mut routed: Routed) -> Routed {
    for (_, reason) in &mut routed.dropped {
        if reason.contains(" line ") {
            reason.clear();
        }
    }
    routed
}

/// In bounded time.
fn route(
    routes: &Result<Routes, Vec<String>>,
    domain: &Domain,
    record: &TlsrptRecord,
) -> Option<Routed> {
    let began = Instant::now();
    let routed = routes.as_ref().ok()?.route(domain, record);
    assert!(began.elapsed() < LONGEST, "it takes {:?}", began.elapsed());
    Some(routed)
}

/// `rua map line 7: ...`, and with a comment on top of it 8.
fn mistakes_name_their_lines(
    routes: &Result<Routes, Vec<String>>,
    below: &Result<Routes, Vec<String>>,
    name: &str,
    map: &str,
) {
    let (Err(mistakes), Err(moved)) = (routes, below) else {
        assert_eq!(routes.is_ok(), below.is_ok(), "a comment is no mistake");
        return;
    };
    assert_eq!(mistakes.len(), moved.len());
    for (mistake, moved) in mistakes.iter().zip(moved) {
        let number = number(mistake, name);
        assert!((1..=map.lines().count()).contains(&number), "{mistake}");
        assert_eq!(self::number(moved, name), number + 1, "{mistake}: {moved}");
    }
}

fn number(mistake: &str, name: &str) -> usize {
    let rest = mistake.strip_prefix(&format!("{name} line "));
    let digits = rest.and_then(|rest| rest.split(':').next());
    let number = digits.and_then(|digits| digits.parse().ok());
    number.unwrap_or_else(|| panic!("no line is named: {mistake}"))
}

fn is_usable(routed: &Routed) {
    for (number, destination) in routed.destinations.iter().enumerate() {
        let uri = destination.uri();
        assert!(
            !uri.is_empty() && !uri.chars().any(char::is_control),
            "{uri:?}"
        );
        let twice = routed.destinations[..number]
            .iter()
            .any(|other| other.uri() == uri);
        assert!(!twice, "{uri:?} stands twice");
    }
}
