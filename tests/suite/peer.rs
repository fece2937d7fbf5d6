//! What tests ask of our programs, asked of the peer's: so it is seen that they test the behaviour, and not ours.

use std::collections::BTreeSet;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::theirs::Theirs;

#[test]
fn the_peers_collector_and_fetcher_pass_a_day_on() {
    let Some(theirs) = Theirs::or_skip() else {
        return;
    };
    let lab = Lab::new();
    // Invalid UTF-8 would end the peer's collector.
    let valid = |(_, bytes): (String, Vec<u8>)| String::from_utf8(bytes).ok();
    let datagrams: Vec<String> = mta::recorded().into_iter().filter_map(valid).collect();
    let collectd = lab.start_ready(&lab.peer_collectd(&theirs));
    lab.mta().send_all(&datagrams);
    lab.close_day(&collectd);
    let list = lab
        .peer_fetcher(&theirs)
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
