//! What the reporter's options say together.

use std::time::Duration;

use super::{Reportd, database, fetchers};
use crate::{DigestFrequency, MailTransport, credential, reader::Reader};

/// Completes the settings, and notes what does not go together.
pub(super) fn together(mut settings: Reportd, reader: &mut Reader<'_>) -> Reportd {
    database::absolute(&mut settings, reader);
    database::fleet(&settings, reader);
    fetchers::configured(&settings, reader);
    fetchers::twice(&settings, reader);
    fetchers::of_each_member(&settings, reader);
    retries(&mut settings, reader);
    debug_beside_map(reader);
    mx_reports(&settings, reader);
    scripts(&settings, reader);
    mail(&settings, reader);
    bounces(&settings, reader);
    digest(&settings, reader);
    credentials(&settings, reader);
    settings
}

/// Credentials: systemd provides these files when the service runs, so they cannot be checked now.
fn credentials(settings: &Reportd, reader: &mut Reader<'_>) {
    let keys = settings
        .dkim_keys
        .iter()
        .map(|key| ("dkim_keys", &key.path));
    let password = settings.mail_password_file.iter();
    let of_database = settings.dbname_password_file.iter();
    let ca = settings.https_ca_file.iter();
    let files = password
        .map(|path| ("mail_password_file", path))
        .chain(ca.map(|path| ("https_ca_file", path)))
        .chain(of_database.map(|path| ("dbname_password_file", path)))
        .chain(keys);
    let mut told = Vec::new();
    for (name, path) in files {
        if let Some(unit) = credential::away(path).filter(|_| !told.contains(&name)) {
            reader.warn(
                name,
                format!("not looked at: {unit} does not run, and its credentials are there while it does"),
            );
            told.push(name);
        }
    }
}

/// What the MTA saw is the domain's record, never the host's.
fn mx_reports(settings: &Reportd, reader: &mut Reader<'_>) {
    if settings.mx_reports && !settings.resolve_records {
        reader.warn(
            "mx_reports",
            "has no effect with resolve_records = no: records of MX hosts are known from DNS alone",
        );
    }
}

/// The three options of one kind of retry.
struct RetryOptions<'a> {
    names: [&'static str; 3],
    most: &'a mut Option<u32>,
    least_wait: &'a mut Option<Duration>,
    most_wait: &'a mut Option<Duration>,
    /// sys4's defaults, which hold for the others when one of the three is set.
    defaults: (u32, u64, u64),
}

fn retries(settings: &mut Reportd, reader: &mut Reader<'_>) {
    let groups = [
        RetryOptions {
            names: [
                "max_retries_delivery",
                "min_wait_delivery",
                "max_wait_delivery",
            ],
            most: &mut settings.max_retries_delivery,
            least_wait: &mut settings.min_wait_delivery,
            most_wait: &mut settings.max_wait_delivery,
            defaults: (5, 300, 1800),
        },
        RetryOptions {
            names: [
                "max_retries_domainlist",
                "min_wait_domainlist",
                "max_wait_domainlist",
            ],
            most: &mut settings.max_retries_domainlist,
            least_wait: &mut settings.min_wait_domainlist,
            most_wait: &mut settings.max_wait_domainlist,
            defaults: (5, 30, 300),
        },
        RetryOptions {
            names: [
                "max_retries_domaindetails",
                "min_wait_domaindetails",
                "max_wait_domaindetails",
            ],
            most: &mut settings.max_retries_domaindetails,
            least_wait: &mut settings.min_wait_domaindetails,
            most_wait: &mut settings.max_wait_domaindetails,
            defaults: (5, 30, 300),
        },
    ];
    for group in groups {
        retry(group, reader);
    }
}

fn retry(group: RetryOptions<'_>, reader: &mut Reader<'_>) {
    let [_, least_name, most_name] = group.names;
    if !group.names.iter().any(|name| reader.is_set(name)) {
        return;
    }
    let (most, least_wait, most_wait) = group.defaults;
    group.most.get_or_insert(most);
    let least_wait = *group
        .least_wait
        .get_or_insert(Duration::from_secs(least_wait));
    let most_wait = *group
        .most_wait
        .get_or_insert(Duration::from_secs(most_wait));
    if most_wait < least_wait {
        // Told at the one that was set; the other may be a default.
        let name = if reader.is_set(most_name) {
            most_name
        } else {
            least_name
        };
        let what = format!(
            "{most_name} ({}) is less than {least_name} ({})",
            most_wait.as_secs(),
            least_wait.as_secs()
        );
        reader.problem(
            name,
            what,
            format!("{most_name} not less than {least_name}"),
        );
    }
}

