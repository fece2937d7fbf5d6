//! `make demo`: one day of a site on loopback, played through by the real programs.
//!
//! Sessions that Postfix recorded go into `tlsrpt-collectd`, the day is closed, and `tlsrpt-reportd` delivers the reports
//! to a mail relay and a web server of the demo. The exit status is 0 only if every report arrived and verified, and the page of
//! `tlsrpt-statusd` shows them. `make demo LOOK=1` lets the page stay; `make demo PICTURE=FILE` takes a picture of it.

mod outcome;
mod page;
mod show;

use std::collections::BTreeSet;
use std::process::ExitCode;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;

use outcome::Outcome;

/// The report that is shown whole: one with a failure.
const SHOWN: &str = "dane-mismatch.test";

fn main() -> ExitCode {
    let lab = Lab::new();
    show::title("A site on loopback");
    println!(
        "Its files are in {} while this runs.",
        lab.folder().display()
    );

    let datagrams: Vec<Vec<u8>> = mta::recorded()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    let domains: BTreeSet<String> = datagrams
        .iter()
        .map(|bytes| mta::domain_of(bytes))
        .collect();
    publish(&lab, &domains);
    collect(&lab, &datagrams);
    let outcome = report(&lab);

    show::deliveries(&outcome);
    show::report(&outcome, SHOWN);
    show::signatures(&outcome);
    let is_shown = page::page(&lab, &datagrams);
    show::verdict(&outcome, &domains, is_shown)
}

/// The domains' `_smtp._tls` records: all want mail, every fourth an HTTPS post too.
fn publish(lab: &Lab, domains: &BTreeSet<String>) {
    for (number, domain) in domains.iter().enumerate() {
        let mut record = format!("v=TLSRPTv1; rua=mailto:tlsrpt@{domain}");
        if number % 4 == 0 {
            record.push_str(&format!(",{}", lab.https.url(&format!("/v1/{domain}"))));
        }
        lab.dns.tlsrpt(domain, &record);
    }
}

fn collect(lab: &Lab, datagrams: &[Vec<u8>]) {
    show::title("tlsrpt-collectd takes the MTA's sessions");
    let collectd = lab.start_collectd();
    lab.mta().send_all(datagrams);
    println!(
        "{} datagrams, as Postfix sent them, went into its socket.",
        datagrams.len()
    );
    lab.close_day(
        &collectd,
        datagrams.iter().map(|bytes| mta::sessions_of(bytes)).sum(),
    );
    println!("SIGUSR2 closed the day at once; otherwise the day ends at midnight UTC.");
    collectd.stop().success();

    show::title("tlsrpt-fetcher hands the closed day on");
    let list = lab.fetcher().arg(lab.day()).run().success().stdout;
    let listed = list.lines().skip(3).filter(|line| *line != ".").count();
    println!("tlsrpt-fetcher {} lists {listed} domains.", lab.day());
}

fn report(lab: &Lab) -> Outcome {
    show::title("tlsrpt-reportd makes the reports and delivers them");
    println!(
        "Without a random delay here (spread_out_delivery = 1), each domain's record looked up in the demo's DNS."
    );
    let reportd = lab.reportd().start();
    lab.deliveries();
    reportd.stop().success();
    Outcome::of(lab)
}
