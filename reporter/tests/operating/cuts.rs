//! A move that is cut short, wherever that is, is brought to its end by the same command: all of it is there, once.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_fleet::Session;
use tlsrptd_reporter::store::{self, CommitSide, MovedRows};

use super::{
    database, made,
    moving::{Contents, contents, file_of, fill},
    proxy::Proxy,
    run, settings,
};

/// Where that is possible: syncing is not what these tests are about.
fn in_memory() -> TempDir {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    folder.unwrap()
}

/// A file with a value of everything.
fn filled(folder: &Path, name: &str) -> (PathBuf, Reportd) {
    let (file, of_file) = file_of(folder, name);
    store::open(&of_file, None).unwrap().close().unwrap();
    fill(&file);
    // As each start does: what is counted of deliveries follows from them.
    let mut store = store::open(&of_file, None).unwrap();
    store.release().unwrap();
    store.close().unwrap();
    (file, of_file)
}

fn is_moved(session: &Session) -> Option<String> {
    let row = session.query_opt("SELECT moved FROM meta", &[]).unwrap();
    row.unwrap().get(0)
}

/// A fleet that has the contents of a file, and where they are to go.
struct InFleet {
    folder: TempDir,
    /// What the file had.
    whole: Contents,
    fleet: Reportd,
    session: Session,
    back: PathBuf,
    /// Where the file is filled.
    beside: PathBuf,
}

impl InFleet {
    fn import(dbname: &str) -> InFleet {
        let folder = in_memory();
        let (file, _) = filled(folder.path(), "r.sqlite");
        let whole = contents(&file);
        let fleet = settings(dbname, &[]);
        store::import(&fleet, &file).unwrap();
        let (back, _) = file_of(folder.path(), "back.sqlite");
        InFleet {
            whole,
            fleet,
            session: made(dbname),
            back,
            beside: folder.path().join("back.sqlite.moving"),
            folder,
        }
    }

    /// All of it came back, and nothing is left beside.
    fn is_whole(&self, why: &str) {
        let after = contents(&self.back);
        let mut tables = self.whole.iter();
        assert!(tables.all(|(table, rows)| after[table] == *rows), "{why}");
        assert!(!self.beside.exists(), "{why}");
    }

    /// That it was moved.
    fn forget(&self) {
        run(&self.session, "UPDATE meta SET moved = NULL");
    }
}

/// The connection ends before each request; and with the answer to the last one, its COMMIT's, and to some of the others.
#[test]
fn an_export_that_is_cut_short_is_run_again() {
    let Some(dbname) = database("an_export_that_is_cut_short_is_run_again") else {
        return;
    };
    let moved = InFleet::import(&dbname);
    let (fleet, back) = (&moved.fleet, &moved.back);
    // Cuts it there; gives what the same command did then. `None`: it had come to its end.
    let cut = |number: u64, side: CommitSide| {
        let proxy = Proxy::at_each_request(&dbname, move |at| (at == number).then_some(side));
        let first = store::export(&settings(proxy.address(), &[]), back);
        let why = format!("{side:?} request {number}: {first:?}");
        let again = first.is_err().then(|| {
            assert!(!back.exists(), "whoever finds it finds all of it; {why}");
            store::export(fleet, back).unwrap_or_else(|error| panic!("{why}: {error}"))
        });
        moved.is_whole(&why);
        fs::remove_file(back).unwrap();
        moved.forget();
        // A connection that was idle is made anew, and nobody notices.
        (proxy.counts().1 > 0).then_some(again)
    };
    let mut commit = 0;
    for number in 1.. {
        match cut(number, CommitSide::Before) {
            None => break,
            Some(None) => {}
            Some(Some(again)) => {
                assert!(
                    matches!(again, MovedRows::Now { .. }),
                    "{number}: {again:?}"
                );
                commit = number;
            }
        }
    }
    assert!(commit > 20, "its COMMIT was request {commit}");
    for number in (1..commit).step_by(9) {
        let again = cut(number, CommitSide::After).unwrap();
        let is_anew = matches!(again, None | Some(MovedRows::Now { .. }));
        assert!(is_anew, "{number}: {again:?}");
    }
    let again = cut(commit, CommitSide::After);
    assert_eq!(again, Some(Some(MovedRows::Finished)), "all was there");
}

