//! Reads the bytes before a payload. Written again, they must be the same, or the shortest form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rws_kafka_schema::wire::{confluent, glue};

fuzz_target!(|bytes: &[u8]| {
    if let Ok((id, rest)) = confluent::read_id(bytes) {
        let mut again = Vec::new();
        confluent::write_id(id, &mut again);
        again.extend_from_slice(rest);
        assert_eq!(again, bytes);
    }
    if let Ok((guid, rest)) = confluent::read_guid(bytes) {
        assert_eq!([&[1], &guid[..], rest].concat(), bytes);
    }
    if let Ok((indexes, rest)) = confluent::read_indexes(bytes) {
        let mut again = Vec::new();
        confluent::write_indexes(&indexes, &mut again);
        assert!(again.len() <= bytes.len() - rest.len());
        again.extend_from_slice(rest);
        assert_eq!(confluent::read_indexes(&again), Ok((indexes, rest)));
    }
    if let Ok((compression, version, rest)) = glue::read_header(bytes) {
        let mut again = Vec::new();
        glue::write_header(compression, version, &mut again);
        again.extend_from_slice(rest);
        assert_eq!(again, bytes);
    }
    if let Ok((index, rest)) = glue::read_index(bytes) {
        let mut again = Vec::new();
        glue::write_index(index, &mut again);
        again.extend_from_slice(rest);
        assert_eq!(glue::read_index(&again), Ok((index, rest)));
    }
});
