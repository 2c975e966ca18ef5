//! Measures the overhead of a registry's codecs over the bare ones, with everything warm:
//! `cargo bench -p rws-kafka-schema --features avro,protobuf`.
//!
//! It compares a record of 10 fields in Avro with apache-avro, whose writer and reader are reused, and
//! with the crate schema_registry_converter; a message of 10 fields in Protobuf with bare prost; and
//! decoding on two threads with one. The ratios come last, of the medians of rounds in which all take
//! turns.

use apache_avro::AvroSchema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use criterion::Criterion;
use rws_kafka_schema::Schema;
use rws_kafka_schema::protobuf::{ProtobufError, ProtobufMessage};
use rws_kafka_schema::registry::{Destination, SchemaRegistry};
use schema_registry_converter::blocking::avro::{AvroDecoder, AvroEncoder};
use schema_registry_converter::blocking::schema_registry::SrSettings;
use schema_registry_converter::schema_registry_common::SubjectNameStrategy;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

const TOPIC: &str = "orders";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroSchema)]
struct Order {
    id: i64,
    customer: String,
    amount_cents: i64,
    currency: String,
    quantity: i32,
    paid: bool,
    weight: f64,
    note: Option<String>,
    tags: Vec<String>,
    created_ms: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoOrder {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(string, tag = "2")]
    customer: String,
    #[prost(int64, tag = "3")]
    amount_cents: i64,
    #[prost(string, tag = "4")]
    currency: String,
    #[prost(int32, tag = "5")]
    quantity: i32,
    #[prost(bool, tag = "6")]
    paid: bool,
    #[prost(double, tag = "7")]
    weight: f64,
    #[prost(string, optional, tag = "8")]
    note: Option<String>,
    #[prost(string, repeated, tag = "9")]
    tags: Vec<String>,
    #[prost(int64, tag = "10")]
    created_ms: i64,
}

impl prost::Name for ProtoOrder {
    const NAME: &'static str = "Order";
    const PACKAGE: &'static str = "shop";
}

impl ProtobufMessage for ProtoOrder {
    fn protobuf_schema() -> Result<Schema, ProtobufError> {
        Ok(Schema::protobuf(PROTO))
    }
}

const PROTO: &str = r#"syntax = "proto3";
package shop;
message Order {
  int64 id = 1;
  string customer = 2;
  int64 amount_cents = 3;
  string currency = 4;
  int32 quantity = 5;
  bool paid = 6;
  double weight = 7;
  optional string note = 8;
  repeated string tags = 9;
  int64 created_ms = 10;
}
"#;

fn order() -> Order {
    Order {
        id: 123_456_789,
        customer: "customer-4711".to_owned(),
        amount_cents: 9_900,
        currency: "EUR".to_owned(),
        quantity: 3,
        paid: true,
        weight: 1.25,
        note: Some("leave it at the door".to_owned()),
        tags: vec!["new".to_owned(), "gift".to_owned()],
        created_ms: 1_700_000_000_000,
    }
}

fn proto_order() -> ProtoOrder {
    let order = order();
    ProtoOrder {
        id: order.id,
        customer: order.customer,
        amount_cents: order.amount_cents,
        currency: order.currency,
        quantity: order.quantity,
        paid: order.paid,
        weight: order.weight,
        note: order.note,
        tags: order.tags,
        created_ms: order.created_ms,
    }
}

/// A registry that knows two schemas: 1 in Avro and 2 in Protobuf. It answers before the clocks run.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || answer(connection));
        }
    });
    format!("http://{address}")
}

