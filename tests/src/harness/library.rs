//! What mail-auth, the library of Stalwart Mail Server, says of our mails.
//!
//! It signs them too, so its verdict on a signature proves less than others': a fault that signing and verifying share
//! would not be seen. Its reader of reports shares nothing with us.

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::report::tlsrpt::TlsReport;
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

/// What mail-auth reads in a report mail, in the form of RFC 8460 section 4.4; what it does not know is not there.
///
/// # Panics
/// When it finds no report.
pub fn report(mail: &[u8]) -> serde_json::Value {
    const MAX_BYTES: usize = 64 << 20;
    let report = TlsReport::parse_rfc5322(mail, MAX_BYTES).expect("a mail with a report");
    serde_json::to_value(report).expect("what was JSON can be JSON")
}

fn config(dns: &Dns) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = dns.address().port();
        connection
    });
    let server = NameServerConfig::new(dns.address().ip(), true, connections.into());
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}
