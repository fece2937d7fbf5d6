//! What is old is removed in parts. On PostgreSQL other work is done between them; the tests of the daemon have both engines.

use crate::{
    at, day, decision,
    environment::{Engine, Statements, ask, change, settings},
    open,
};

/// A million names are so many parts, and other tables have as many rows: those are looked through once.
#[test]
fn whole_tables_are_looked_through_behind_the_last_part() {
    Engine::Postgres.test(|| {
        let folder = Engine::Postgres.folder();
        let settings = settings(folder.path(), &[]);
        let mut store = open(&settings);
        let now = at("21T00:00:00");
        let decided = decision("a.example", &["mailto:x@b.example"], now);
        store.store_decisions(day(), &[decided], now).unwrap();
        let postgres = "INSERT INTO decided VALUES('2026-11-10'), ('2026-11-11'); \
            INSERT INTO named(day, name, member) SELECT '2026-11-09', 'n' || g, 1 FROM generate_series(1, 25000) g; \
            INSERT INTO arrived VALUES(gen_random_uuid(), '2026-10-01')";
        let put = Statements {
            sqlite: "",
            postgres,
        };
        change(&settings.dbname, &put);
        let left = |table: &str| {
            let sql = format!("SELECT '', count(*) FROM {table}");
            let asked = Statements {
                sqlite: "",
                postgres: &sql,
            };
            ask(&settings.dbname, &asked)[0].1
        };
        let mut parts = Vec::new();
        let oldest = day().back(10);
        while store.clean(oldest).unwrap() {
            parts.push((left("named"), left("arrived")));
        }
        assert_eq!(parts, [(15_000, 1), (5_000, 1), (0, 1)]);
        assert_eq!(left("arrived"), 0);
    });
}
