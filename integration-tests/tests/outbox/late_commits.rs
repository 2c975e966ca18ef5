use crate::support::Scene;
use integration_tests::{TopicRecord, soon};
use rws_kafka::outbox::{Outbox, OutboxError};

#[test]
fn an_event_whose_id_is_lower_than_those_sent_already_is_not_lost() -> Result<(), OutboxError> {
    let scene = Scene::new(1);
    let relay = scene.relay().start(20);
    let topic = scene.topic.as_str();
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(scene.pool.get()?);
    }
    let mut late = Vec::new();
    for (number, connection) in connections.iter_mut().enumerate() {
        let mut tx = connection.transaction()?;
        Outbox::new(&mut tx).enqueue_keyed(topic, format!("late-{number}"), "late")?;
        late.push(tx);
    }
    let mut connection = scene.pool.get()?;
    for number in 0..200 {
        let mut tx = connection.transaction()?;
        Outbox::new(&mut tx).enqueue_keyed(topic, format!("k-{number}"), "early")?;
        tx.commit()?;
    }
    soon(|| relay.status().published == 200);
    for tx in late {
        tx.commit()?;
    }
    soon(|| relay.status().published == 203);
    let found = scene.read();
    assert_eq!(found.len(), 203);
    let late = found.iter().filter(|read| read.payload_text() == "late");
    assert_eq!(late.count(), 3);
    Ok(())
}

#[test]
fn several_relays_keep_the_order_of_each_key() -> Result<(), OutboxError> {
    let scene = Scene::new(4);
    let relays: Vec<_> = (0..3)
        .map(|_| scene.relay().batch_size(50).start(5))
        .collect();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let scene = &scene;
                scope.spawn(move || -> Result<(), OutboxError> {
                    let mut connection = scene.pool.get()?;
                    for number in 0..500 {
                        let mut tx = connection.transaction()?;
                        // Five keys of its own: its transactions follow one another.
                        let key = format!("{writer}-{}", number % 5);
                        let event = format!("{number:04}");
                        Outbox::new(&mut tx).enqueue_keyed(&scene.topic, key, event)?;
                        tx.commit()?;
                    }
                    Ok(())
                })
            })
            .collect();
        writers
            .into_iter()
            .try_for_each(|writer| writer.join().expect("no panic"))
    })?;
    soon(|| scene.backlog() == 0);
    for relay in &relays {
        relay.stop();
    }
    let mut published = 0;
    for relay in relays {
        published += relay.join().published;
    }
    assert_eq!(published, 2000);
    let found = scene.read();
    assert_eq!(found.len(), 2000, "each once");
    for key in (0..4).flat_map(|w| (0..5).map(move |k| format!("{w}-{k}"))) {
        let of_key = found
            .iter()
            .filter(|read| read.key_text().as_ref() == Some(&key));
        let texts: Vec<String> = of_key.map(TopicRecord::payload_text).collect();
        assert_eq!(texts.len(), 100, "{key}");
        assert!(texts.is_sorted(), "{key}: {texts:?}");
    }
    Ok(())
}
