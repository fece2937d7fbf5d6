//! Lists, separated by commas; and the words of a command.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use super::{Setting, domain, path};
use crate::{
    option::Kind,
    value::{BlockList, DkimKey, FetcherCommand, Storage},
};

impl Setting for Vec<PathBuf> {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        entries(text, |entry| match path(entry)? {
            // sun_path has 108 bytes, the last of them a NUL (unix(7)).
            path if path.as_os_str().len() > 107 => Err(format!(
                "`{entry}` is longer than a Unix socket's name can be: {} bytes",
                entry.len()
            )),
            path => Ok(path),
        })
    }
}

/// The words of a command that runs without a shell; or names of hosts.
impl Setting for Vec<String> {
    fn parse(text: &str, kind: Kind) -> Result<Self, String> {
        if kind == Kind::Hosts {
            return entries(text, |name| {
                domain(name).map(|()| name.to_ascii_lowercase())
            });
        }
        match text
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
        {
            words if words.is_empty() => Err("the command is empty".to_owned()),
            words => Ok(words),
        }
    }

    /// Of names. A command that may be missing is an `Option`.
    fn unset() -> Option<Self> {
        Some(Vec::new())
    }
}

impl Setting for Vec<FetcherCommand> {
    fn parse(text: &str, kind: Kind) -> Result<Self, String> {
        let mut found: Vec<FetcherCommand> = Vec::new();
        for entry in text.split(',') {
            let words =
                Vec::<String>::parse(entry, kind).map_err(|_| "an entry is empty".to_owned())?;
            if found.iter().any(|known| known.words == words) {
                return Err(format!(
                    "`{}` stands twice: its sessions would be counted twice",
                    entry.trim()
                ));
            }
            found.push(FetcherCommand {
                text: entry.to_owned(),
                words,
            });
        }
        Ok(found)
    }
}

impl Setting for Vec<Storage> {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        let storages = entries(text, storage)?;
        // Two URLs may name one file.
        let paths = storages.iter().filter_map(|storage| match storage {
            Storage::Sqlite { path, .. } => Some(path),
            Storage::Dummy { .. } => None,
        });
        for (number, path) in paths.clone().enumerate() {
            if paths.clone().take(number).any(|known| known == path) {
                return Err(format!(
                    "`{}` stands twice: its sessions would be counted twice",
                    path.display()
                ));
            }
        }
        Ok(storages)
    }
}

fn storage(url: &str) -> Result<Storage, String> {
    let (scheme, rest) = url
        .split_once(':')
        .ok_or_else(|| format!("`{url}` is not a URL"))?;
    match scheme {
        "dummy" => Ok(Storage::Dummy {
            log: rest.ends_with("?log"),
            url: url.to_owned(),
        }),
        "sqlite" => {
            // As sys4 reads it: the host has no meaning, what follows `?` or `#` neither.
            let path = match rest.strip_prefix("//") {
                Some(rest) => rest.find('/').map_or("", |slash| &rest[slash..]),
                None => rest,
            };
            let path = Path::new(path.split(['?', '#']).next().unwrap_or_default());
            if path.is_absolute() && path.file_name().is_some() {
                return Ok(Storage::Sqlite {
                    path: path.to_path_buf(),
                    url: url.to_owned(),
                });
            }
            Err(format!("`{url}` names no file by an absolute path"))
        }
        _ => Err(format!("`{url}` has an unknown scheme")),
    }
}

impl Setting for Vec<DkimKey> {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        let keys = entries(text, dkim_key)?;
        // One key under two selectors is right; under one selector a receiver finds one key (RFC 6376 section 3.6.2.2).
        for (number, key) in keys.iter().enumerate() {
            let same = |other: &DkimKey| other.selector.eq_ignore_ascii_case(&key.selector);
            if keys[..number].iter().any(same) {
                return Err(format!("the selector `{}` stands twice", key.selector));
            }
        }
        Ok(keys)
    }

    fn unset() -> Option<Self> {
        Some(Vec::new())
    }
}

fn dkim_key(entry: &str) -> Result<DkimKey, String> {
    let (selector, path) = entry
        .split_once(':')
        .ok_or_else(|| format!("`{entry}` has no `:`"))?;
    domain(selector).map_err(|_| format!("`{selector}` is not a selector"))?;
    Ok(DkimKey {
        selector: selector.to_owned(),
        path: super::path(path)?,
    })
}

impl Setting for Vec<SocketAddr> {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        entries(text, |entry| {
            let address = entry.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
            address
                .or_else(|_| entry.parse())
                .ok()
                // Nobody listens there.
                .filter(|address| address.port() != 0)
                .ok_or_else(|| format!("`{entry}` is not an IP address"))
        })
    }

    fn unset() -> Option<Self> {
        Some(Vec::new())
    }
}

impl Setting for Vec<BlockList> {
    fn parse(text: &str, _: Kind) -> Result<Self, String> {
        entries(text, |entry| BlockList::parse(entry, domain))
    }

    fn unset() -> Option<Self> {
        Some(Vec::new())
    }
}

/// The entries of a list, none empty and none twice.
fn entries<T: PartialEq>(
    text: &str,
    one: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut found = Vec::new();
    for entry in text.split(',').map(str::trim) {
        if entry.is_empty() {
            return Err("an entry is empty".to_owned());
        }
        let value = one(entry)?;
        if found.contains(&value) {
            return Err(format!("`{entry}` stands twice"));
        }
        found.push(value);
    }
    Ok(found)
}
