use crate::support::Scene;
use integration_tests::soon;
use rws_kafka::outbox::{Outbox, OutboxError, OutboxRelay, Pool, RelayOrdering};
use std::collections::HashSet;
use std::error::Error;
use std::thread;

/// PgBouncer in transaction mode gives each transaction another session.
#[test]
fn all_of_it_works_behind_pgbouncer() -> Result<(), OutboxError> {
    for ordering in [RelayOrdering::PerKey, RelayOrdering::Unordered] {
        let scene = Scene::new(1);
        let pool = Pool::from_url(&scene.postgres.pooled(&scene.url), None)?;
        let relays = [(); 2].map(|()| {
            let relay = OutboxRelay::new(scene.producer(), &pool);
            relay.ordering(ordering).batch_size(16).start(5)
        });
        let mut connection = pool.get()?;
        for number in 0..300 {
            let mut tx = connection.transaction()?;
            let key = (number % 7).to_string();
            Outbox::new(&mut tx).enqueue_keyed(&scene.topic, key, number.to_string())?;
            tx.commit()?;
        }
        soon(|| scene.backlog() == 0);
        let mut published = 0;
        for relay in relays {
            relay.stop();
            let report = relay.join();
            assert!(report.error.is_none(), "{report:?}");
            published += report.published;
        }
        assert_eq!((published, scene.read().len()), (300, 300), "{ordering:?}");
    }
    Ok(())
}

/// The session that the pooler gives a transaction, and the named statements in it.
const SESSION: &str = "SELECT pg_backend_pid(), \
    (SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO %.outbox%')";

/// Two transactions of a connection in two sessions: another connection holds the first one meanwhile.
fn in_two_sessions(pool: &Pool, topic: &str) -> Result<(), Box<dyn Error>> {
    let (mut one, mut other) = (pool.get()?, pool.get()?);
    let mut tx = one.transaction()?;
    Outbox::new(&mut tx).enqueue(topic, "1")?;
    let first: i32 = tx.query(SESSION, &[])?[0].get(0);
    tx.commit()?;
    let held = other.transaction()?;
    let taken: i32 = held.query(SESSION, &[])?[0].get(0);
    assert_eq!(
        taken, first,
        "PgBouncer gives the session that was used last"
    );
    let mut tx = one.transaction()?;
    Outbox::new(&mut tx).enqueue(topic, "2")?;
    tx.commit()?;
    Ok(())
}

#[test]
fn a_named_statement_would_be_missing_and_so_is_not_used() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    let pooled = Pool::from_url(&scene.postgres.pooled(&scene.url), None)?;
    in_two_sessions(&pooled, &scene.topic)?;
    let forced = pooled.with_prepared_statements();
    let missing = in_two_sessions(&forced, &scene.topic).expect_err("another session");
    let cause = missing
        .source()
        .and_then(Error::source)
        .or(missing.source());
    let shown = format!("{missing} {cause:?}");
    assert!(shown.contains("prepared statement"), "{shown}");
    assert_eq!(scene.backlog(), 3);
    Ok(())
}

#[test]
fn many_transactions_over_many_sessions_keep_no_name() -> Result<(), Box<dyn Error>> {
    const CLIENTS: usize = 12;
    const EACH: usize = 200;
    let scene = Scene::new(1);
    let pooled = Pool::from_url(&scene.postgres.pooled(&scene.url), None)?;
    let sessions: Vec<HashSet<i32>> = thread::scope(|scope| {
        let enqueue = || -> Result<HashSet<i32>, OutboxError> {
            let mut seen = HashSet::new();
            let mut connection = pooled.get()?;
            for number in 0..EACH {
                let mut tx = connection.transaction()?;
                Outbox::new(&mut tx).enqueue(&scene.topic, number.to_string())?;
                let session = &tx.query(SESSION, &[])?[0];
                assert_eq!(session.get::<_, i64>(1), 0, "named statements");
                seen.insert(session.get(0));
                tx.commit()?;
            }
            Ok(seen)
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(enqueue)).collect();
        let seen = clients
            .into_iter()
            .map(|client| client.join().expect("no panic"));
        seen.collect::<Result<_, _>>()
    })?;
    assert!(
        sessions.iter().any(|seen| seen.len() > 1),
        "each connection stayed in one session: {sessions:?}"
    );
    assert_eq!(scene.backlog(), (CLIENTS * EACH) as u64);
    Ok(())
}
