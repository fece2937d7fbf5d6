//! The server is started again in the middle of the work, is away for a day, and has a full disk. The reporter lives on, so
//! nothing at all may happen twice.

use std::{
    collections::{BTreeSet, HashSet},
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use tlsrptd_cluster::{Cluster, as_ordinary, skip};
use tlsrptd_reporter::store::{CommitHook, HookVerdict};

use super::world::{HOUR, World};
use crate::environment::{self, Engine, Folder, make_tables};

const DAYS: [&str; 3] = ["2026-11-19", "2026-11-20", "2026-11-21"];

/// A folder that names a database of this server.
pub fn folder(cluster: &Cluster) -> Folder {
    let folder = Engine::Sqlite.folder();
    let address = cluster.database();
    make_tables(&address);
    folder.redirect(&address);
    folder
}

/// At both sides of each kind of step. `INT` ends the clients and shuts down; `QUIT` is a crash of the server, which recovers.
/// The suite plays one of them, `make soak` both.
#[test]
fn the_server_is_started_again_at_each_step() {
    Engine::Postgres.test_on_virtual_clock(|| async {
        let mut signals = vec!["INT", "QUIT"];
        if environment::soak().is_zero() {
            signals.remove(rand::random_range(0..2));
        }
        for signal in signals {
            let cluster = Cluster::start(&[]).unwrap();
            let folder = folder(&cluster);
            let mut world = World::new(folder.path());
            let (cluster, at) = (Arc::new(Mutex::new(cluster)), Arc::default());
            let hook = || Some(restarting(&cluster, &at, signal));
            world.live(HOUR * 40, hook).await;
            let restarts = at.lock().unwrap().len();
            assert!(restarts >= 16, "{signal}: {restarts} restarts");
            world.judge(signal, &DAYS, &BTreeSet::new());
        }
    });
}

/// Starts the server again wherever the work comes by for the first time.
fn restarting(
    cluster: &Arc<Mutex<Cluster>>,
    at: &Arc<Mutex<HashSet<String>>>,
    signal: &'static str,
) -> CommitHook {
    let (cluster, at) = (Arc::clone(cluster), Arc::clone(at));
    Box::new(move |step, side| {
        let place = format!("{step:?} {side:?}");
        if at.lock().unwrap().insert(place) {
            let mut cluster = cluster.lock().unwrap();
            cluster.stop(signal);
            cluster.run();
        }
        HookVerdict::Continue
    })
}

#[test]
fn the_database_is_away_for_a_day() {
    Engine::Postgres.test_on_virtual_clock(|| async {
        // While deliveries are under way, and over the midnight that ends a day.
        let mut cluster = Cluster::start(&[]).unwrap();
        let folder = folder(&cluster);
        let mut world = World::new(folder.path());
        let away = tokio::spawn(async move {
            tokio::time::sleep(HOUR + HOUR / 2).await;
            cluster.stop("INT");
            tokio::time::sleep(HOUR * 24).await;
            cluster.run();
            cluster
        });
        world.live(HOUR * 48, || None).await;
        let _cluster = away.await.unwrap();
        world.judge("away for a day", &DAYS, &BTreeSet::new());
    });
}

/// A true one: its files are on a file system that something else has filled.
#[test]
fn the_disk_of_the_database_is_full() {
    Engine::Postgres.test_on_virtual_clock(|| async {
        let cluster = Cluster::start(&[]).unwrap();
        let Some(disk) = skip::or_skip(Disk::mount(&cluster), "it takes root to mount a disk")
        else {
            return;
        };
        let folder = Engine::Sqlite.folder();
        make_tables(&cluster.address("small"));
        folder.redirect(&cluster.address("small"));
        let mut world = World::new(folder.path());
        let other = disk.path.join("other");
        let fills = tokio::spawn(async move {
            // Three times, for longer each time.
            for hours in [1, 3, 9] {
                tokio::time::sleep(HOUR).await;
                fill(&other);
                tokio::time::sleep(HOUR * hours).await;
                fs::remove_file(&other).unwrap();
            }
        });
        world.live(HOUR * 44, || None).await;
        fills.await.unwrap();
        world.judge("a full disk", &DAYS, &BTreeSet::new());
        let log = fs::read_to_string(cluster.folder().join("log")).unwrap();
        assert!(log.contains("No space left on device"), "it was never full");
    });
}

/// Until there is no room for another octet.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    let full = io::copy(&mut io::repeat(0), &mut file).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull, "{full}");
}

/// A small disk in memory, with the database `small` on it.
struct Disk {
    path: PathBuf,
}

impl Disk {
    /// `None` without the right to.
    fn mount(cluster: &Cluster) -> Option<Disk> {
        let path = cluster.folder().join("disk");
        fs::create_dir(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m,mode=0777", "tlsrptd-test"])
            .arg(&path)
            .output();
        if !mounted.is_ok_and(|mounted| mounted.status.success()) {
            return None;
        }
        let disk = Disk { path };
        let space = disk.path.join("space");
        let made = as_ordinary(Path::new("mkdir")).arg(&space).status();
        assert!(made.unwrap().success());
        let space = format!("CREATE TABLESPACE small LOCATION '{}'", space.display());
        cluster.query("postgres", &space).unwrap();
        let database = "CREATE DATABASE small TABLESPACE small";
        cluster.query("postgres", database).unwrap();
        Some(disk)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the server may have files open there.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
