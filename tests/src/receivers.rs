//! The outside for the tests of packages, which run the programs as they are installed, in a root of their own: DNS and a
//! mail relay on loopback, until standard input ends.
//!
//!     receivers FOLDER DOMAIN...
//!
//! Each domain wants its reports at `tlsrpt@DOMAIN`. FOLDER gets the DKIM key, `settings.env` with what reportd has to
//! be told, and `mail-N.txt` for every mail that comes: its header, the verdicts on its signatures, its report.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use tlsrptd_tests::harness::dkim::DkimKey;
use tlsrptd_tests::harness::dns::Dns;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::library;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::smtp::{Mail, Smtp};

/// The relay is asked for new mails that often.
const LOOK: Duration = Duration::from_millis(50);

fn main() {
    let mut args = env::args().skip(1);
    let folder = PathBuf::from(args.next().expect("a folder is named"));
    let (dns, smtp) = (Dns::start(), Smtp::start());
    let key = DkimKey::rsa(&folder);
    key.publish(&dns, Lab::SUBMITTER);
    for domain in args {
        dns.tlsrpt(&domain, &format!("v=TLSRPTv1; rua=mailto:tlsrpt@{domain}"));
    }
    let settings = format!(
        "TLSRPT_REPORTD_DNS_SERVERS={}\nTLSRPT_REPORTD_MAIL_TRANSPORT={}\n",
        dns.address(),
        smtp.transport()
    );
    write(&folder, "settings.env", &settings);

    static ENDED: AtomicBool = AtomicBool::new(false);
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ENDED.store(true, Ordering::Relaxed);
    });
    let mut written = 0;
    while !ENDED.load(Ordering::Relaxed) {
        for mail in &smtp.mails()[written..] {
            written += 1;
            write(&folder, &format!("mail-{written}.txt"), &shown(mail, &dns));
        }
        thread::sleep(LOOK);
    }
}

fn shown(mail: &Mail, dns: &Dns) -> String {
    let parsed = ReportMail::parse(&mail.bytes);
    let mut text = format!("envelope: {} -> {}\n", mail.from, mail.to.join(", "));
    for field in ["From", "To", "Date", "Subject", "TLS-Report-Domain"] {
        let _ = writeln!(
            text,
            "{field}: {}",
            parsed.header(field).unwrap_or_default()
        );
    }
    let signatures = library::dkim(&mail.bytes, dns).join(", ");
    let _ = writeln!(text, "DKIM: {signatures}\n{:#}", parsed.report());
    text
}

/// Under its name only when it is whole.
fn write(folder: &Path, name: &str, text: &str) {
    let part = folder.join(format!("{name}.part"));
    fs::write(&part, text).expect("the folder can be written");
    fs::rename(part, folder.join(name)).expect("the folder can be written");
}
