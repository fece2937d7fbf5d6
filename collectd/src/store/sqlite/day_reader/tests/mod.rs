//! The three questions, on files as ours and others leave them.

use std::{fs, path::PathBuf};

use jiff::Timestamp;
use tlsrptd_config::{
    LogLevel, Storage,
    fetcher::{Fetcher, Question},
};
use tlsrptd_proto::{
    day::Day,
    fetch::{Event, Parser},
};

use crate::{
    error::Error,
    fetcher::answer,
    store::sqlite::{contents, file},
};

mod files;
mod questions;

struct Bench {
    dir: tempfile::TempDir,
}

fn now() -> Timestamp {
    "2026-11-21T08:09:10Z".parse().unwrap()
}

impl Bench {
    fn new() -> Bench {
        Bench {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn put(&self, name: &str, complete: &str, rows: &[(&str, &str, &str, i64)]) {
        let path = self.dir.path().join(name);
        let db = file::open_plain(&path).unwrap();
        for (day, domain, policy, n) in rows {
            db.execute(
                "INSERT INTO finalresults(day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure) VALUES(?1, ?2, 't', ?3, ?4, 0)",
                (day, domain, policy, n),
            )
            .unwrap();
        }
        contents::mark_complete(&db, Day::parse(complete).unwrap()).unwrap();
        file::close(db, &path).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn ask(&self, day: &str, domain: Option<&str>) -> Result<String, Error> {
        let path: PathBuf = self.dir.path().join("db");
        let settings = Fetcher {
            storage: Storage::Sqlite {
                url: format!("sqlite://{}", path.display()),
                path,
            },
            logfilename: None,
            log_level: LogLevel::Warn,
            observation_socket: None,
            question: Question::Day {
                day: day.into(),
                domain: domain.map(Into::into),
            },
        };
        let mut out = Vec::new();
        answer(&settings, now(), &mut out).map(|()| String::from_utf8(out).unwrap())
    }
}

const DANE: &str = r#"{"policy-type": 1, "policy-domain": "mx.a.test", "policy-string": ["3 1 1 AA", "2 0 1 BB"]}"#;
const DANE_REORDERED: &str = r#"{"policy-type": 1, "policy-domain": "mx.a.test", "policy-string": ["2 0 1 bb", "3 1 1 AA"]}"#;
const NONE: &str = r#"{"policy-type": 9}"#;
