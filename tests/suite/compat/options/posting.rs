//! The options of `tlsrpt-reportd` about HTTPS.

use tlsrptd_tests::harness::program::Program;

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

#[rustfmt::skip]
pub(super) fn effects() -> Vec<Effect> {
    let of = Of("tlsrpt-reportd");
    vec![
        of.set("https_verify", "no", ["timedout", "sent"], |site, reporter| status(site, reporter.unset("https_ca_file"))),
        of.set("https_ca_file", "{folder}/ca.pem", ["timedout", "sent"], status),
        of.set("https_proxy", "http://127.0.0.1:9", ["sent", "timedout"], status),
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
