//! `show --mail`: one mail as it goes over the wire; several in the form of a mailbox file (mboxrd).

use serde_json::{Value, json};
use tlsrptd_config::exit;

use crate::{
    answers::{
        report_mail::{ReportMail, ReportMails},
        show::Shown,
    },
    ctl::answer::CommandAnswer,
};

pub(super) fn answer(shown: &Shown, all: ReportMails) -> CommandAnswer {
    let json = json(shown, &all);
    let ReportMails {
        mails,
        unsigned,
        others,
        faults,
    } = all;
    if mails.is_empty() {
        let answer = CommandAnswer::none(none(shown, &others, &faults), json);
        return answer;
    }
    let mut notes: Vec<String> = faults
        .iter()
        .map(|fault| format!("not written: {fault}"))
        .collect();
    if let Some(reason) = unsigned {
        notes.push(format!("without its DKIM signatures: {reason}"));
    }
    if mails.len() > 1 {
        notes.push(format!("{} mails, as a mailbox file", mails.len()));
    }
    if !others.is_empty() {
        notes.push(format!("no mail goes to {}", others.join(", ")));
    }
    CommandAnswer {
        verbatim: Some(match mails.as_slice() {
            [one] => one.bytes.clone(),
            several => mailbox(several),
        }),
        notes,
        ..CommandAnswer::new(String::new(), json).with_exit(exit::OK)
    }
}

fn none(shown: &Shown, others: &[String], faults: &[String]) -> String {
    let mut text = String::new();
    let mut line = |content: &str| {
        text.push_str(&content.replace(char::is_control, " "));
        text.push('\n');
    };
    match &shown.nothing {
        Some(nothing) => line(nothing),
        None if others.is_empty() && faults.is_empty() => {
            for report in &shown.reports {
                let why = report.why_none(&shown.domain).unwrap_or_default();
                line(&format!("no mail: {why}"));
            }
        }
        None => line("no mail: the report goes elsewhere"),
    }
    others.iter().for_each(|other| line(&format!("  {other}")));
    faults.iter().for_each(|fault| line(&format!("  {fault}")));
    text
}

/// RFC 4155's lines between mails; line ends as in files.
fn mailbox(mails: &[ReportMail]) -> Vec<u8> {
    let mut out = Vec::new();
    for mail in mails {
        let date = mail.date.strftime("%a %b %e %H:%M:%S %Y");
        out.extend_from_slice(format!("From MAILER-DAEMON {date}\n").as_bytes());
        for line in mail.bytes.split_inclusive(|byte| *byte == b'\n') {
            let marks = line.iter().take_while(|byte| **byte == b'>').count();
            if line[marks..].starts_with(b"From ") {
                out.push(b'>');
            }
            let line = line.strip_suffix(b"\r\n").unwrap_or(line);
            out.extend_from_slice(line);
            out.push(b'\n');
        }
        out.push(b'\n');
    }
    out
}

fn json(shown: &Shown, all: &ReportMails) -> Value {
    let mails = all.mails.iter().map(|mail| {
        json!({
            "destination": mail.to,
            "status": mail.status,
            "date": mail.date.to_string(),
            "mail": String::from_utf8_lossy(&mail.bytes),
        })
    });
    json!({
        "domain": shown.domain.as_str(),
        "day": shown.day.to_string(),
        "mails": mails.collect::<Vec<_>>(),
        "unsigned_reason": all.unsigned,
        "other_destinations": all.others,
        "faults": all.faults,
        "reason": shown.nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_mails_are_a_mailbox_file() {
        let mail = |text: &str| ReportMail {
            to: "mailto:a@a.test".to_owned(),
            status: "sent".to_owned(),
            date: "2026-11-09T01:02:03Z".parse().unwrap(),
            bytes: text.as_bytes().to_vec(),
        };
        let mails = [
            mail("To: a\r\n\r\nFrom here\r\n>From there\r\n"),
            mail("To: b\r\n\r\nx\r\n"),
        ];
        assert_eq!(
            String::from_utf8(mailbox(&mails)).unwrap(),
            "From MAILER-DAEMON Mon Nov  9 01:02:03 2026\nTo: a\n\n>From here\n>>From there\n\n\
             From MAILER-DAEMON Mon Nov  9 01:02:03 2026\nTo: b\n\nx\n\n"
        );
    }
}
