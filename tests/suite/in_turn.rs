//! sys4's reporter and ours in turn on one database: what the tests of it share.

use std::fs;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::sys4::Sys4;

/// Ours and sys4's with waits that a test can wait for; sys4 reads these options too.
pub(crate) fn patient(reportd: Program) -> Program {
    let mut reportd = reportd;
    for kind in ["delivery", "domainlist", "domaindetails"] {
        reportd = reportd
            .set(&format!("max_retries_{kind}"), 1000)
            .set(&format!("min_wait_{kind}"), 1)
            .set(&format!("max_wait_{kind}"), 1);
    }
    reportd
}

/// sys4's reporter; its mails to addresses that hold this text fail.
pub(crate) fn their_reporter(lab: &Lab, sys4: &Sys4, failing: &str) -> Program {
    let reportd = patient(lab.their_reportd(sys4));
    let folder = lab.file("sys4-mails");
    // A mail without its last boundary is what a sys4 leaves that is killed while it writes.
    let text = format!(
        "f=$(mktemp {}/XXXXXXXX) && cat >$f && grep -q '^--.*==--' $f && ! grep -q '^To:.*{failing}' $f && mv $f $f.whole\n",
        folder.display()
    );
    let script = lab.file(&format!("sendmail-{failing}.sh"));
    fs::write(&script, text).unwrap();
    reportd.set("sendmail_script", format!("sh {}", script.display()))
}

/// The domains that sys4 has mailed reports about, sorted.
pub(crate) fn their_domains(lab: &Lab) -> Vec<String> {
    let name = |mail: Vec<u8>| {
        let text = String::from_utf8_lossy(&mail).into_owned();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("TLS-Report-Domain: "))
            .map(str::to_owned);
        line.unwrap_or_else(|| panic!("no TLS-Report-Domain: {text}"))
    };
    let mut domains: Vec<String> = lab.their_mails().into_iter().map(name).collect();
    domains.sort();
    domains
}

/// The domains that ours has mailed reports about, sorted.
pub(crate) fn our_domains(lab: &Lab) -> Vec<String> {
    let name = |mail: &tlsrptd_tests::harness::smtp::Mail| {
        ReportMail::parse(&mail.bytes)
            .header("TLS-Report-Domain")
            .unwrap()
    };
    let mut domains: Vec<String> = lab.smtp.mails().iter().map(name).collect();
    domains.sort();
    domains
}

/// Reports are made, and none of them is pending.
pub(crate) const PENDING: &str = "SELECT (SELECT count(*) FROM reports) > 0 AND (SELECT count(*) FROM destinations WHERE status IS NULL) = 0";
