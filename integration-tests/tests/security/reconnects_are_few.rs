//! A client that is refused reconnects only rarely: each connection costs a handshake, and a wrong
//! password may lock an account.

use crate::support::{config, secured, settings};
use integration_tests::eventually;
use rws_kafka_config::KafkaConfigBuilder;
use rws_kafka_producer::KafkaProducer;
use rws_kafka_producer::connection::ConnectionCause;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long connections are counted.
const WATCHED: Duration = Duration::from_secs(10);

/// A proxy in front of a broker that counts connections.
struct Door {
    address: String,
    connections: Arc<AtomicUsize>,
}

impl Door {
    fn before(broker: &str) -> Self {
        // Only one address, because "localhost" may have two.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, broker) = (Arc::clone(&connections), broker.to_owned());
        thread::spawn(move || {
            for client in listener.incoming() {
                counter.fetch_add(1, Ordering::Relaxed);
                // A refused client closes the connection, which ends both directions.
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(&broker)) {
                    pass_on(&client, &server);
                    pass_on(&server, &client);
                }
            }
        });
        Self {
            address: format!("localhost:{port}"),
            connections,
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn pass_on(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (
        from.try_clone().expect("a socket"),
        to.try_clone().expect("a socket"),
    );
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
        let _ = from.shutdown(std::net::Shutdown::Both);
    });
}

/// Counts the connections of a producer that is refused for `expected`.
fn refused(settings: KafkaConfigBuilder, expected: fn(&ConnectionCause) -> bool) -> usize {
    let door = Door::before(&secured().bootstrap());
    let producer = KafkaProducer::new(config(settings.brokers(&door.address))).unwrap();
    let end = Instant::now() + WATCHED;
    producer.send("orders", "x").unwrap();
    let cause = || producer.ping(Duration::from_secs(1)).err();
    eventually(WATCHED, || {
        let error = cause();
        let cause = error.as_ref().and_then(|error| error.connection_cause());
        cause.is_some_and(expected)
    });
    // A health check in between opens none.
    while Instant::now() < end {
        let _ = producer.ping(Duration::from_secs(1));
    }
    door.connections()
}

#[test]
fn of_a_producer_that_does_not_trust_the_certificate() {
    let kafka = secured();
    let settings = settings(kafka).ssl_ca_file(kafka.certificates().other_ca_file());
    let connections = refused(settings, |cause| {
        matches!(cause, ConnectionCause::UntrustedCertificate { .. })
    });
    // One a second, and one by the probe, which finds out that it is the CA.
    assert!((2..=15).contains(&connections), "{connections}");
}

#[test]
fn of_a_producer_with_a_wrong_password() {
    let settings = settings(secured()).sasl_password("not-my-password-4711");
    let connections = refused(settings, |cause| {
        matches!(cause, ConnectionCause::Authentication { .. })
    });
    // At once, and after 5 s or more.
    assert!((1..=3).contains(&connections), "{connections}");
}
