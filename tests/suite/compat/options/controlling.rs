//! The options of `tlsrptctl`.

use std::time::{Duration, Instant};

use tlsrptd_tests::harness::dkim::DkimKey;
use tlsrptd_tests::harness::dns::Trouble;
use tlsrptd_tests::harness::program::Program;

use super::super::scene::end;
use super::effect::{Effect, Of};
use super::gathering::unreached;
use super::site::{MAIL, Site, is};

pub(super) fn effects() -> Vec<Effect> {
    let of = Of("tlsrptctl");
    let mapped = |_: &Site, ctl: Program| {
        let ended = ctl
            .arg("maptest")
            .arg("a.test")
            .arg("v=TLSRPTv1; rua=mailto:x@m.test,https://m.test/")
            .run()
            .success();
        ended
            .stdout
            .split("After mapping:")
            .nth(1)
            .unwrap()
            .split("Left out:")
            .next()
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let both = "mailto:x@m.test https://m.test/";
    vec![
        of.turn(
            "dbname",
            ["{folder}/none.sqlite", "{folder}/r.sqlite"],
            ["no", "yes"],
            |site, ctl| {
                site.report(&site.program("tlsrpt-reportd")).stop();
                is(ctl.arg("status").run().stdout.contains("sent"))
            },
        ),
        of.set(
            "dbname_password_file",
            "{folder}/none",
            ["not reached", "not read"],
            |_, ctl| unreached(&ctl.arg("history")),
        ),
        of.set(
            "fetchers",
            "/nowhere/fetcher",
            ["no", "yes"],
            |site, ctl| {
                site.report(&site.program("tlsrpt-reportd")).stop();
                is(ctl
                    .arg("status")
                    .run()
                    .stdout
                    .contains("cannot run /nowhere/fetcher"))
            },
        ),
        of.set(
            "observation_socket",
            "{folder}/none.observe",
            ["no", "yes"],
            |site, ctl| {
                site.report(&site.program("tlsrpt-reportd")).stop();
                is(ctl
                    .arg("status")
                    .run()
                    .stdout
                    .contains("tlsrpt-reportd does not answer"))
            },
        ),
        of.turn(
            "dns_servers",
            ["192.0.2.1", "{dns}"],
            ["no", "yes"],
            |site, ctl| {
                site.dns.tlsrpt("a.test", MAIL);
                is(ctl
                    .set("dns_timeout", 1)
                    .arg("maptest")
                    .arg("a.test")
                    .run()
                    .stdout
                    .contains("mailto:x@m.test"))
            },
        ),
        of.set("dns_timeout", "1", ["slow", "quick"], |site, ctl| {
            site.dns.trouble("_smtp._tls.a.test", Trouble::Silent);
            let asked = Instant::now();
            ctl.set("dns_servers", site.dns.address())
                .arg("maptest")
                .arg("a.test")
                .run();
            if asked.elapsed() < Duration::from_secs(8) {
                "quick"
            } else {
                "slow"
            }
            .to_owned()
        }),
        of.set(
            "tlsrpt_record_map",
            "{folder}/discard.map",
            [both, "none: discarded by a map"],
            mapped,
        ),
        of.set(
            "mail_destination_map",
            "{folder}/discard.map",
            [both, "https://m.test/"],
            mapped,
        ),
        of.set(
            "http_upload_map",
            "{folder}/discard.map",
            [both, "mailto:x@m.test"],
            mapped,
        ),
        of.set(
            "debug_send_mail_dest",
            "y@m.test",
            [both, "mailto:y@m.test https://m.test/"],
            mapped,
        ),
        of.set(
            "debug_send_http_dest",
            "https://y.test/",
            [both, "mailto:x@m.test https://y.test/"],
            mapped,
        ),
        of.set("max_destinations", "1", [both, "mailto:x@m.test"], mapped),
        of.turn(
            "contact_info",
            ["x@one.test", "x@two.test"],
            ["one.test", "two.test"],
            signer,
        ),
        of.set(
            "dkim_domain",
            "other.test",
            ["sender.example", "other.test"],
            |site, ctl| signer(site, ctl.set("contact_info", "x@sender.example")),
        ),
        of.set(
            "dkim_keys",
            "ed1:{folder}/ed25519.pem",
            ["no", "yes"],
            |site, ctl| {
                let ctl = ctl.set("contact_info", "x@sender.example");
                match ctl.setting("dkim_keys") {
                    Some(_) => is(!signer(site, ctl).is_empty()),
                    None => is(ctl
                        .arg("dkim-record")
                        .run()
                        .success()
                        .stdout
                        .contains("_domainkey")),
                }
            },
        ),
        of.set(
            "debug_send_file_dest",
            "{folder}/kept",
            ["exit 0", "exit 2"],
            |site, ctl| {
                // All that a test of maps has to say of it: not beside this map.
                let ctl = ctl.set(
                    "tlsrpt_record_map",
                    site.scene.file("discard.map").display(),
                );
                end(&ctl.arg("maptest").arg("a.test").arg(MAIL).run())
            },
        ),
    ]
}

/// The domain whose key `tlsrptctl dkim-record` prints.
fn signer(site: &Site, ctl: Program) -> String {
    let key = DkimKey::ed25519(site.scene.folder());
    let ended = ctl.set("dkim_keys", key.option()).arg("dkim-record").run();
    let record = ended.success().stdout;
    let name = record.split_once("._domainkey.").map(|(_, rest)| rest);
    let domain = name.and_then(|rest| rest.split_once(". IN TXT"));
    domain.map_or_else(String::new, |(domain, _)| domain.to_owned())
}
