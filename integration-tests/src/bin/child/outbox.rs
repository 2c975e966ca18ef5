use rws_kafka::{
    KafkaProducer, Observer, ProducerConfig,
    outbox::{OutboxRelay, Pool},
};

pub(crate) fn relay(brokers: &str, database: &str, batch: usize) {
    let config = ProducerConfig::new(brokers).expect("valid settings");
    let producer = KafkaProducer::new(config.observer(Observer::new())).expect("a producer");
    let pool = Pool::from_url(database, None).expect("a valid URL");
    let _ = OutboxRelay::new(producer, pool)
        .batch_size(batch)
        .start(20)
        .join();
}