/// Both say where reports go.
fn debug_beside_map(reader: &mut Reader<'_>) {
    for (debug, map) in [
        ("debug_send_mail_dest", "mail_destination_map"),
        ("debug_send_http_dest", "http_upload_map"),
        ("debug_send_file_dest", "tlsrpt_record_map"),
    ] {
        if reader.is_set(debug) && reader.is_set(map) {
            reader.problem(debug, format!("set beside {map}"), "one of the two");
        }
    }
}

fn scripts(settings: &Reportd, reader: &mut Reader<'_>) {
    if settings
        .http_script
        .as_deref()
        .is_some_and(lets_errors_pass)
    {
        reader.warn(
            "http_script",
            "curl without --fail reports success when the receiver answers with an error; add --fail, or remove http_script",
        );
    }
    for (script, others) in [
        (
            "http_script",
            &["https_verify", "https_ca_file", "https_proxy"][..],
        ),
        (
            "sendmail_script",
            &[
                "mail_transport",
                "helo_name",
                "mail_user",
                "mail_password_file",
                "bcc_address",
            ],
        ),
    ] {
        for other in others {
            if reader.is_set(script) && reader.is_set(other) {
                reader.warn(other, format!("without effect beside {script}"));
            }
        }
    }
}

/// Whether it is curl without `--fail`, `--fail-with-body` or `-f`. `--fail-early` is about something else.
fn lets_errors_pass(script: &str) -> bool {
    let mut words = script.split_whitespace();
    let curl = words
        .next()
        .is_some_and(|word| word.rsplit('/').next() == Some("curl"));
    curl && !words.any(|word| matches!(word, "--fail" | "--fail-with-body") || has_short_f(word))
}

/// `-f` alone or among short options without values before it, as in `-sSf`.
fn has_short_f(word: &str) -> bool {
    let letters = word
        .strip_prefix('-')
        .filter(|letters| !letters.starts_with('-'));
    letters.is_some_and(|letters| {
        letters
            .chars()
            .take_while(|c| "fsSLkvgiIjlnNpqRaBGJMO#0123456".contains(*c))
            .any(|c| c == 'f')
    })
}

fn mail(settings: &Reportd, reader: &mut Reader<'_>) {
    for (name, other) in [
        ("mail_user", "mail_password_file"),
        ("mail_password_file", "mail_user"),
    ] {
        if reader.is_set(name) && !reader.is_set(other) {
            reader.problem(name, format!("set without {other}"), "both or none");
        }
    }
    let by_sendmail =
        settings.mail_transport == MailTransport::Sendmail && settings.sendmail_script.is_none();
    for name in ["mail_user", "helo_name"] {
        if by_sendmail && reader.is_set(name) {
            reader.warn(name, "without effect, because mail_transport is sendmail");
        }
    }
    if settings.dkim_keys.is_empty() && reader.needs_all() {
        // RFC 8460 section 3: report mails carry a valid DKIM signature.
        reader.notices.push(
            "dkim_keys is not set: the MTA has to sign report mails (RFC 8460 section 3)"
                .to_owned(),
        );
    }
}

/// A script is told the envelope sender, and has to use it.
fn bounces(settings: &Reportd, reader: &mut Reader<'_>) {
    let script = settings.sendmail_script.as_deref();
    let is_deaf = script.is_some_and(|script| !script.contains("TLSRPT_ENVELOPE_SENDER"));
    if is_deaf && reader.is_set("bounce_address") {
        reader.warn(
            "bounce_address",
            "without effect, unless sendmail_script gives $TLSRPT_ENVELOPE_SENDER to the mail program: sendmail -i -t -f \"$TLSRPT_ENVELOPE_SENDER\"",
        );
    }
}

fn digest(settings: &Reportd, reader: &mut Reader<'_>) {
    let is_addressed = reader.is_set("digest_address");
    match settings.digest {
        DigestFrequency::Never if is_addressed => reader.warn(
            "digest_address",
            "without effect, because digest is never; failures, daily or weekly sends one",
        ),
        DigestFrequency::Never => {}
        _ if is_addressed => {}
        _ => reader.problem(
            "digest",
            "set without digest_address",
            "never, or digest_address beside it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curl_that_lets_errors_pass() {
        for (script, want, why) in [
            ("curl --silent --data-binary @-", true, "sys4's default"),
            ("/usr/bin/curl -sS", true, "by its path"),
            ("curl --fail -s", false, "long"),
            ("curl --fail-with-body", false, "its newer form"),
            ("curl -sSf", false, "among short ones"),
            ("curl -of --silent", true, "the f is the name of a file"),
            ("curl --fail-early", true, "that is about several URLs"),
            ("wget -O-", false, "not curl"),
        ] {
            assert_eq!(lets_errors_pass(script), want, "{why}");
        }
    }
}
