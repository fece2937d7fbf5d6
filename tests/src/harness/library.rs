//! The verdict of the library that signs: a first look where dkimpy cannot be had. It proves less, since a fault
//! that signing and verifying share would not be seen.

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator};

use super::dns::Dns;
use super::runtime::runtime;

/// What mail-auth says of each DKIM signature of a mail: `ok ALGORITHM`, or why not.
pub fn dkim(mail: &[u8], dns: &Dns) -> Vec<String> {
    let resolver = MessageAuthenticator::new(config(dns), ResolverOpts::default())
        .expect("a resolver without TLS");
    let Some(message) = AuthenticatedMessage::parse(mail) else {
        return vec!["no mail".to_owned()];
    };
    let verdicts = runtime().block_on(resolver.verify_dkim(&message));
    let verdict = |output: &mail_auth::DkimOutput<'_>| match (output.result(), output.signature()) {
        (DkimResult::Pass, Some(signature)) => format!("ok {:?}", signature.a),
        (result, _) => format!("{result:?}"),
    };
    verdicts.iter().map(verdict).collect()
}

fn config(dns: &Dns) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = dns.address().port();
        connection
    });
    let server = NameServerConfig::new(dns.address().ip(), true, connections.into());
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}
