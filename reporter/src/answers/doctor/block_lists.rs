//! Every DNS block list answers, and has its test points (RFC 5782 section 5).

use hickory_proto::rr::RecordType;
use tlsrptd_config::BlockList;

use super::{finding::Finding, looking::Looking};
use crate::lookup::{INVALID, ListAnswer, read_list};

const AREA: &str = "dnsbl";
/// A list of names has the first; a list that has addresses too has the second.
const TEST: &str = "test";
const TEST_ADDRESS: &str = "2.0.0.127";

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    let lists = &looking.settings.destination_dnsbl;
    lists.iter().map(|list| one(looking, list)).collect()
}

fn one(looking: &Looking<'_>, list: &BlockList) -> Finding {
    let zone = &list.zone;
    let ask = |point: &str| {
        let answer = looking
            .names
            .ask(&format!("{point}.{zone}."), RecordType::A);
        answer.map(|answer| read_list(list, &answer))
    };
    let remedy = |point: &str| format!("dig {point}.{zone} A; or take it out of destination_dnsbl");
    match ask(INVALID) {
        Err(reason) => {
            let finding = format!("{zone} gives no answer, so it lists nobody: {reason}");
            return Finding::warn(AREA, finding, remedy(TEST));
        }
        Ok(ListAnswer::Listed(_)) => {
            let finding = format!(
                "{zone} lists {INVALID}, which no list has (RFC 5782): it lists everybody, so nobody is left out by it"
            );
            return Finding::fail(AREA, finding, remedy(INVALID));
        }
        Ok(ListAnswer::Denied(code)) => {
            let finding = format!("{zone} does not serve this resolver: it answers {code}");
            let remedy = "ask it by a name server of your own, not by a public one: dns_servers";
            return Finding::warn(AREA, finding, remedy);
        }
        Ok(ListAnswer::Foreign(code)) => {
            let finding = format!(
                "{zone} is no list: it answers {code}, which is not in 127.0.0.0/8; nobody is on it"
            );
            return Finding::warn(AREA, finding, remedy(INVALID));
        }
        Ok(ListAnswer::NotListed) => {}
    }
    for point in [TEST, TEST_ADDRESS] {
        if let Ok(ListAnswer::Listed(code)) = ask(point) {
            return Finding::ok(AREA, format!("{zone} answers: {point} is on it ({code})"));
        }
    }
    let finding = format!(
        "{zone} lists neither of the test points of RFC 5782 ({TEST}, {TEST_ADDRESS}): it may have others, or the codes that count are wrong"
    );
    Finding::warn(AREA, finding, remedy(TEST))
}
