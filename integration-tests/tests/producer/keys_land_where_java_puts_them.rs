use crate::support::block_on;
use integration_tests::{Kafka, unique_topic};
use rws_kafka_producer::Record;

/// Written by the Java client: see golden/Murmur2Golden.java.
const GOLDEN: &str = include_str!("../../golden/murmur2.tsv");
const COUNTS: [i32; 3] = [3, 12, 50];

struct Row {
    key: Vec<u8>,
    /// For each of [`COUNTS`].
    partitions: [i32; 3],
}

fn rows() -> Vec<Row> {
    let lines = GOLDEN.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let [key, _, of_3, of_12, of_50] = cells[..] else {
                panic!("not a row: {line:?}");
            };
            Row {
                key: bytes(key),
                partitions: [of_3, of_12, of_50].map(|cell| cell.parse().unwrap()),
            }
        })
        .collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn a_thousand_keys_land_on_the_partitions_of_the_java_client() {
    let rows = rows();
    assert_eq!(rows.len(), 1_000);
    let kafka = Kafka::shared();
    let producer = kafka.producer();
    for (column, count) in COUNTS.into_iter().enumerate() {
        let topic = unique_topic("murmur2");
        kafka.create_topic(&topic, count);
        let outcomes: Vec<_> = rows
            .iter()
            .enumerate()
            .map(|(number, row)| {
                let payload = number.to_string();
                producer.send_record_async(Record::to(&topic).key(&row.key).payload(&payload))
            })
            .collect();
        for (row, outcome) in rows.iter().zip(outcomes) {
            let partition = block_on(outcome).unwrap().partition;
            assert_eq!(
                partition, row.partitions[column],
                "{:?} of {count}",
                row.key
            );
        }
        let seen = String::from_utf8(kafka.format_with_kcat(&topic, "%p %s\n")).unwrap();
        assert_eq!(seen.lines().count(), rows.len());
        for line in seen.lines() {
            let (partition, number) = line.split_once(' ').unwrap();
            let row = &rows[number.parse::<usize>().unwrap()];
            assert_eq!(
                partition.parse(),
                Ok(row.partitions[column]),
                "{:?}",
                row.key
            );
        }
    }
}
