//! The options of `tlsrpt-reportd` about HTTPS.

use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::wait::until;

use super::effect::{Effect, Of};
use super::site::{Site, is};

/// What becomes of a post after one attempt.
fn status(site: &Site, reporter: Program) -> String {
    let reporter = site
        .with(reporter, &site.posting())
        .set("max_retries_delivery", 0);
    site.report(&reporter);
    site.value("SELECT status FROM destinations")
}

/// A proxy that nobody can reach is the operator's to mend: the delivery waits.
fn sent_or_waits(site: &Site, reporter: Program) -> String {
    let running = site.with(reporter, &site.posting()).start();
    let shown = until("a delivery, or that it waits", || {
        let waits = running
            .log()
            .contains("https: destinations cannot be reached from this host");
        match (waits, site.scene.is_settled(1)) {
            (true, _) => Some("waits"),
            (false, true) => Some("sent"),
            (false, false) => None,
        }
    });
    shown.to_owned()
}

#[rustfmt::skip]
pub(super) fn effects() -> Vec<Effect> {
    let of = Of("tlsrpt-reportd");
    vec![
        of.set("https_verify", "no", ["timedout", "sent"], |site, reporter| status(site, reporter.unset("https_ca_file"))),
        of.set("https_ca_file", "{folder}/ca.pem", ["timedout", "sent"], status),
        of.set("https_proxy", "http://127.0.0.1:9", ["sent", "waits"], sent_or_waits),
        of.set("http_script", "touch {folder}/kept/url; cat >/dev/null; true", ["no", "yes"], |site, reporter| {
            status(site, reporter);
            is(site.scene.file("kept/url").exists())
        }),
        of.set("http_timeout", "1", ["in time", "too late"], |site, reporter| {
            let reporter = reporter.set("http_script", "cat >/dev/null; sleep 3; true");
            if status(site, reporter) == "sent" { "in time" } else { "too late" }.to_owned()
        }),
    ]
}
