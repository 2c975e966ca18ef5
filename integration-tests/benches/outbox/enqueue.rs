use crate::Stage;
use rws_kafka::outbox::Outbox;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const CLIENTS: usize = 16;
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;
const PLAIN: &str = "INSERT INTO plain (topic, key, payload) VALUES ($1, $2, $3)";

#[derive(Clone, Copy)]
enum By {
    Plain,
    Outbox,
    UnpreparedOutbox,
}

/// Inserts one row per transaction: with `enqueue`, as it is and unprepared, as behind a pooler, and into a
/// plain table with a prepared statement.
pub(crate) fn compare() {
    println!("enqueue, {CLIENTS} clients, a row a transaction, transactions/s");
    let stage = Stage::new();
    stage
        .sql("CREATE TABLE plain (id bigserial PRIMARY KEY, topic text, key bytea, payload bytea)");
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    for _ in 0..ROUNDS {
        let plain = rate(&runtime, &stage, By::Plain);
        let outbox = rate(&runtime, &stage, By::Outbox);
        let unprepared = rate(&runtime, &stage, By::UnpreparedOutbox);
        let (ratio, unprepared_ratio) = (outbox / plain, unprepared / plain);
        println!(
            "  plain {plain:>7.0}   outbox {outbox:>7.0} ({ratio:.2})   \
             unprepared {unprepared:>7.0} ({unprepared_ratio:.2})"
        );
    }
}

fn rate(runtime: &Runtime, stage: &Stage, by: By) -> f64 {
    let begun = Instant::now();
    let done: usize = runtime.block_on(async {
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (pool, topic) = (stage.pool.as_async().clone(), stage.topic.clone());
            clients.spawn(async move {
                let payload = vec![b'x'; 1024];
                let mut connection = pool.get().await.expect("a connection");
                let plain = connection.prepare_cached(PLAIN).await.expect("a statement");
                let mut done = 0;
                while begun.elapsed() < ROUND {
                    let key = ((client + done * CLIENTS) % 10_000).to_string();
                    let mut tx = connection.transaction().await.expect("a transaction");
                    if matches!(by, By::Plain) {
                        let key = key.as_bytes();
                        let inserted = tx.execute(&plain, &[&topic, &key, &payload]).await;
                        inserted.expect("a row");
                    } else {
                        let outbox = match by {
                            By::UnpreparedOutbox => Outbox::new(&mut tx).unprepared(),
                            _ => Outbox::new(&mut tx),
                        };
                        let enqueued = outbox.enqueue_keyed(&topic, key, &payload).await;
                        enqueued.expect("an event");
                    }
                    tx.commit().await.expect("a commit");
                    done += 1;
                }
                done
            });
        }
        clients.join_all().await.into_iter().sum()
    });
    done as f64 / begun.elapsed().as_secs_f64()
}