fn answer(mut connection: TcpStream) {
    let mut reader = BufReader::new(connection.try_clone().expect("a second handle"));
    let mut line = String::new();
    let _ = reader.read_line(&mut line);
    let mut length = 0;
    loop {
        let mut header = String::new();
        let _ = reader.read_line(&mut header);
        match header
            .trim()
            .to_ascii_lowercase()
            .strip_prefix("content-length:")
        {
            Some(value) => length = value.trim().parse().unwrap_or(0),
            None if header.trim().is_empty() => break,
            None => {}
        }
    }
    let mut asked = vec![0; length];
    let _ = reader.read_exact(&mut asked);
    let is_proto = line.contains("proto") || line.contains("/ids/2");
    let (id, kind, text) = if is_proto {
        (2, "PROTOBUF", PROTO.to_owned())
    } else {
        (1, "AVRO", Order::get_schema().canonical_form())
    };
    let body = serde_json::json!({
        "id": id, "version": 1, "subject": "s", "schemaType": kind, "schema": text,
    })
    .to_string();
    let _ = write!(
        connection,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
}

/// Returns the nanoseconds per call of each: the median of rounds in which they take turns.
fn compare<const N: usize>(mut calls: [&mut dyn FnMut(); N]) -> [f64; N] {
    const ROUNDS: usize = 41;
    const CALLS: u32 = 20_000;
    let mut rounds: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        for (call, times) in calls.iter_mut().zip(&mut rounds) {
            let start = Instant::now();
            for _ in 0..CALLS {
                call();
            }
            times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
        }
    }
    rounds.map(median)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let url = serve();
    let registry = SchemaRegistry::confluent(&url);
    let destination = Destination::value(TOPIC);
    let proto_destination = Destination::value("proto");

    let schema = Order::get_schema();
    let writer = GenericDatumWriter::builder(&schema)
        .build()
        .expect("a writer");
    let reader = GenericDatumReader::builder(&schema)
        .build()
        .expect("a reader");
    let encoder = AvroEncoder::new(SrSettings::new(url.clone()));
    let decoder = AvroDecoder::new(SrSettings::new(url));
    let strategy = SubjectNameStrategy::TopicNameStrategy(TOPIC.to_owned(), false);

    let order = order();
    let payload = registry
        .encode_avro(destination, &order)
        .expect("a payload");
    let datum = payload[5..].to_vec();
    assert_eq!(datum, writer.write_ser_to_vec(&order).expect("a datum"));
    assert_eq!(
        payload,
        encoder.encode_struct(&order, &strategy).expect("a payload")
    );
    let proto_order = proto_order();
    let proto_payload = registry
        .encode_protobuf(proto_destination, &proto_order)
        .expect("a payload");
    let proto_datum = prost::Message::encode_to_vec(&proto_order);
    assert_eq!(proto_payload[6..], proto_datum);

    let mut ours_encode = || {
        black_box(
            registry
                .encode_avro(destination, black_box(&order))
                .expect("a payload"),
        );
    };
    let mut plain_encode = || {
        black_box(writer.write_ser_to_vec(black_box(&order)).expect("a datum"));
    };
    let mut converter_encode = || {
        black_box(
            encoder
                .encode_struct(black_box(&order), &strategy)
                .expect("a payload"),
        );
    };
    let mut ours_decode = || {
        let order: Order = registry.decode_avro(black_box(&payload)).expect("an order");
        black_box(order);
    };
    let mut plain_decode = || {
        let order: Order = reader
            .read_deser(&mut black_box(&datum[..]))
            .expect("an order");
        black_box(order);
    };
    let mut converter_decode = || {
        let decoded = decoder.decode(Some(black_box(&payload))).expect("a value");
        let order: Order = apache_avro::from_value(&decoded.value).expect("an order");
        black_box(order);
    };
    let mut ours_proto_encode = || {
        let payload = registry.encode_protobuf(proto_destination, black_box(&proto_order));
        black_box(payload.expect("a payload"));
    };
    let mut prost_encode = || {
        black_box(prost::Message::encode_to_vec(black_box(&proto_order)));
    };
    let mut ours_proto_decode = || {
        let order: ProtoOrder = registry
            .decode_protobuf(black_box(&proto_payload))
            .expect("an order");
        black_box(order);
    };
    let mut prost_decode = || {
        let order: ProtoOrder =
            prost::Message::decode(black_box(&proto_datum[..])).expect("an order");
        black_box(order);
    };

    let mut criterion = Criterion::default()
        .configure_from_args()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    for (name, call) in [
        (
            "avro encode/rws-kafka",
            &mut ours_encode as &mut dyn FnMut(),
        ),
        ("avro encode/apache-avro", &mut plain_encode),
        (
            "avro encode/schema_registry_converter",
            &mut converter_encode,
        ),
        ("avro decode/rws-kafka", &mut ours_decode),
        ("avro decode/apache-avro", &mut plain_decode),
        (
            "avro decode/schema_registry_converter",
            &mut converter_decode,
        ),
        ("protobuf encode/rws-kafka", &mut ours_proto_encode),
        ("protobuf encode/prost", &mut prost_encode),
        ("protobuf decode/rws-kafka", &mut ours_proto_decode),
        ("protobuf decode/prost", &mut prost_decode),
    ] {
        criterion.bench_function(name, |bencher| bencher.iter(&mut *call));
    }
    criterion.final_summary();

    let [ours, plain, converter] =
        compare([&mut ours_encode, &mut plain_encode, &mut converter_encode]);
    report("avro encode", ours, plain, converter);
    let [ours, plain, converter] =
        compare([&mut ours_decode, &mut plain_decode, &mut converter_decode]);
    report("avro decode", ours, plain, converter);
    let [ours, bare] = compare([&mut ours_proto_encode, &mut prost_encode]);
    println!(
        "protobuf encode: {ours:.0} ns, {:.0} ns over prost",
        ours - bare
    );
    let [ours, bare] = compare([&mut ours_proto_decode, &mut prost_decode]);
    println!(
        "protobuf decode: {ours:.0} ns, {:.0} ns over prost",
        ours - bare
    );
    two_threads(&registry, &payload);
}

fn report(what: &str, ours: f64, plain: f64, converter: f64) {
    println!(
        "{what}: {ours:.0} ns; {:.2} of apache-avro ({plain:.0} ns), {:.2} of schema_registry_converter \
         ({converter:.0} ns)",
        ours / plain,
        ours / converter
    );
}

/// Prints how many times as much two threads decode as one, in the same time.
fn two_threads(registry: &SchemaRegistry, payload: &[u8]) {
    const CALLS: u32 = 300_000;
    let decode = || {
        for _ in 0..CALLS {
            let order: Order = registry.decode_avro(black_box(payload)).expect("an order");
            black_box(order);
        }
    };
    let mut ratios = Vec::new();
    for _ in 0..11 {
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(decode);
        });
        let one = start.elapsed().as_secs_f64();
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(decode);
            scope.spawn(decode);
        });
        ratios.push(2.0 * one / start.elapsed().as_secs_f64());
    }
    println!("avro decode, two threads: {:.2} of one", median(ratios));
}
