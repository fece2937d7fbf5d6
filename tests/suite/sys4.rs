//! What tests ask of our programs, asked of sys4's: so it is seen that they test the behaviour, and not ours.

use std::collections::BTreeSet;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::until;

#[test]
fn sys4s_collector_and_fetcher_pass_a_day_on() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    // Invalid UTF-8 would end sys4's collector.
    let valid = |(_, bytes): (String, Vec<u8>)| String::from_utf8(bytes).ok();
    let datagrams: Vec<String> = mta::recorded().into_iter().filter_map(valid).collect();
    let collectd = lab.start_ready(&lab.their_collectd(&sys4));
    lab.mta().send_all(&datagrams);
    lab.close_day(&collectd, datagrams.len() as i64);
    let list = lab
        .their_fetcher(&sys4)
        .arg(lab.day())
        .run()
        .success()
        .stdout;
    let domains: BTreeSet<String> = datagrams
        .iter()
        .map(|datagram| mta::domain_of(datagram.as_bytes()))
        .collect();
    let listed: BTreeSet<String> = list
        .lines()
        .skip(3)
        .filter(|line| *line != ".")
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, domains);
    collectd.stop();
}

#[test]
fn sys4s_reporter_reads_our_fetcher() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    // One policy each, and a record that sys4 takes: its known defects are not looked for here.
    let txt = "v=TLSRPTv1; rua=mailto:a@reports.test";
    let datagrams: Vec<_> = ["a.test", "b.test", "c.test"]
        .map(|domain| mta::failure(domain, txt, 203))
        .into();
    lab.collect(&datagrams);
    let reportd = lab.their_reportd(&sys4).start();
    let mails = until("sys4's mails", || {
        Some(lab.their_mails()).filter(|mails| mails.len() == 3)
    });
    reportd.kill();
    assert_eq!(sys4.parsed(&mails), sys4.expected(&datagrams));
}
