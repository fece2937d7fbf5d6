//! `tlsrptctl dkim-record --new`: makes a key, and says what to do with it.

use std::path::{Path, PathBuf};

use serde_json::json;
use tlsrptd_config::{DkimKey, ctl::KeyType, option::Program, paths, reportd::Reportd};

use super::{answer::CommandAnswer, dkim::zone_line};
use crate::{
    deliver::{self, KeyOwner},
    error::Error,
};

/// The selector of the record with `s=tlsrpt`.
const FOR_REPORTS: &str = "tlsrpt";
/// That of the record without.
const FOR_MAIL: &str = "mail-tlsrpt";
/// The service's user and group in the packages.
const SERVICE: &str = "tlsrpt";

/// The key that is wanted.
pub(super) struct Wanted<'a> {
    pub(super) selector: &'a str,
    pub(super) key_type: KeyType,
    /// `None`: beside the configuration.
    pub(super) out: Option<PathBuf>,
}

/// Makes it.
pub(super) fn answer(
    settings: &Reportd,
    config_file: Option<&Path>,
    wanted: Wanted<'_>,
) -> Result<CommandAnswer, Error> {
    let config_file = config_file.unwrap_or(Path::new(Program::Reportd.default_file()));
    let config_file = std::path::absolute(config_file).unwrap_or_else(|_| config_file.to_owned());
    let path = match &wanted.out {
        Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        None => paths::directory(&config_file).join(format!("{}.pem", wanted.selector)),
    };
    let problem = |what, problem: String| Error::Argument { what, problem };
    if path.to_string_lossy().contains(',') {
        return Err(problem(
            "--out",
            "a comma cannot stand in dkim_keys".to_owned(),
        ));
    }
    let in_use = |key: &&DkimKey| key.selector.eq_ignore_ascii_case(wanted.selector);
    if let Some(key) = settings.dkim_keys.iter().find(in_use) {
        let what = format!(
            "{} is the selector of {} already: a new key needs a new one",
            wanted.selector,
            key.path.display()
        );
        return Err(problem("--new", what));
    }
    let plan = planned(&settings.dkim_keys, wanted.selector, &path, wanted.key_type);
    // Before the file is made: it has to be known what stands in DNS.
    deliver::dkim_domain(settings).map_err(Error::Deliver)?;
    let owner = deliver::make_dkim_key(&path, wanted.key_type, SERVICE).map_err(|error| {
        Error::NotDone {
            what: "dkim-record --new",
            problem: error.to_string(),
        }
    })?;
    told(settings, &config_file, &plan, &path, &owner)
}

/// `dkim_keys` with the new key: of RSA under two selectors, the first two; of Ed25519 behind what is there.
fn planned(now: &[DkimKey], selector: &str, path: &Path, key_type: KeyType) -> Vec<DkimKey> {
    let entry = |selector: &str, path: &Path| DkimKey {
        selector: selector.to_owned(),
        path: path.to_owned(),
    };
    let is_free = |name: &str| {
        let mut taken = now.iter().map(|key| key.selector.as_str());
        name != selector && !taken.any(|known| known.eq_ignore_ascii_case(name))
    };
    let rest = now.iter().skip(2).cloned();
    match (key_type, now) {
        (KeyType::Rsa, _) if selector == FOR_REPORTS => {
            let pair = [entry(FOR_MAIL, path), entry(selector, path)];
            pair.into_iter().chain(rest).collect()
        }
        (KeyType::Rsa, _) => {
            let other = match is_free(FOR_REPORTS) {
                true => FOR_REPORTS.to_owned(),
                false => format!("{selector}-{FOR_REPORTS}"),
            };
            let pair = [entry(selector, path), entry(&other, path)];
            pair.into_iter().chain(rest).collect()
        }
        (KeyType::Ed25519, [only]) if is_free(FOR_REPORTS) => {
            let own = [
                only.clone(),
                entry(FOR_REPORTS, &only.path),
                entry(selector, path),
            ];
            own.into()
        }
        (KeyType::Ed25519, now) => {
            let now = now.iter().cloned();
            now.chain([entry(selector, path)]).collect()
        }
    }
}

