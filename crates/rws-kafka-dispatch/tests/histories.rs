//! The signs of a new history of a partition.

use rws_kafka_dispatch::history::Place;
use rws_kafka_dispatch::{Partition, Start, TopicPartition};

fn partition() -> Partition<()> {
    let name = TopicPartition::new("topic", 0);
    Partition::new(1, name, ())
}

/// Takes in messages (offset, fingerprint) as the poll thread does, and returns their places.
fn read(partition: &Partition<()>, messages: &[(i64, u64)]) -> Vec<Place> {
    let places = messages.iter().map(|(offset, fingerprint)| {
        let place = partition.place(*offset, || *fingerprint);
        if place == Place::NewHistory {
            partition.begin_history(Start::Unknown);
            partition.place(*offset, || *fingerprint);
        }
        if place != Place::Repeated {
            partition.tracker().push(*offset, 1);
            partition.note_last(*offset, *fingerprint);
        }
        place
    });
    places.collect()
}

#[test]
fn the_same_messages_read_again_are_no_new_history() {
    use Place::{Again, Next};
    let partition = partition();
    let messages = [(3, 30), (4, 40), (3, 30), (4, 40), (5, 50)];
    let expected = [Next, Next, Again, Next, Next];
    assert_eq!(read(&partition, &messages), expected);
}

#[test]
fn the_last_message_that_comes_once_more_is_no_new_history_and_another_one_is() {
    use Place::{NewHistory, Next, Repeated};
    for first in [3, 5] {
        let partition = partition();
        let messages = [(first, 30), (5, 50), (5, 50), (6, 60), (6, 61)];
        let messages = &messages[usize::from(first == 5)..];
        let expected = [Next, Next, Repeated, Next, NewHistory];
        let expected = &expected[usize::from(first == 5)..];
        assert_eq!(read(&partition, messages), expected);
    }
}

#[test]
fn other_messages_at_lower_offsets_are() {
    use Place::{NewHistory, Next};
    // The same first offset; one before it; one between those read.
    for (offset, fingerprint) in [(3, 31), (0, 30), (4, 40)] {
        let partition = partition();
        let messages = [(3, 30), (4, 40), (5, 50), (offset, fingerprint), (6, 60)];
        let expected = [Next, Next, Next, NewHistory, Next];
        assert_eq!(read(&partition, &messages), expected);
        assert_eq!(partition.tracker().first(), Some(offset));
    }
}

#[test]
fn a_partition_that_ends_before_what_was_read_is_another_one_at_the_second_look() {
    let partition = partition();
    read(&partition, &[(0, 0), (9, 90)]);
    let looks = |end| partition.is_outlived(partition.look(), end);
    assert!(!looks(10) && !looks(4) && !looks(10) && !looks(4));
    assert!(looks(4));
    // A check that began before the new history says nothing about it.
    let look = partition.look();
    partition.outlive(look, 0);
    assert_eq!(partition.outlived_by(), Some(0));
    partition.begin_history(Start::Known(0));
    assert!(!partition.is_outlived(look, 4));
    partition.outlive(look, 0);
    assert_eq!(partition.outlived_by(), None);
}

#[test]
fn what_was_read_without_a_message_counts_and_old_statistics_do_not() {
    let partition = partition();
    partition.note_read(10);
    let looks = |end| partition.is_outlived(partition.look(), end);
    assert!(!looks(4) && looks(4));
    partition.begin_history(Start::Known(0));
    partition.note_read(10);
    assert!(!looks(4) && !looks(4));
}
