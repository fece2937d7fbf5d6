//! Routing by maps, debug options and limits.

use super::*;

/// Maps by their text: record map, mail map, http map.
fn routes(record: &str, mail: &str, https: &str) -> Routes {
    let folder = tempfile::tempdir().unwrap();
    let load = |which, text: &str| {
        let path = folder.path().join("map");
        std::fs::write(&path, text).unwrap();
        DestinationMap::load(which, &path).unwrap()
    };
    Routes {
        failures: LogThrottle::default(),
        record: Some(load(MapKind::Rua, record)),
        mail: SchemeRoute::Map(load(MapKind::Mail, mail)),
        https: SchemeRoute::Map(load(MapKind::Http, https)),
        max_destinations: 3,
    }
}

fn route(routes: &Routes, rua: &str) -> Routed {
    let record = TlsrptRecord::parse(&format!("v=TLSRPTv1; rua={rua}")).unwrap();
    routes.route(&Domain::parse("example.com").unwrap(), &record)
}

/// Destinations as text: `!` marks the operator's word.
fn shown(routed: &Routed) -> String {
    let mark = |origin| if origin == NamedBy::Operator { "!" } else { "" };
    let shown = routed
        .destinations
        .iter()
        .map(|d| format!("{}{}", mark(d.named_by), d.uri()));
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn destinations_by_maps() {
    #[rustfmt::skip]
    let rows = [
        // record map, mail map, http map, rua, destinations, why
        ("", "", "", "mailto:a@x.example,https://y.example/u", "mailto:a@x.example https://y.example/u", "no line matches"),
        (". ACCEPT", ". ACCEPT", ". ACCEPT", "mailto:a@x.example", "mailto:a@x.example", "unchanged keeps its origin"),
        (". DISCARD", "", "", "mailto:a@x.example", "", "nothing"),
        ("example.com REPLACE mailto:b@z.example", "", "", "https://y.example/,mailto:a@x.example", "!mailto:b@z.example", "by the report's domain"),
        (". APPEND directory:/var/reports", "", "", "mailto:a@x.example", "mailto:a@x.example !directory:/var/reports", "a directory from a map"),
        (". APPEND mailto:a@x.example", "", "", "mailto:a@x.example", "!mailto:a@x.example", "duplicates are dropped, the operator's word counts"),
        ("", "", "", "https://y.example/u,https://Y.example:443/u,https://y.example/./a/../u", "https://y.example/u", "one place, spelled in several ways"),
        ("", "", "", "https://y.example/u,https://y.example/U,https://y.example:444/u", "https://y.example/u https://y.example/U https://y.example:444/u", "other places"),
        ("", "", "", "https://y.example,https://y.example/,https://y.example/#a,https://z.example/,mailto:a@x.example", "https://y.example/ https://z.example/ mailto:a@x.example", "spellings use up no destinations"),
        (". APPEND mailto:a@X.Example MAILTO:a@x.example mailto:A@x.example", "", "", "mailto:a@x.example", "!mailto:a@x.example", "an address has no case"),
        ("", ". REGEXP ^.* mailto:reports@gw.example", "", "mailto:a@x.example,mailto:b@y.example", "!mailto:reports@gw.example", "maps lead all to one place"),
        ("", ". REPLACE https://gw.example:443/u", ". REPLACE https://GW.example/u#x", "mailto:a@x.example,https://y.example/", "!https://gw.example:443/u", "also maps of two kinds"),
        (". REPLACE directory:/in directory:/in/ directory:/in2", "", "", "mailto:a@x.example", "!directory:/in !directory:/in2", "one directory"),
        ("", "x.example DISCARD", "", "mailto:a@x.example,mailto:a@y.example", "mailto:a@y.example", "the address's domain"),
        ("", "", ".example DISCARD", "https://y.example:8443/u,mailto:a@x.example", "mailto:a@x.example", "the URL's host"),
        ("", "", r"regexp:https://y REPLACE mailto:b@z.example", "https://y.example/", "!mailto:b@z.example", "a map may change the kind"),
        ("", ". REPLACE https://y.example/", "y.example DISCARD", "mailto:a@x.example", "!https://y.example/", "what a kind's map produces is final"),
        (". REPLACE mailto:b@z.example", "z.example DISCARD", "", "mailto:a@x.example", "", "what the record map produces is not"),
        ("", r". REGEXP mailto:(.*)@(.*) directory:/in/\2/\1", "", "mailto:a@x.example", "!directory:/in/x.example/a", "substitution"),
        ("", "", r". REGEXP $ ?token=1", "https://y.example/u", "https://y.example/u?token=1", "the host is still the record's word"),
        ("", "", r". REGEXP ^https://y.example https://gw.example", "https://y.example/u", "!https://gw.example/u", "the host is the operator's"),
        ("", r". REGEXP .* \n", "", "mailto:a@x.example", "", "no destination at all"),
        ("", "", "", "mailto:a@x.example,mailto:b@x.example,mailto:c@x.example,mailto:d@x.example", "mailto:a@x.example mailto:b@x.example mailto:c@x.example", "max_destinations"),
    ];
    for (record, mail, https, rua, expected, why) in rows {
        assert_eq!(
            shown(&route(&routes(record, mail, https), rua)),
            expected,
            "{why}"
        );
    }
}

#[test]
fn what_was_dropped_has_a_reason() {
    let routed = route(
        &routes("", ". DISCARD", ""),
        "ftp://x/,mailto:a@x.example,mailto:b@x.example,mailto:c@x.example,mailto:d@x.example",
    );
    assert!(routed.discarded_by_map);
    assert_eq!(routed.before.len(), 3);
    assert_eq!(routed.dropped.len(), 2);
    assert_eq!(routed.dropped[0].0, "ftp://x/");
    let beyond = (
        "mailto:d@x.example".to_owned(),
        "beyond max_destinations (3)".to_owned(),
    );
    assert_eq!(routed.dropped[1], beyond);
}

#[test]
fn debug_options_replace_every_destination_of_their_kind() {
    let operators = |uri: &str| Destination::new(uri, NamedBy::Operator);
    let routes = Routes {
        failures: LogThrottle::default(),
        record: None,
        mail: SchemeRoute::of(None, Some(operators(&with_mailto("me@debug.example")))),
        https: SchemeRoute::of(None, Some(operators("http://127.0.0.1:8080/"))),
        max_destinations: 10,
    };
    let routed = route(
        &routes,
        "mailto:a@x.example,https://y.example/,mailto:b@x.example",
    );
    assert_eq!(
        shown(&routed),
        "!mailto:me@debug.example !http://127.0.0.1:8080/"
    );
}

#[test]
fn of_many_dropped_addresses_a_few_are_told() {
    let uris: Vec<String> = (0..3000)
        .map(|number| format!("mailto:a{number}@x.example"))
        .collect();
    let routed = route(&routes("", "", ""), &uris.join(","));
    assert_eq!(routed.dropped.len(), MAX_DROPPED);
    assert_eq!(routed.more_dropped, 3000 - 3 - MAX_DROPPED);
}
