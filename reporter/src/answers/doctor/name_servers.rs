//! Every name server answers over UDP and TCP, and tells a name that does not exist from a failure.

use super::{
    finding::Finding,
    looking::{Looking, ServerState},
};
use crate::dns::DnsAnswer;

const AREA: &str = "dns";

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    let servers = looking.names.servers();
    let answering = servers.iter().filter(|server| server.udp.is_ok()).count();
    let mut findings: Vec<Finding> = servers
        .iter()
        .flat_map(|server| one(looking, server, answering > 0))
        .collect();
    if !looking.settings.resolve_records {
        let finding = "resolve_records = no: reports go by the records that the MTA saw";
        findings.push(Finding::ok(AREA, finding));
    }
    findings
}

fn one(looking: &Looking<'_>, server: &ServerState, others_answer: bool) -> Vec<Finding> {
    let address = &server.address;
    let udp = match &server.udp {
        Err(reason) if others_answer => {
            let finding =
                format!("{reason}: each question that begins there waits for the next server");
            return vec![Finding::warn(AREA, finding, elsewhere(looking, address))];
        }
        Err(reason) => {
            let finding = format!("no answer: {reason}");
            return vec![Finding::fail(AREA, finding, elsewhere(looking, address))];
        }
        Ok(answer) => answer,
    };
    let mut findings = vec![match udp {
        DnsAnswer::NoName => Finding::ok(
            AREA,
            format!("{address} answers, and says NXDOMAIN where there is no name"),
        ),
        DnsAnswer::NoRecords | DnsAnswer::Records(_) => Finding::warn(
            AREA,
            format!(
                "{address} has an answer for a name that does not exist (.invalid): it may invent records too"
            ),
            elsewhere(looking, address),
        ),
    }];
    match &server.tcp {
        Some(Ok(_)) => findings.push(Finding::ok(AREA, format!("{address} answers over TCP"))),
        Some(Err(reason)) => findings.push(Finding::warn(
            AREA,
            format!("over TCP: {reason}: records that are too long for UDP are not found"),
            format!(
                "let TCP port 53 through to it; dig +tcp @{} NS .",
                host(address)
            ),
        )),
        None => {}
    }
    findings
}

fn elsewhere(looking: &Looking<'_>, address: &str) -> String {
    let ask = format!("dig @{} NS .", host(address));
    match looking.settings.dns_servers.is_empty() {
        true => format!(
            "{ask}; mend nameserver in /etc/resolv.conf, or {}",
            looking.set("dns_servers = 127.0.0.1")
        ),
        false => format!("{ask}; {}", looking.set("dns_servers = 127.0.0.1")),
    }
}

/// As dig takes it.
fn host(address: &str) -> String {
    let Ok(address) = address.parse::<std::net::SocketAddr>() else {
        return address.to_owned();
    };
    match address.port() {
        53 => address.ip().to_string(),
        port => format!("{} -p {port}", address.ip()),
    }
}
