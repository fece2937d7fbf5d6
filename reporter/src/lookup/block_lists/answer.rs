//! What a list's answer means.

use std::net::Ipv4Addr;

use hickory_proto::rr::RData;
use tlsrptd_config::{BlockList, visible};

use super::super::joined;
use crate::dns::DnsAnswer;

/// Characters of a list's text that are told.
const TEXT: usize = 200;

/// What a list says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListAnswer {
    /// It is not on it.
    NotListed,
    /// It is, with this code, and maybe others.
    Listed(Ipv4Addr),
    /// The list says that it does not serve us.
    Denied(Ipv4Addr),
    /// No code of a list's, but an address of somebody's who answers for names that are not there.
    Foreign(Ipv4Addr),
}

/// What an answer to a question for addresses means.
pub(crate) fn read_list(list: &BlockList, answer: &DnsAnswer) -> ListAnswer {
    let DnsAnswer::Records(records) = answer else {
        return ListAnswer::NotListed;
    };
    let mut codes: Vec<Ipv4Addr> = records
        .iter()
        .filter_map(|record| match record {
            RData::A(address) => Some(address.0),
            _ => None,
        })
        .collect();
    // Servers give them in any order.
    codes.sort_unstable();
    let first = |is_so: &dyn Fn(&Ipv4Addr) -> bool| codes.iter().copied().find(is_so);
    if let Some(code) = first(&|code| !code.is_loopback()) {
        return ListAnswer::Foreign(code);
    }
    // Spamhaus: a wrong name, a public resolver, too many questions.
    if let Some(code) = first(&|code| code.octets().starts_with(&[127, 255, 255])) {
        return ListAnswer::Denied(code);
    }
    if let Some(code) = first(&|code| list.matches(*code)) {
        return ListAnswer::Listed(code);
    }
    // URIBL, SURBL: refused. Where the operator counts it, it was matched before.
    match first(&|code| *code == Ipv4Addr::LOCALHOST) {
        Some(code) => ListAnswer::Denied(code),
        None => ListAnswer::NotListed,
    }
}

/// What the list says beside the code, on one line of bounded length.
pub(super) fn text_of(answer: &DnsAnswer) -> Option<String> {
    let DnsAnswer::Records(records) = answer else {
        return None;
    };
    let texts = records.iter().filter_map(joined);
    let texts = texts.map(|text| visible::one_line(&text));
    // Of several the same is told each day.
    let text = texts.filter(|text| !text.is_empty()).min()?;
    Some(text.chars().take(TEXT).collect())
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::{A, TXT};

    use super::{super::tests::lists, *};

    #[tokio::test]
    async fn what_codes_mean() {
        let lists =
            lists("--destination_dnsbl=a.example,b.example=127.0.0.[2..11],c.example=127.0.0.1");
        for (at, codes, want, why) in [
            (0, "", "not", "no address"),
            (0, "127.0.0.9", "on 127.0.0.9", "any code"),
            (0, "127.0.1.2 127.0.0.2", "on 127.0.0.2", "the least"),
            (0, "192.0.2.1", "foreign 192.0.2.1", "a parked domain"),
            (0, "127.0.0.2 192.0.2.1", "foreign 192.0.2.1", "nor among"),
            (0, "127.255.255.254", "denied 127.255.255.254", "Spamhaus"),
            (0, "127.0.0.1", "denied 127.0.0.1", "URIBL"),
            (1, "127.0.0.2", "on 127.0.0.2", "one of the codes"),
            (1, "127.0.0.12", "not", "none of the codes"),
            (1, "127.255.255.255", "denied 127.255.255.255", "too many"),
            (1, "127.0.0.1", "denied 127.0.0.1", "refused"),
            (2, "127.0.0.1", "on 127.0.0.1", "asked for"),
            (2, "127.0.0.2", "not", "not asked for"),
        ] {
            let records = codes.split_whitespace();
            let records = records.map(|code| RData::A(A(code.parse().unwrap())));
            let answer = DnsAnswer::Records(records.collect());
            let read = match read_list(&lists.lists[at].list, &answer) {
                ListAnswer::NotListed => "not".to_owned(),
                ListAnswer::Listed(code) => format!("on {code}"),
                ListAnswer::Denied(code) => format!("denied {code}"),
                ListAnswer::Foreign(code) => format!("foreign {code}"),
            };
            assert_eq!(read, want, "{codes}: {why}");
        }
        let none = read_list(&lists.lists[0].list, &DnsAnswer::NoName);
        assert_eq!(none, ListAnswer::NotListed);
    }

    #[test]
    fn a_lists_text_is_one_line_of_bounded_length() {
        let answer = |texts: &[&str]| {
            let txt = |text: &&str| RData::TXT(TXT::new(vec![(*text).to_owned()]));
            DnsAnswer::Records(texts.iter().map(txt).collect())
        };
        let text = text_of(&answer(&[
            "see\n\u{1b}[31m https://l.example/\u{202e}x",
            "",
        ]))
        .unwrap();
        assert_eq!(text, "see [31m https://l.example/\\u{202e}x");
        let long = "\u{e4}".repeat(120) + &"x".repeat(120);
        assert_eq!(text_of(&answer(&[&long])).unwrap().chars().count(), TEXT);
        assert_eq!(text_of(&answer(&["  "])), None);
        assert_eq!(text_of(&DnsAnswer::NoRecords), None);
    }
}
