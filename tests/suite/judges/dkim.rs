//! Service types (`s=`) of DKIM key records, as docs/dkim.md has them: verifiers of ordinary mail refuse a key that is for
//! reports alone, and receivers of reports may ask for just such a key (RFC 8460 section 3). So there are two selectors,
//! of one key or of two: each judge finds a signature that it accepts.

use std::net::Ipv4Addr;

use tlsrptd_tests::harness::dkim::DkimKey;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::library;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::sys4::{Mode, Sys4};
use tlsrptd_tests::harness::verifiers::{MailDkim, OpenDkim, Rspamd, passed};

/// The selector whose record has no `s=`, and that with `s=tlsrpt`.
const MAIL: &str = "mail";
const TLSRPT: &str = "tlsrpt";

/// A site that signs under both selectors, and the mail that it sent.
fn signed(keys: &str) -> (Lab, Vec<u8>) {
    let lab = Lab::new();
    let [rsa, ed25519] = &lab.keys;
    let second = match keys {
        "one key" => rsa,
        "two keys" => ed25519,
        other => panic!("{other}"),
    };
    let pair = [rsa.under(MAIL, None), second.under(TLSRPT, Some("tlsrpt"))];
    for key in &pair {
        key.publish(&lab.dns, Lab::SUBMITTER);
    }
    lab.dns
        .txt("_dmarc.sender.example", &["v=DMARC1; p=reject; adkim=s"]);
    let record = "v=TLSRPTv1; rua=mailto:tlsrpt@reports.test";
    lab.dns.tlsrpt("a.test", record);
    lab.collect([mta::failure("a.test", record, 203)]);
    let options = pair.each_ref().map(DkimKey::option).join(", ");
    let reportd = lab.reportd().set("dkim_keys", options).start();
    let mail = lab.smtp.wait_for_mails(1).remove(0).bytes;
    reportd.stop().success();
    (lab, mail)
}

/// The same mail under another record of the first selector.
fn published(lab: &Lab, service: &str) -> Vec<(String, String)> {
    let key = lab.keys[0].under(MAIL, Some(service));
    key.publish(&lab.dns, Lab::SUBMITTER);
    lab.dns.all_txt()
}

#[test]
fn opendkim_accepts_the_signature_of_the_key_for_all_mail() {
    let Some(opendkim) = OpenDkim::or_skip() else {
        return;
    };
    for keys in ["one key", "two keys"] {
        let (lab, mail) = signed(keys);
        let verdicts = opendkim.verdicts(&mail, &lab.dns.all_txt());
        assert!(passed(&verdicts).contains(&MAIL), "{keys}: {verdicts:?}");
        // Why one selector is not enough.
        let verdicts = opendkim.verdicts(&mail, &published(&lab, "tlsrpt"));
        assert_eq!(passed(&verdicts), [""; 0], "{keys}: {verdicts:?}");
        assert_eq!(verdicts[0].said, "not an e-mail key");
        let verdicts = opendkim.verdicts(&mail, &published(&lab, "email:tlsrpt"));
        assert!(passed(&verdicts).contains(&MAIL), "{keys}: {verdicts:?}");
    }
}

#[test]
fn mail_dkim_accepts_the_signature_of_the_key_for_all_mail() {
    let Some(perl) = MailDkim::or_skip() else {
        return;
    };
    let (lab, mail) = signed("one key");
    let verdicts = perl.verdicts(&mail, &lab.dns);
    assert!(passed(&verdicts).contains(&MAIL), "{verdicts:?}");
    published(&lab, "tlsrpt");
    let verdicts = perl.verdicts(&mail, &lab.dns);
    assert_eq!(passed(&verdicts), [""; 0], "{verdicts:?}");
    published(&lab, "email:tlsrpt");
    let verdicts = perl.verdicts(&mail, &lab.dns);
    assert!(passed(&verdicts).contains(&MAIL), "{verdicts:?}");
}

#[test]
fn dkimpy_accepts_one_signature_in_each_of_its_modes() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let ok = |algorithm: &str| format!("ok {algorithm}-sha256");
    for (keys, second) in [("one key", "rsa"), ("two keys", "ed25519")] {
        let (lab, mail) = signed(keys);
        let ask = |mode, dns: &[(String, String)]| sys4.dkim_as(mode, [&mail], dns).remove(0);
        let dns = lab.dns.all_txt();
        // dkimverify looks at the first signature alone: the key for all mail stands first.
        assert_eq!(ask(Mode::Mail, &dns)[0], ok("rsa"), "{keys}");
        assert_eq!(ask(Mode::Report, &dns), [ok("rsa"), ok(second)], "{keys}");
        assert_eq!(ask(Mode::StrictReport, &dns)[1], ok(second), "{keys}");
        // One record for both is none: it takes `email:tlsrpt` for no service type that it knows.
        let both = published(&lab, "email:tlsrpt");
        assert_ne!(ask(Mode::Mail, &both)[0], ok("rsa"), "{keys}");
        assert_ne!(ask(Mode::StrictReport, &both)[0], ok("rsa"), "{keys}");
    }
}

#[test]
fn rspamd_lets_dmarc_rest_on_the_signatures_and_finds_no_fault() {
    let (lab, mail) = signed("one key");
    // Of the relay that rspamd is told of.
    lab.dns
        .host("mail.sender.example", &[Ipv4Addr::new(192, 0, 2, 1).into()]);
    let Some(rspamd) = Rspamd::or_skip(&lab.dns) else {
        return;
    };
    let answer = rspamd.look(&mail);
    let symbols = answer["symbols"].as_object().unwrap();
    let allowed = answer["symbols"]["R_DKIM_ALLOW"]["options"].to_string();
    assert!(allowed.contains("sender.example:s=mail"), "{answer:#}");
    assert!(symbols.contains_key("DMARC_POLICY_ALLOW"), "{answer:#}");
    let against: Vec<_> = symbols
        .values()
        .filter(|symbol| symbol["score"].as_f64() > Some(0.0))
        .collect();
    assert!(against.is_empty(), "{against:#?}");
}

#[test]
fn mail_auth_accepts_both() {
    for (keys, second) in [("one key", "RsaSha256"), ("two keys", "Ed25519Sha256")] {
        let (lab, mail) = signed(keys);
        let verdicts = library::dkim(&mail, &lab.dns);
        assert_eq!(
            verdicts,
            ["ok RsaSha256", &format!("ok {second}")],
            "{keys}"
        );
    }
}
