//! What keeps a start from the database of a fleet, and what would mend it; and what is seen of a healthy one.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _};

use jiff::SignedDuration;
use tlsrptd_reporter::store::{self, OperatorAccess};

use super::{cluster, made, run, settings};

fn fault(dbname: &str, more: &[&str]) -> String {
    let fault = store::find_fault(&settings(dbname, more));
    fault.map_or_else(String::new, |error| error.to_string())
}

/// The address of a Unix socket, as another user or of another database.
fn address(of: &str, user: &str, database: &str) -> String {
    let (_, host) = of.split_once('@').unwrap();
    let (host, _) = host.split_once('/').unwrap();
    format!("postgresql://{user}@{host}/{database}")
}

#[test]
fn faults_name_what_mends_them() {
    let Some(mut cluster) = cluster("faults_name_what_mends_them", &[]) else {
        return;
    };
    let dbname = cluster.database();
    let database = dbname.rsplit_once('/').unwrap().1.to_owned();
    let sql = |sql: &str| cluster.query(&database, sql).unwrap();
    sql("CREATE ROLE poor LOGIN; CREATE ROLE rich LOGIN");
    sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
    let poor = address(&dbname, "poor", &database);

    assert_eq!(
        fault(&dbname, &[]),
        "",
        "its own database, before the first start"
    );
    for (text, part, why) in [
        (
            address(&dbname, "nobody_is", &database),
            "createuser",
            "no such user",
        ),
        (
            address(&dbname, "tlsrpt", "none"),
            "createdb",
            "no such database",
        ),
        (
            poor.clone(),
            "CREATE SCHEMA tlsrpt AUTHORIZATION poor",
            "no right to make the schema",
        ),
        (
            address(&dbname, "tlsrpt", "latin"),
            "encoding is LATIN1",
            "texts of strangers do not fit",
        ),
    ] {
        let told = fault(&text, &[]);
        assert!(told.contains(part), "{why}: {told}");
    }
    let asked = store::open_for_operator(&settings(&dbname, &[]), OperatorAccess::Read);
    let told = asked.err().unwrap().to_string();
    assert!(
        told.contains("tlsrpt-reportd makes it when it starts"),
        "{told}"
    );

    drop(made(&dbname));
    assert_eq!(fault(&dbname, &[]), "", "with its tables");
    let told = fault(&poor, &[]);
    assert!(told.contains("ALTER SCHEMA tlsrpt OWNER TO poor"), "{told}");
    sql("GRANT USAGE, CREATE ON SCHEMA tlsrpt TO poor; GRANT SELECT ON tlsrpt.meta TO poor");
    let told = fault(&poor, &[]);
    assert!(told.contains("does not own tlsrpt."), "{told}");

    sql("UPDATE tlsrpt.meta SET version = 99");
    let told = fault(&dbname, &[]);
    assert!(told.contains("newer than this program's"), "{told}");
    sql("UPDATE tlsrpt.meta SET version = 1");

    cluster
        .query(
            "postgres",
            &format!("ALTER DATABASE {database} SET default_transaction_read_only = on"),
        )
        .unwrap();
    let told = fault(&dbname, &[]);
    assert!(told.contains("is the primary"), "{told}");
    cluster.stop("INT");
    let told = fault(&dbname, &[]);
    assert!(told.contains("cannot connect to"), "{told}");
}

#[test]
fn passwords_and_who_is_let_in() {
    let Some(cluster) = cluster("passwords_and_who_is_let_in", &[]) else {
        return;
    };
    let dbname = cluster.database();
    let database = dbname.rsplit_once('/').unwrap().1.to_owned();
    let sql = |sql: &str| cluster.query(&database, sql).unwrap();
    sql(&format!(
        "CREATE ROLE r LOGIN PASSWORD 'right'; ALTER DATABASE {database} OWNER TO r"
    ));
    let hba = cluster.folder().join("data/pg_hba.conf");
    let rules = "local all tlsrpt trust\nlocal all r scram-sha-256\n";
    fs::write(&hba, rules).unwrap();
    sql("CREATE ROLE stranger LOGIN; SELECT pg_reload_conf()");
    let address_of_r = address(&dbname, "r", &database);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let option = format!("--dbname_password_file={}", file.display());
    // The server reads its rules when it gets round to it.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !fault(&address_of_r, &[]).contains("set dbname_password_file") {
        assert!(
            std::time::Instant::now() < until,
            "{}",
            fault(&address_of_r, &[])
        );
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let told = fault(&address(&dbname, "stranger", &database), &[]);
    assert!(told.contains("add a line for this host"), "{told}");
    let told = fault(&address_of_r, &[&option]);
    assert!(
        told.contains("dbname_password_file") && told.contains("cannot be read"),
        "{told}"
    );
    for (password, part, why) in [
        ("wrong\n", "has to hold the password", "the wrong one"),
        (
            "right\n",
            "",
            "the right one, with the line end of an editor",
        ),
    ] {
        fs::write(&file, password).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let told = fault(&address_of_r, &[&option]);
        assert_eq!(told.is_empty(), part.is_empty(), "{why}: {told}");
        assert!(told.contains(part), "{why}: {told}");
        assert!(!told.contains("wrong") && !told.contains("right"), "{told}");
    }
}

#[test]
fn a_server_that_is_none() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    drop(silent);
    let told = fault(
        &format!("postgresql://u@127.0.0.1:{port}/d?sslmode=disable"),
        &[],
    );
    assert!(told.contains("Connection refused"), "{told}");
    let told = fault("postgresql://u@127.0.0.1/d?sslmode=prefer", &[]);
    assert!(told.contains("allowed: verify-full"), "{told}");
}

#[test]
fn a_healthy_server() {
    let Some(cluster) = cluster("a_healthy_server", &["synchronous_commit=on"]) else {
        return;
    };
    let dbname = cluster.database();
    let settings = settings(&dbname, &[]);
    let server = store::fleet_server(&settings).unwrap();
    assert_eq!(server.tables, None, "before the first start");
    run(
        &made(&dbname),
        "\
         INSERT INTO member(name, process, until) VALUES('a:1', 'p', clock_timestamp() + interval '1 min')",
    );
    let server = store::fleet_server(&settings).unwrap();
    assert_eq!(server.tables, Some(1));
    assert_eq!(server.members, ["a:1"]);
    assert_eq!(server.synchronous_commit, "on");
    assert!(!server.is_crash_safe, "tests run without fsync");
    assert_eq!(server.lock_table, 512 * 100);
    assert!(server.most_connections < 100 && server.connections > 0 && server.size > 1 << 20);
    assert!(
        server.clock_ahead.abs() < SignedDuration::from_secs(5),
        "{:?}",
        server.clock_ahead
    );
    assert_eq!(
        server.replicas,
        Some(Vec::new()),
        "its user is a superuser here"
    );
}
