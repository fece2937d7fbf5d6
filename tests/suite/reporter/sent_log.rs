//! The log of a large day, summed up: `log_sent_interval`.

use tlsrptd_tests::harness::{
    lab::Lab,
    mta,
    smtp::{Act, Stage},
};

/// Lines of a log at info on a day of nine reports that are sent, by mail and by posts, and one that is refused; by the
/// interval.
#[test]
fn what_was_sent_is_summed_up_and_what_was_not_is_told() {
    #[rustfmt::skip]
    let rows: &[(u32, &str, usize, &str)] = &[
        (0, "result=sent", 9, "a line each"),
        (0, "report stored", 10, "a line each"),
        (0, "reports sent", 0, "nothing to sum up"),
        (300, "result=sent", 0, "counted"),
        (300, "report stored", 0, "counted"),
        (300, "reports sent deliveries=9 ways=\"https 3, mail 6\" seconds=", 1, "at the end, as the interval is not over"),
        (300, "result=refused", 1, "told"),
        (300, "rua=mailto:a@d9.test attempt=1", 1, "whole"),
        (300, "reports=10 without=0", 1, "the day is told, with the number of reports"),
    ];
    let logs = [0, 300].map(|interval| (interval, log(interval)));
    for (interval, log) in &logs {
        for (_, text, times, why) in rows.iter().filter(|row| row.0 == *interval) {
            let found = log.matches(text).count();
            assert_eq!(found, *times, "{interval}: {text}: {why}\n{log}");
        }
    }
}

fn log(interval: u32) -> String {
    let lab = Lab::new();
    let mut datagrams = Vec::new();
    for number in 0..10 {
        let domain = format!("d{number}.test");
        let record = match number {
            0..3 => format!("v=TLSRPTv1; rua={}", lab.https.url(&format!("/{domain}"))),
            _ => format!("v=TLSRPTv1; rua=mailto:a@{domain}"),
        };
        lab.dns.tlsrpt(&domain, &record);
        datagrams.push(mta::success(&domain, &record));
    }
    lab.collect(datagrams);
    let unknown = Act::reply("550 5.1.1 no such user");
    lab.smtp.script_for("a@d9.test", Stage::Rcpt, unknown);
    let reportd = lab.reportd().set("log_level", "info");
    let running = reportd.set("log_sent_interval", interval).start();
    lab.deliveries();
    running.stop().success().stderr
}

/// A day goes on for hours: its lines do not wait for the end.
#[test]
fn the_sum_is_told_when_the_interval_is_over() {
    let lab = Lab::new();
    let record = "v=TLSRPTv1; rua=mailto:a@a.test";
    lab.dns.tlsrpt("a.test", record);
    lab.collect([mta::success("a.test", record)]);
    let reportd = lab.reportd().set("log_level", "info");
    let mut running = reportd.set("log_sent_interval", 1).start();
    running.wait_for_log("reports sent deliveries=1 ways=\"mail 1\"");
    running.stop().success();
}
