//! A diagnosis for people: one line each, to be searched, and copied from.

use tlsrptd_config::visible;

use crate::answers::doctor::{Diagnosis, Finding, Level};

/// `LEVEL  AREA  FINDING => REMEDY`, and how many there are of each.
pub(super) fn lines(diagnosis: &Diagnosis) -> String {
    let areas = diagnosis.findings.iter().map(|finding| finding.area.len());
    let width = areas.max().unwrap_or_default();
    let mut text: String = diagnosis
        .findings
        .iter()
        .map(|finding| line(finding, width) + "\n")
        .collect();
    let number = |level| diagnosis.number(level);
    text += &format!(
        "{} ok, {} unknown, {} warn, {} FAIL; looked as {}\n",
        number(Level::Ok),
        number(Level::Unknown),
        number(Level::Warn),
        number(Level::Fail),
        diagnosis.user
    );
    text
}

fn line(finding: &Finding, width: usize) -> String {
    let level = match finding.level {
        Level::Ok => "ok",
        Level::Unknown => "unknown",
        Level::Warn => "warn",
        Level::Fail => "FAIL",
    };
    let what = visible::one_line(&finding.finding);
    let line = format!("{level:<7}  {:<width$}  {what}", finding.area);
    match finding.remedy.is_empty() {
        true => line,
        false => format!("{line} => {}", visible::one_line(&finding.remedy)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_each() {
        let diagnosis = Diagnosis {
            user: "tlsrpt".to_owned(),
            findings: vec![
                Finding::ok("dns", "answers"),
                Finding::fail("relay", "554 no\nok  relay", "mend it"),
            ],
        };
        let text = lines(&diagnosis);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "ok       dns    answers");
        assert!(lines[1].starts_with("FAIL     relay  554 no"), "{text}");
        assert!(lines[1].ends_with(" => mend it"), "{text}");
        assert_eq!(
            lines[2],
            "1 ok, 0 unknown, 0 warn, 1 FAIL; looked as tlsrpt"
        );
        assert_eq!(lines.len(), 3, "no stranger begins a line");
    }
}
