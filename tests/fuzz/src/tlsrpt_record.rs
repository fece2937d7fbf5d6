//! TXT records: what comes out of one is safe to use, each address once, and stands for itself when read again.

use std::collections::HashSet;

use tlsrptd_proto::tlsrpt_record::{HttpsUrl, Mailbox, Rua, Selection, TlsrptRecord, select};

/// Each line is a TXT record of one name; the first is also read alone.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let records: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for record in &records {
        if let Ok(record) = TlsrptRecord::parse(record) {
            is_usable(&record);
        }
    }
    is_chosen_in_any_order(records);
}

fn is_usable(record: &TlsrptRecord) {
    let (mut seen, mut places) = (HashSet::new(), HashSet::new());
    for rua in &record.ruas {
        let uri = rua.uri();
        // A line break would be a header of its own in a mail.
        assert!(!uri.chars().any(char::is_control), "{uri:?}");
        assert!(seen.insert(uri.clone()), "{uri:?} stands twice");
        let place = rua.canonical();
        if let Rua::Mailto(mailbox) = rua {
            let again = Mailbox::parse(&mailbox.canonical()).map(|mailbox| mailbox.canonical());
            assert_eq!(again, Ok(mailbox.canonical()), "{uri:?} has two forms");
        }
        assert!(places.insert(place), "{uri:?} is written in two ways");
        if let Rua::Https(url) = rua {
            let again = Rua::parse(url.as_str());
            assert_eq!(
                again,
                [Ok(rua.clone())],
                "{uri:?} is another when read again"
            );
            assert!(!url.host().is_empty(), "{uri:?} has no host");
            let again = HttpsUrl::parse(&url.canonical()).map(|url| url.canonical());
            assert_eq!(again, Ok(url.canonical()), "{uri:?} has two forms");
        }
    }
}

fn is_chosen_in_any_order(mut records: Vec<String>) {
    let first = select(&records);
    records.reverse();
    assert_eq!(first, select(&records));
    if let Selection::One(record, text) = first {
        assert_eq!(TlsrptRecord::parse(&text), Ok(record));
    }
}