fn told(
    settings: &Reportd,
    config_file: &Path,
    plan: &[DkimKey],
    path: &Path,
    owner: &KeyOwner,
) -> Result<CommandAnswer, Error> {
    let own = plan.iter().enumerate().filter(|(_, key)| key.path == path);
    let records = own.map(|(number, key)| deliver::dkim_record(settings, key, number));
    let records: Vec<(String, String)> =
        records.collect::<Result<_, _>>().map_err(Error::Deliver)?;
    let zone: Vec<String> = records
        .iter()
        .map(|(name, text)| zone_line(name, text))
        .collect();
    let keys: Vec<String> = plan
        .iter()
        .map(|key| format!("{}:{}", key.selector, key.path.display()))
        .collect();
    let line = format!("dkim_keys = {}", keys.join(", "));
    let mut text = format!("made {} ({owner})\n\nin DNS:\n", path.display());
    for line in &zone {
        text += &format!("{line}\n");
    }
    let order = match settings.dkim_keys.is_empty() {
        true => "",
        false => ", when DNS has shown the new records for as long as their TTL",
    };
    text += &format!(
        "\nin {}, section [{}]{order}:\n{line}\n\nthen:\ntlsrpt-reportd --check_config && systemctl restart tlsrpt-reportd && tlsrptctl doctor\n",
        config_file.display(),
        Program::Reportd.own_section(),
    );
    if plan.len() == 1 {
        text += "\nmany receivers know RSA only: make an RSA key too, and let it stand first\n";
    }
    let remedy = match owner {
        KeyOwner::OursAlone { .. } => Some(format!(
            "chgrp {SERVICE} {0} && chmod 0640 {0}",
            path.display()
        )),
        _ => None,
    };
    if let Some(remedy) = &remedy {
        text += &format!("\nthe service cannot read it so: {remedy}, as root\n");
    }
    let records = records.iter().zip(&zone).map(|((name, text), line)| {
        json!({ "name": name, "type": "TXT", "text": text, "zone_line": line })
    });
    let json = json!({
        "path": path.display().to_string(),
        "mode": format!("{:04o}", owner.mode()),
        "service_can_read": remedy.is_none(),
        "remedy": remedy,
        "records": records.collect::<Vec<_>>(),
        "dkim_keys": keys.join(", "),
    });
    Ok(CommandAnswer::new(text, json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_new_key_stands() {
        use KeyType::{Ed25519, Rsa};
        for (now, selector, key_type, want, why) in [
            ("", "m", Rsa, "m:N tlsrpt:N", "one key, two selectors"),
            (
                "",
                "tlsrpt",
                Rsa,
                "mail-tlsrpt:N tlsrpt:N",
                "the second is for reports",
            ),
            (
                "a:O tlsrpt:O",
                "b",
                Rsa,
                "b:N b-tlsrpt:N",
                "in place of the old one",
            ),
            (
                "a:O tlsrpt:O e:E",
                "b",
                Rsa,
                "b:N b-tlsrpt:N e:E",
                "what is beside it stays",
            ),
            ("a:O tlsrpt:O", "e", Ed25519, "a:O tlsrpt:O e:N", "behind"),
            (
                "a:O",
                "e",
                Ed25519,
                "a:O tlsrpt:O e:N",
                "not in the second place",
            ),
            (
                "tlsrpt:O",
                "e",
                Ed25519,
                "tlsrpt:O e:N",
                "there is one for reports",
            ),
            ("", "e", Ed25519, "e:N", "alone, which is said"),
        ] {
            let keys: Vec<DkimKey> = now
                .split_whitespace()
                .map(|entry| entry.split_once(':').unwrap())
                .map(|(selector, path)| DkimKey {
                    selector: selector.into(),
                    path: path.into(),
                })
                .collect();
            let plan = planned(&keys, selector, Path::new("N"), key_type);
            let plan: Vec<String> = plan
                .iter()
                .map(|key| format!("{}:{}", key.selector, key.path.display()))
                .collect();
            assert_eq!(plan.join(" "), want, "{why}");
        }
    }
}
