//! A reporter that is killed: what was in hand is repeated as the same bytes, all else is neither lost nor repeated.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use tlsrptd_tests::harness::https::Answer;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::stored::Stored;
use tlsrptd_tests::harness::wait::until_true;

use super::{assert_law, fates};

const SEEN: &str = "v=TLSRPTv1; rua=mailto:seen@seen.test";

#[test]
fn killed_between_the_attempt_and_its_record_it_repeats_the_same_bytes() {
    let lab = Lab::new();
    let url = lab.https.url("/in-hand");
    lab.dns.tlsrpt(
        "in-hand.test",
        &format!("v=TLSRPTv1; rua=mailto:a@in-hand.test,{url}"),
    );
    lab.dns
        .tlsrpt("done.test", "v=TLSRPTv1; rua=mailto:a@done.test");
    lab.collect(["in-hand.test", "done.test"].map(|domain| mta::failure(domain, SEEN, 203)));
    // Both receivers have taken the report, and never say so.
    lab.smtp
        .script_for("a@in-hand.test", Stage::End, Act::AcceptAndHang);
    lab.https.script_times("/in-hand", Answer::Hang, 1);
    let reportd = lab.reportd().start();
    lab.smtp.wait_for_mails(2);
    lab.https.wait_for_posts(1);
    lab.wait_for_stored("one sent", |stored| stored.ended("sent") == 1);
    reportd.kill();
    assert_eq!(lab.hands().len(), 2);

    lab.smtp.heal();
    let mut reportd = lab.reportd().start();
    reportd.wait_for_log("2 deliveries were under way when the reporter ended: they are repeated");
    lab.deliveries();
    reportd.stop().success();
    let mails = lab.smtp.mails_to("a@in-hand.test");
    assert_eq!(mails.len(), 2, "repeated once");
    assert_eq!(
        mails[0].bytes, mails[1].bytes,
        "Message-ID, Date, boundary, signatures and all"
    );
    let mail = ReportMail::parse(&mails[0].bytes);
    assert!(mail.header("Message-ID").is_some() && mail.header("Date").is_some());
    let posts = lab.https.posts_to("/in-hand");
    assert_eq!(posts.len(), 2, "repeated once");
    assert_eq!(posts[0].body, posts[1].body);
    assert_eq!(
        lab.smtp.mails_to("a@done.test").len(),
        1,
        "what was recorded is not repeated"
    );
    assert_law(&lab);
}

/// Enough that kills meet every stage of the work.
const DOMAINS: usize = 300;
const KILLS: usize = 15;

#[test]
fn killed_at_any_moment_it_neither_loses_nor_repeats_beyond_what_was_in_hand() {
    let lab = Lab::new();
    let domain = |number: usize| format!("d{number:03}.test");
    for number in (0..DOMAINS).filter(|number| number % 10 != 0) {
        lab.dns.tlsrpt(
            &domain(number),
            &format!("v=TLSRPTv1; rua=mailto:a@{}", domain(number)),
        );
    }
    let sessions =
        (0..DOMAINS).flat_map(|number| vec![mta::success(&domain(number), SEEN); 1 + number % 3]);
    lab.collect(sessions);
    let reportd = lab.reportd().set("max_concurrent_deliveries", 4);
    // How often each was in hand when the reporter was killed.
    let mut in_hand: BTreeMap<String, usize> = BTreeMap::new();
    let mut random = Random::new();
    for kill in 0..KILLS {
        let running = reportd.start();
        if kill < KILLS / 3 {
            // In the middle of opening, gathering or composing.
            sleep(Duration::from_millis(random.below(300)));
        } else {
            let mails = lab.smtp.mails().len() + random.below(30) as usize;
            until_true("some progress", || {
                lab.smtp.mails().len() >= mails.min(DOMAINS - DOMAINS / 10)
            });
        }
        running.kill();
        for uri in lab.hands() {
            *in_hand.entry(uri).or_default() += 1;
        }
    }
    let mut running = reportd.start();
    // It may find nothing left to do, and must not be stopped before it can hear of it.
    running.wait_for_log("is at work");
    lab.deliveries();
    running.stop().success();
    assert_law(&lab);
    for (number, (found, fate)) in fates(&lab).into_iter().enumerate() {
        assert_eq!(found, domain(number), "one report or reason a domain");
        if number % 10 == 0 {
            assert!(fate.reason.contains("no such name"), "{fate:?}");
            continue;
        }
        let uri = format!("mailto:a@{found}");
        assert_eq!(fate.sent(), [&uri]);
        let mails = lab.smtp.mails_to(&uri["mailto:".len()..]);
        let most = 1 + in_hand.get(&uri).copied().unwrap_or(0);
        assert!(
            (1..=most).contains(&mails.len()),
            "{} mails to {uri}, at most {most} expected",
            mails.len()
        );
        assert!(
            mails.iter().all(|mail| mail.bytes == mails[0].bytes),
            "{uri}: a repeated mail is the same bytes"
        );
    }
}

/// Chance for moments, not for outcomes.
struct Random(u64);

impl Random {
    fn new() -> Random {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        Random(now.subsec_nanos().into())
    }

    fn below(&mut self, limit: u64) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

trait Hands {
    /// The destinations whose attempt has begun and is not recorded.
    fn hands(&self) -> Vec<String>;
}

impl Hands for Lab {
    fn hands(&self) -> Vec<String> {
        let stored = Stored::read(&self.reportd_db());
        let deliveries = stored.map(|stored| stored.deliveries).unwrap_or_default();
        let in_hand = deliveries
            .into_iter()
            .filter(|row| row.status.is_none() && row.in_hand);
        in_hand.map(|row| row.uri).collect()
    }
}
