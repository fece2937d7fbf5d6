//! Why there is no report, in plain words: the reasons that are recorded with decisions, those of `compose`.

/// What a reason means, as a clause that follows `no report ...: `. A reason that is not known stands as it is.
pub(crate) fn plain(reason: &str, domain: &str) -> String {
    let (kind, detail) = reason.split_once(": ").unwrap_or((reason, ""));
    match (kind, detail) {
        // That of a report on the host, which others' domains have in common.
        ("MX host", "") => reason.to_owned(),
        ("MX host", detail) => plain(detail, domain),
        ("told already", _) => "whoever its TLSRPT record names gets all these sessions in the reports on their domains".to_owned(),
        ("no sessions", _) => "the counts that came hold no sessions".to_owned(),
        ("not a domain", detail) => format!("the name is no domain name ({detail})"),
        ("expired", _) => {
            "the day was older than max_report_age or keep_days allow when it was decided on"
                .to_owned()
        }
        ("loop guard", detail) => {
            let last = detail.rsplit_once("; ").map_or("", |(_, last)| last);
            format!(
                "its few sessions may all have carried our own reports (loop_guard), and {last}"
            )
        }
        ("report_days", _) => "no session failed, and report_days is failures".to_owned(),
        ("min_sessions", detail) => {
            let number = detail.split(' ').next().unwrap_or_default();
            format!("{number} are fewer sessions than min_sessions asks for")
        }
        ("max_reports_per_destination", detail) => {
            format!(
                "all its destinations have as many reports of the day as max_reports_per_destination allows ({detail})"
            )
        }
        ("destination_dnsbl", detail) => {
            format!("all its destinations are on a list of destination_dnsbl ({detail})")
        }
        ("opted out", detail) => opted_out(detail, domain),
        ("no record", detail) => no_record(detail),
        ("discarded by a map", _) => {
            "a destination map of yours discards all its destinations".to_owned()
        }
        ("no usable URI", detail) => {
            format!("its TLSRPT record names no destination that can be used ({detail})")
        }
        ("suppressed", detail) => {
            format!("all its destinations are on the suppression list ({detail})")
        }
        _ => match reason.strip_prefix("reported as ") {
            Some(name) => {
                format!("this is another spelling of {name}, and the report is on that name")
            }
            None => reason.to_owned(),
        },
    }
}

/// What DNS said instead of a record.
pub(crate) fn opted_out(detail: &str, domain: &str) -> String {
    match detail {
        "no such name in DNS" => {
            format!("it asks for no reports: DNS has no name _smtp._tls.{domain} (NXDOMAIN)")
        }
        "no TXT record in DNS" => {
            format!("it asks for no reports: DNS has no TXT record at _smtp._tls.{domain}")
        }
        "no TLSRPT record in DNS" => format!(
            "it asks for no reports: none of the TXT records at _smtp._tls.{domain} begins with v=TLSRPTv1"
        ),
        several if several.ends_with(" TLSRPT records in DNS") => {
            let number = several.split(' ').next().unwrap_or_default();
            format!(
                "it has {number} TLSRPT records at _smtp._tls.{domain}, which count as none (RFC 8460 section 3)"
            )
        }
        other => format!("its TLSRPT record at _smtp._tls.{domain} does not count: {other}"),
    }
}

fn no_record(detail: &str) -> String {
    let (dns, seen) = match detail.strip_prefix("DNS failed (") {
        Some(rest) => match rest.rsplit_once("), and ") {
            Some((why, seen)) => (format!("DNS did not answer ({why})"), seen),
            None => ("DNS did not answer".to_owned(), detail),
        },
        None => ("DNS is not asked (resolve_records)".to_owned(), detail),
    };
    match seen {
        "the MTA saw none" => format!("{dns}, and the MTA saw no TLSRPT record either"),
        other => {
            let why = other
                .strip_prefix("what the MTA saw is of no use: ")
                .unwrap_or(other);
            format!("{dns}, and the record that the MTA saw cannot be used: {why}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_plain_words() {
        #[rustfmt::skip]
        let table = [
            ("no sessions", "the counts that came hold no sessions"),
            ("not a domain: a label is empty", "the name is no domain name (a label is empty)"),
            ("expired: the day is older than max_report_age or keep_days", "the day was older than max_report_age or keep_days allow when it was decided on"),
            ("loop guard: its sessions may all have carried our reports; 2026-11-20 was reported", "its few sessions may all have carried our own reports (loop_guard), and 2026-11-20 was reported"),
            ("report_days: no session failed", "no session failed, and report_days is failures"),
            ("min_sessions: 3 are too few", "3 are fewer sessions than min_sessions asks for"),
            ("max_reports_per_destination: v.test gets 2 reports of a day, of domains with failures first", "all its destinations have as many reports of the day as max_reports_per_destination allows (v.test gets 2 reports of a day, of domains with failures first)"),
            ("destination_dnsbl: m.test is on dbl.test (127.0.0.2): a trap: do not mail, and 1 more", "all its destinations are on a list of destination_dnsbl (m.test is on dbl.test (127.0.0.2): a trap: do not mail, and 1 more)"),
            ("opted out: no such name in DNS", "it asks for no reports: DNS has no name _smtp._tls.a.test (NXDOMAIN)"),
            ("opted out: no TXT record in DNS", "it asks for no reports: DNS has no TXT record at _smtp._tls.a.test"),
            ("opted out: no TLSRPT record in DNS", "it asks for no reports: none of the TXT records at _smtp._tls.a.test begins with v=TLSRPTv1"),
            ("opted out: 2 TLSRPT records in DNS", "it has 2 TLSRPT records at _smtp._tls.a.test, which count as none (RFC 8460 section 3)"),
            ("opted out: the record's name would be too long for DNS", "its TLSRPT record at _smtp._tls.a.test does not count: the record's name would be too long for DNS"),
            ("no record: the MTA saw none", "DNS is not asked (resolve_records), and the MTA saw no TLSRPT record either"),
            ("no record: DNS failed (timed out (2), and so on), and the MTA saw none", "DNS did not answer (timed out (2), and so on), and the MTA saw no TLSRPT record either"),
            ("no record: DNS failed (SERVFAIL), and what the MTA saw is of no use: it is no TLSRPT record", "DNS did not answer (SERVFAIL), and the record that the MTA saw cannot be used: it is no TLSRPT record"),
            ("discarded by a map", "a destination map of yours discards all its destinations"),
            ("no usable URI: \"ftp:x\": not a scheme, and 2 more", "its TLSRPT record names no destination that can be used (\"ftp:x\": not a scheme, and 2 more)"),
            ("no usable URI: the record names none", "its TLSRPT record names no destination that can be used (the record names none)"),
            ("suppressed: mailto:a@a.test for ever: nobody reads it", "all its destinations are on the suppression list (mailto:a@a.test for ever: nobody reads it)"),
            ("reported as xn--a.test", "this is another spelling of xn--a.test, and the report is on that name"),
            ("MX host: min_sessions: 3 are too few", "3 are fewer sessions than min_sessions asks for"),
            ("MX host: told already: a destination of its gets all 7 sessions in the reports on their domains", "whoever its TLSRPT record names gets all these sessions in the reports on their domains"),
            ("something new: entirely", "something new: entirely"),
        ];
        for (reason, want) in table {
            assert_eq!(plain(reason, "a.test"), want);
        }
    }
}
