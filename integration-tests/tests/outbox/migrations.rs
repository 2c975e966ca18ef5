use crate::support::Scene;
use integration_tests::{Postgres, soon};
use rws_kafka::outbox::{MIGRATIONS, Outbox, OutboxError, Pool, Schema, migrate};
use std::thread;

fn database() -> (&'static Postgres, String, Pool) {
    let postgres = Postgres::shared();
    let url = postgres.create_database();
    let pool = Pool::from_url(&url, None).expect("a valid URL");
    (postgres, url, pool)
}

#[test]
fn ten_instances_may_migrate_at_once() {
    let (postgres, url, _) = database();
    migrate_ten_times_at_once(postgres, &url);
}

fn migrate_ten_times_at_once(postgres: &Postgres, url: &str) {
    let pools: Vec<Pool> = (0..10)
        .map(|_| Pool::from_url(url, None).expect("a valid URL"))
        .collect();
    // All have started before the first one continues.
    let gate = Pool::from_url(url, None).expect("a valid URL");
    let mut connection = gate.get().expect("a connection");
    let tx = connection.transaction().expect("a transaction");
    tx.query("SELECT pg_advisory_xact_lock(8245928655720965)", &[])
        .expect("the lock of migrations");
    let waiting = "SELECT count(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event = 'advisory'";
    thread::scope(|scope| {
        let all: Vec<_> = pools
            .iter()
            .map(|pool| scope.spawn(|| migrate(pool)))
            .collect();
        soon(|| postgres.psql(url, waiting) == "10");
        tx.rollback().expect("an end");
        for one in all {
            one.join().expect("no panic").expect("a migration");
        }
    });
    let versions = postgres.psql(url, "SELECT count(*) FROM rws_kafka.version");
    assert_eq!(versions, MIGRATIONS.len().to_string());
}

/// If transactions are serializable by default, one that waited for another's migration would not
/// see it.
#[test]
fn ten_instances_may_migrate_at_once_whatever_the_default_isolation() {
    let (postgres, url, _) = database();
    let name = url.rsplit('/').next().expect("a name");
    postgres.psql(
        &url,
        &format!("ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"),
    );
    migrate_ten_times_at_once(postgres, &url);
}

#[test]
fn the_exported_sql_makes_what_migrate_makes() {
    let (postgres, url, pool) = database();
    postgres.psql(&url, "CREATE SCHEMA rws_kafka");
    for sql in MIGRATIONS {
        postgres.psql(&url, sql);
    }
    migrate(&pool).expect("nothing to do");
    let mut connection = pool.get().expect("a connection");
    let mut tx = connection.transaction().expect("a transaction");
    Outbox::new(&mut tx)
        .enqueue("orders", "{}")
        .expect("the tables");
}

#[test]
fn a_schema_of_ones_own_is_used_throughout() {
    let (postgres, url, pool) = database();
    let schema = Schema::new("user").expect("a valid name");
    let pool = pool.with_schema(schema);
    migrate(&pool).expect("a migration");
    let mut connection = pool.get().expect("a connection");
    let mut tx = connection.transaction().expect("a transaction");
    Outbox::new(&mut tx)
        .enqueue("orders", "{}")
        .expect("the tables");
    tx.commit().expect("a commit");
    let count = postgres.psql(&url, "SELECT count(*) FROM \"user\".outbox");
    assert_eq!(count, "1");
}

#[test]
fn a_newer_library_beside_this_one_is_respected() {
    let scene = Scene::new(1);
    let enqueue = || {
        let mut connection = scene.pool.get()?;
        let mut tx = connection.transaction()?;
        Outbox::new(&mut tx).enqueue(&scene.topic, "{}")?;
        tx.commit()
    };
    scene.sql("INSERT INTO rws_kafka.version (version, oldest_beside) VALUES (2, 1)");
    scene.sql("ALTER TABLE rws_kafka.outbox ADD COLUMN more text");
    migrate(&scene.pool).expect("version 1 may work beside 2");
    enqueue().expect("version 1 may work beside 2");
    let relay = scene.relay().start(20);
    soon(|| scene.backlog() == 0);
    relay.stop();
    assert!(relay.join().error.is_none());

    scene.sql("INSERT INTO rws_kafka.version (version, oldest_beside) VALUES (3, 2)");
    let error = migrate(&scene.pool).expect_err("version 1 may not work beside 3");
    let OutboxError::NewerTables {
        found: 3, known: 1, ..
    } = error
    else {
        panic!("{error:?}");
    };
    let ended = scene.relay().start(20).join();
    assert!(
        matches!(ended.error, Some(OutboxError::NewerTables { .. })),
        "{ended:?}"
    );
}

#[test]
fn missing_tables_and_missing_rights_say_what_to_do() {
    let (postgres, url, pool) = database();
    let enqueue = |pool: &Pool| {
        let mut connection = pool.get().expect("a connection");
        let mut tx = connection.transaction().expect("a transaction");
        let enqueued = Outbox::new(&mut tx).enqueue("orders", "{}");
        enqueued.expect_err("no table, or no right").to_string()
    };
    let missing = enqueue(&pool);
    assert!(missing.contains("call migrate()"), "{missing}");

    migrate(&pool).expect("the tables");
    let role = integration_tests::unique("role").replace('-', "_");
    postgres.psql(&url, &format!("CREATE ROLE {role} LOGIN PASSWORD 'weak'"));
    let weak = url.replace("postgres:secret@", &format!("{role}:weak@"));
    let weak = Pool::from_url(&weak, None).expect("a valid URL");
    let denied = enqueue(&weak);
    assert!(
        denied.contains("enqueue an event") && denied.contains("grant"),
        "{denied}"
    );
    let error = migrate(&weak).expect_err("no right").to_string();
    assert!(error.contains("grant"), "{error}");
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let (_, url, _) = database();
    let pool = Pool::from_url(&url.replace(":secret@", ":wr0ng@"), None).expect("a valid URL");
    let error = pool.get().expect_err("a wrong password");
    let mut shown = format!("{error:?} {error}");
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        shown.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(shown.contains("password authentication failed"), "{shown}");
    assert!(!shown.contains("wr0ng"), "{shown}");
}
