use crate::support::Scene;
use integration_tests::soon;
use rws_kafka::outbox::{Outbox, OutboxError, OutboxRelay, Pool, RelayOrdering};

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