/// What the same process would leave if it were killed between two steps on this side.
#[test]
fn an_export_that_is_killed_is_run_again() {
    let Some(dbname) = database("an_export_that_is_killed_is_run_again") else {
        return;
    };
    let moved = InFleet::import(&dbname);
    let (fleet, back, beside) = (&moved.fleet, &moved.back, &moved.beside);
    store::export(fleet, back).unwrap();
    assert_eq!(store::export(fleet, back).unwrap(), MovedRows::Before);
    let bytes = fs::read(back).unwrap();

    fs::rename(back, beside).unwrap();
    assert_eq!(store::export(fleet, back).unwrap(), MovedRows::Finished);
    moved.is_whole("behind the COMMIT");
    let elsewhere = store::export(fleet, &moved.folder.path().join("other.sqlite"));
    let told = elsewhere.err().unwrap().to_string();
    assert!(told.contains("back.sqlite: nobody works on it"), "{told}");

    type Leave<'a> = &'a dyn Fn();
    let leaves: [(Leave<'_>, &str); 4] = [
        (
            &|| fs::write(beside, &bytes).unwrap(),
            "before the COMMIT, filled",
        ),
        (
            &|| fs::write(beside, "").unwrap(),
            "as soon as the file was made",
        ),
        (
            &|| {
                let (_, of_beside) = file_of(moved.folder.path(), "back.sqlite.moving");
                store::open(&of_beside, None).unwrap().close().unwrap();
            },
            "before it was filled",
        ),
        (&|| (), "before anything"),
    ];
    for (leave, why) in leaves {
        fs::remove_file(back).unwrap();
        moved.forget();
        leave();
        let again = store::export(fleet, back);
        assert!(
            matches!(again, Ok(MovedRows::Now { .. })),
            "{why}: {again:?}"
        );
        moved.is_whole(why);
    }

    // All that there is of somebody else's.
    fs::remove_file(back).unwrap();
    moved.forget();
    let (others, _) = filled(moved.folder.path(), "others.sqlite");
    fs::rename(&others, beside).unwrap();
    let before = contents(beside);
    let told = store::export(fleet, back).err().unwrap().to_string();
    assert!(told.contains("of another installation"), "{told}");
    assert_eq!(contents(beside), before);
    assert_eq!(is_moved(&moved.session), None, "members go on");
}

/// The file is no reporter's from the moment on that the fleet may have its contents.
#[test]
fn an_import_that_is_cut_short_is_run_again() {
    for side in [CommitSide::Before, CommitSide::After] {
        let Some(dbname) = database("an_import_that_is_cut_short_is_run_again") else {
            return;
        };
        drop(made(&dbname));
        let folder = tempfile::tempdir().unwrap();
        let (file, of_file) = filled(folder.path(), "r.sqlite");
        // An address is part of what is noted: that of the proxy is the fleet's here.
        let proxy = Proxy::start_of_command(&dbname, move |at| (at == 1).then_some(side));
        let fleet = settings(proxy.address(), &[]);
        let told = store::import(&fleet, &file).err().unwrap().to_string();
        assert!(told.contains("run the same command again"), "{told}");
        let refused = store::open(&of_file, None).err().unwrap().to_string();
        assert!(refused.contains("moving to postgresql://"), "{refused}");
        let again = store::import(&fleet, &file).unwrap();
        match side {
            CommitSide::Before => assert!(matches!(again, MovedRows::Now { .. }), "{again:?}"),
            CommitSide::After => assert_eq!(again, MovedRows::Finished),
        }
        let refused = store::open(&of_file, None).err().unwrap().to_string();
        assert!(refused.contains("moved to postgresql://"), "{refused}");
        let session = made(&dbname);
        let rows = session.query("SELECT count(*) FROM report", &[]).unwrap();
        assert_eq!(rows[0].get::<_, i64>(0), 5, "{side:?}: once");
    }
}
