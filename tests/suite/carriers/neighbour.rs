//! Strangers' records that list third parties: what these get, from the real programs.

use std::collections::BTreeMap;
use std::time::Instant;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;

use super::rua;

/// Ten addresses of third parties.
fn victims() -> String {
    let addresses = (0..10).map(|n| format!("mailto:tls@victim{n}.test"));
    addresses.collect::<Vec<_>>().join(",")
}

/// Mails by the domain that they went to.
fn mails(lab: &Lab) -> BTreeMap<String, usize> {
    let mut mails = BTreeMap::new();
    for mail in lab.smtp.mails() {
        for to in &mail.to {
            let domain = to.rsplit_once('@').unwrap().1.to_owned();
            *mails.entry(domain).or_default() += 1;
        }
    }
    mails
}

/// 370 sessions: one with each of 360 names of a stranger, whose records list ten third parties each. Without a bound these
/// got 3,600 mails. Ten others have failures to tell one of them, which has a record of its own.
#[test]
fn strangers_names_flood_nobody_beyond_the_bound() {
    let lab = Lab::new();
    let (evil, honest) = (rua(&victims()), rua("mailto:tls@victim0.test"));
    let mut datagrams = Vec::new();
    for n in 0..360 {
        let domain = format!("n{n}.evil{}.test", n % 2);
        lab.dns.tlsrpt(&domain, &evil);
        datagrams.push(mta::success(&domain, &evil));
    }
    for n in 0..9 {
        let domain = format!("z.honest{n}.test");
        lab.dns.tlsrpt(&domain, &honest);
        datagrams.push(mta::failure(&domain, &honest, 203));
    }
    lab.dns.tlsrpt("victim0.test", &honest);
    datagrams.push(mta::success("victim0.test", &honest));
    lab.collect(&datagrams);
    let begin = Instant::now();
    let reportd = lab.reportd().set("max_reports_per_destination", 20).start();
    let decided = "SELECT count(*) FROM reports";
    lab.wait_for_query(&lab.reportd_db(), decided, "370");
    lab.deliveries();
    let took = begin.elapsed();
    let found = mails(&lab);
    let mut want: BTreeMap<String, usize> =
        (0..10).map(|n| (format!("victim{n}.test"), 20)).collect();
    // Its own is its own.
    want.insert("victim0.test".to_owned(), 21);
    assert_eq!(found, want);
    let bytes: usize = lab.smtp.mails().iter().map(|mail| mail.bytes.len()).sum();
    eprintln!("{} mails, {bytes} bytes, {took:?}", lab.smtp.mails().len());
    let stored = lab.stored();
    let sent = |domain: &str| {
        let rows = stored.deliveries.iter();
        rows.filter(|row| row.domain == domain && row.status() == "sent")
            .count()
    };
    for n in 0..9 {
        assert_eq!(sent(&format!("z.honest{n}.test")), 1, "failures come first");
    }
    let reason = "max_reports_per_destination: victim0.test gets 20 reports of a day, of domains with failures first";
    let partly = stored
        .deliveries
        .iter()
        .filter(|row| row.reason.as_deref() == Some(reason));
    assert!(partly.clone().count() > 0 && partly.clone().all(|row| row.status() == "suppressed"));
    let status = lab.ctl().arg("status").run().success().stdout;
    let line = "the records of 369 domains of 11 owners name victim0.test, which is not theirs: 20 deliveries";
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&status).contains(line), "{status}");
    assert!(
        words(&status).contains("victim1.test 340 of 360"),
        "{status}"
    );
    let why = lab
        .ctl()
        .arg("why")
        .arg("n359.evil1.test")
        .run()
        .success()
        .stdout;
    assert!(words(&why).contains("max_reports_per_destination"), "{why}");
    let log = reportd.log();
    reportd.stop().success();
    assert_eq!(
        log.matches("name victim0.test, which is not theirs")
            .count(),
        1,
        "{log}"
    );
}
