use crate::checks::length;
use crate::delivery::{Delivery, DeliveryReport, OnDelivery};
use crate::error::ProducerError;
use crate::in_flight::InFlight;
use crate::recorders::Recorders;
use crate::room::Room;
use crate::token::Token;
use crate::waiters::{Waiter, Waiters};
use parking_lot::Mutex;
use rws_kafka_client::Connection;
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::{
    BrokerStatus, BrokersOf, LogRate, Observer, ProducerHealth, ProducerStatus, non_zero, panics,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A delivery report. Each part is read only when it is needed.
pub(crate) trait Report {
    fn topic(&self) -> &str;

    fn key(&self) -> Option<&[u8]>;

    fn payload(&self) -> Option<&[u8]>;

    fn is_delivered(&self) -> bool;

    fn result(&self, timeout: Duration, connection: &Connection)
    -> Result<Delivery, ProducerError>;

    /// The size of key and payload, in bytes.
    fn bytes(&self) -> usize {
        length(self.key()) + length(self.payload())
    }
}

/// Forwards delivery reports to metrics, log, callback and waiters.
pub(crate) struct Deliveries {
    waiters: Waiters,
    room: Room,
    timeout: Duration,
    connection: Connection,
    health: ProducerHealth,
    recorders: Recorders,
    on_delivery: Option<OnDelivery>,
    /// How many messages a close discarded or a failed client held. A close returns how many it added.
    given_up: AtomicUsize,
    failures: LogRate,
    client: String,
    observer: Observer,
    brokers: BrokersOf,
    in_flight: InFlight,
    transaction: InTransaction,
}

/// The outcome of a transaction's deliveries.
#[derive(Default)]
struct InTransaction {
    /// The transaction is being aborted: its failures are not logged.
    aborting: AtomicBool,
    first_failure: Mutex<Option<ProducerError>>,
}

impl Deliveries {
    /// Creates the deliveries of the client named `client`. `timeout` is how long a message may wait for its
    /// acknowledgement.
    pub(crate) fn new(
        client: &str,
        connection: Connection,
        timeout: Duration,
        on_delivery: Option<OnDelivery>,
        observer: Observer,
    ) -> Self {
        Self {
            client: client.to_owned(),
            brokers: observer.register_brokers(client),
            in_flight: InFlight::default(),
            waiters: Waiters::default(),
            room: Room::default(),
            timeout,
            connection,
            health: observer.register_producer(),
            recorders: Recorders::new(observer.clone()),
            on_delivery,
            given_up: AtomicUsize::new(0),
            failures: LogRate::new(Duration::from_secs(1)),
            transaction: InTransaction::default(),
            observer,
        }
    }

    pub(crate) fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn health(&self) -> &ProducerHealth {
        &self.health
    }

    pub(crate) fn recorders(&self) -> &Recorders {
        &self.recorders
    }

    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// Records the state of the brokers.
    pub(crate) fn note_brokers(&self, brokers: Vec<BrokerStatus>) {
        self.brokers.set(brokers);
    }

    /// Adds `error` to the list of recent errors.
    pub(crate) fn note_error(&self, error: &ProducerError) {
        let source = format!("producer {}", self.client);
        self.observer.note_error(&source, &with_causes(error));
    }

    pub(crate) fn fill(&self, status: &mut ProducerStatus) {
        status.client.clone_from(&self.client);
        (status.delivered, status.failed) = self.recorders.totals();
        (status.queued_messages, status.queued_bytes) = self.in_flight.count();
    }

    pub(crate) fn given_up(&self) -> usize {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Returns how long a message may wait for its acknowledgement.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sets whether the transaction is being aborted, which makes its messages fail.
    pub(crate) fn aborting(&self, aborting: bool) {
        self.transaction.aborting.store(aborting, Ordering::Relaxed);
    }

    /// Takes the first failure of a message since the last call.
    pub(crate) fn take_failure(&self) -> Option<ProducerError> {
        self.transaction.first_failure.lock().take()
    }

    /// Records the outcome of a message.
    pub(crate) fn report(&self, report: &impl Report, token: usize) {
        let (sent_at, waiter) = match Token::decode(token) {
            Token::Unwatched(sent_at) => (Some(sent_at), None),
            Token::Watched(number) => {
                let waiter = self.waiters.take(number);
                (waiter.as_ref().map(Waiter::sent_at), waiter)
            }
        };
        let is_delivered = report.is_delivered();
        if is_delivered {
            self.recorders
                .delivered(report.topic(), sent_at.unwrap_or_default());
            self.connection.recovered();
        } else {
            self.recorders.failed(report.topic());
        }
        if waiter.is_some() || self.on_delivery.is_some() || !is_delivered {
            self.tell(report, waiter);
        }
        self.in_flight.settle(report.bytes());
        self.room.reported();
    }

    /// Takes the messages that a failed client never reported, and their waiters, out of what is in flight.
    /// Nothing may be sent meanwhile.
    pub(crate) fn abandon(&self) -> Option<Abandoned> {
        let messages = self.in_flight.settle_all();
        (messages > 0).then(|| {
            let waiters = self.waiters.take_all();
            for waiter in &waiters {
                self.recorders.failed(waiter.topic());
            }
            Abandoned { messages, waiters }
        })
    }

    /// Passes the full outcome to waiter, callback and log.
    fn tell(&self, report: &impl Report, waiter: Option<Waiter>) {
        let result = report.result(self.timeout, &self.connection);
        if let Err(ProducerError::Undelivered { .. } | ProducerError::ClientFailed { .. }) = result
        {
            self.given_up.fetch_add(1, Ordering::Relaxed);
        }
        let is_aborting = self.transaction.aborting.load(Ordering::Relaxed);
        if let Err(error) = &result {
            self.transaction
                .first_failure
                .lock()
                .get_or_insert_with(|| error.clone());
            if !is_aborting {
                self.note_error(error);
            }
        }
        if let Err(error) = &result
            && !is_aborting
            && let Some(held_back) = self.failures.admit()
        {
            let (held_back, error) = (non_zero(held_back), with_causes(error));
            tracing::error!(target: "rws_kafka", held_back, "a message was not delivered: {error}");
        }
        if let Some(callback) = &self.on_delivery {
            let told = DeliveryReport {
                topic: report.topic(),
                key: report.key(),
                payload: report.payload(),
                result: result.as_ref().copied(),
            };
            if let Err(panic) = panics::catch(|| callback(&told)) {
                tracing::error!(target: "rws_kafka", topic = report.topic(), %panic, "on_delivery panicked");
            }
        }
        if let Some(waiter) = waiter {
            waiter.fill(result);
        }
    }
}

/// Messages that a failed client never reported.
pub(crate) struct Abandoned {
    messages: u64,
    waiters: Vec<Waiter>,
}

impl Abandoned {
    /// Logs how many there are, and gives their waiters an outcome.
    pub(crate) fn report(self, detail: &str) {
        tracing::error!(
            target: "rws_kafka",
            messages = self.messages,
            "the producer's failed client ended without reporting messages: their outcome is unknown"
        );
        for waiter in self.waiters {
            let (topic, detail) = (waiter.topic().to_owned(), detail.to_owned());
            waiter.fill(Err(ProducerError::ClientFailed { topic, detail }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::Publish;
    use crate::record::Record;
    use crate::token::SentAt;
    use rws_kafka_config::Properties;

    /// A message of 3 bytes that ended with this error.
    struct Ended(ProducerError);

    impl Report for Ended {
        fn topic(&self) -> &str {
            "topic"
        }

        fn key(&self) -> Option<&[u8]> {
            None
        }

        fn payload(&self) -> Option<&[u8]> {
            Some(b"abc")
        }

        fn is_delivered(&self) -> bool {
            false
        }

        fn result(&self, _: Duration, _: &Connection) -> Result<Delivery, ProducerError> {
            Err(self.0.clone())
        }
    }

    fn deliveries() -> Deliveries {
        let connection = Connection::new(Properties::default());
        let timeout = Duration::from_secs(1);
        Deliveries::new("client", connection, timeout, None, Observer::new())
    }

    #[test]
    fn what_a_close_gives_up_counts_also_where_the_client_had_failed() {
        let deliveries = deliveries();
        let (topic, detail) = ("topic".to_owned(), "out of order".to_owned());
        for (error, given_up) in [
            (ProducerError::Closed, 0),
            (
                ProducerError::Undelivered {
                    topic: topic.clone(),
                },
                1,
            ),
            (ProducerError::ClientFailed { topic, detail }, 2),
        ] {
            deliveries.in_flight().accept(3);
            deliveries.report(&Ended(error), Token::Unwatched(SentAt::of(0)).encode());
            assert_eq!(deliveries.given_up(), given_up);
            assert_eq!(deliveries.in_flight().count(), (0, 0));
        }
    }

    #[test]
    fn what_a_failed_client_never_reported_has_an_outcome_once() {
        let deliveries = deliveries();
        assert!(deliveries.abandon().is_none(), "nothing was in flight");
        deliveries.in_flight().accept(3);
        let publish = Publish::begin(&Record::to("topic"));
        let (_, slot) = deliveries.waiters().enrol("topic", SentAt::of(0), &publish);
        deliveries
            .abandon()
            .expect("a message")
            .report("out of order");
        assert!(matches!(
            slot.wait(),
            Err(ProducerError::ClientFailed { topic, detail })
                if topic == "topic" && detail == "out of order"
        ));
        assert!(deliveries.abandon().is_none());
        assert_eq!(deliveries.recorders().totals().1, 1);
    }
}
