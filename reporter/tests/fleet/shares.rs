//! Others come while collectors are asked and while a day is composed: the shards that stay go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread,
};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_fleet::{Address, Session, Shard, shard_of};
use tlsrptd_reporter::{
    daemon::Order,
    store::{self, Store},
};
use tokio::sync::mpsc;

use crate::{
    environment::{self, Engine, TestEnvironment, counted},
    party::{self, Fleet, tend_until, wait_until},
};

/// Longer than a busy machine lets a thread wait.
const LEASE: f64 = 6.0;
const COLLECTORS: [&str; 8] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight",
];
/// Each a part of each answer, of which a pass takes a few.
const DOMAINS: usize = 1200;

/// What the test sees, and who comes and goes.
struct Watch {
    settings: Reportd,
    db: Session,
}

impl Watch {
    fn number(&self, sql: &str) -> i64 {
        self.db.query(sql, &[]).unwrap()[0].get(0)
    }

    fn wait(&self, sql: &str, what: &str) {
        wait_until(|| self.number(sql) > 0, what);
    }

    /// Another comes, and gets its share. Gives the shards that stay with the first.
    fn comes(&self) -> (Box<dyn Store>, BTreeSet<Shard>) {
        let mut other = store::open(&self.settings, None).unwrap();
        let halves = "SELECT count(*) FROM (SELECT FROM shard GROUP BY owner HAVING count(*) = 32) AS half HAVING count(*) = 2";
        let are_halves = || !self.db.query(halves, &[]).unwrap().is_empty();
        tend_until(&mut [&mut other], are_halves, "halves");
        let stay = "SELECT shard FROM shard WHERE owner = (SELECT min(id) FROM member)";
        let stay = self.db.query(stay, &[]).unwrap();
        (other, stay.iter().map(|row| row.get(0)).collect())
    }

    /// While its collectors are asked. Gives those that are asked on.
    fn comes_while_asked(&self) -> Vec<&'static str> {
        self.wait("SELECT count(*) - 200 FROM answer", "answers");
        let (other, stay) = self.comes();
        let under_way = "SELECT count(*) FROM fetch_job WHERE closed IS NULL";
        assert_eq!(self.number(under_way), 8, "it is not over yet");
        let mut stays = COLLECTORS.to_vec();
        stays.retain(|command| stay.contains(&shard_of(command)));
        let over = format!(
            "SELECT count(*) - {} + 1 FROM fetch_job WHERE closed IS NOT NULL",
            stays.len()
        );
        self.wait(&over, "what stays is answered");
        other.close().unwrap();
        stays
    }

    fn comes_while_composed(&self) {
        self.wait("SELECT count(*) FROM report", "the first reports");
        let (other, stay) = self.comes();
        let undecided = "SELECT count(*) FROM answer WHERE data <> ''";
        assert!(self.number(undecided) > 0, "it is not over yet");
        let stay: Vec<Shard> = stay.into_iter().collect();
        let open = "SELECT 1 FROM compose WHERE shard = ANY($1) AND NOT decided";
        wait_until(
            || {
                let decided = "SELECT count(*) FROM compose WHERE decided";
                self.db.query(open, &[&stay]).unwrap().is_empty() && self.number(decided) > 0
            },
            "what stays is decided",
        );
        other.close().unwrap();
        self.wait("SELECT count(*) FROM composing WHERE composed", "the rest");
    }
}

#[test]
fn what_stays_goes_on_while_others_come() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        let options = [
            format!("--fetchers={}", COLLECTORS.join(",")),
            "--max_report_age=86400".to_owned(),
            "--spread_out_delivery=14400".to_owned(),
        ];
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let settings = party::settings(fleet.folder.path(), &options);
        let address = Address::parse(settings.dbname.to_str().unwrap()).unwrap();
        let watch = Watch {
            settings: settings.clone(),
            db: Session::connect(address).unwrap(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (asked, stayed) = runtime.block_on(async {
            let mut environment = TestEnvironment::new("2026-11-21T12:00:00Z");
            // Nobody is done before another has come.
            environment.rows_at_once = 1;
            environment.gather = Box::new(|_, _| {
                let names = (0..DOMAINS).map(|number| format!("d{number}.example"));
                Ok(names.map(|name| counted(&name, 1)).collect())
            });
            let environment = Arc::new(environment);
            let daemon = environment::daemon(&settings, Arc::clone(&environment), None, 1);
            let mut daemon = daemon.unwrap();
            let (sender, mut orders) = mpsc::channel(1);
            let comes_and_goes = thread::spawn(move || {
                let stayed = watch.comes_while_asked();
                watch.comes_while_composed();
                sender.blocking_send(Order::Stop).unwrap();
                stayed
            });
            // Whoever writes of what is another's begins anew, with an error.
            daemon.run(&mut orders, |_| {}).await.unwrap();
            daemon.into_store().close().unwrap();
            let asked = environment.asked.lock().unwrap().clone();
            (asked, comes_and_goes.join().unwrap())
        });
        let mut times: BTreeMap<i64, usize> = BTreeMap::new();
        for (_, index, _) in asked {
            *times.entry(index).or_default() += 1;
        }
        for (index, command) in (1..).zip(COLLECTORS) {
            let want = 1 + usize::from(!stayed.contains(&command));
            assert_eq!(times[&index], want, "{command}");
        }
        let sql = "SELECT count(*), count(DISTINCT domain), sum(sessions)::bigint FROM report";
        let row = &fleet.ask(sql, &[])[0];
        let (all, domains): (i64, i64) = (row.get(0), row.get(1));
        let number = i64::try_from(DOMAINS).unwrap();
        assert_eq!((all, domains), (number, number));
        assert_eq!(row.get::<_, i64>(2), 8 * number, "each session once");
    });
}
