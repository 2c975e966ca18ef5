//! Failures in a batch, and what happens to the other messages.

use crate::support::{Journal, Scene};
use integration_tests::{Gate, Kafka, soon, stop};
use rws_kafka_consumer::{ConsumerContext, HandlerError, HandlerResult, MessageBatch};
use std::ops::Range;

/// The message that fails, in partition 0.
const POISON: i64 = 14;

fn is_poison(msg: &ConsumerContext) -> bool {
    msg.partition() == 0 && msg.offset() == POISON
}

/// The way in which a handler reports the poison.
type Handler = fn(&MessageBatch) -> HandlerResult;

fn by_message(batch: &MessageBatch) -> HandlerResult {
    if let Some(poison) = batch.iter().find(|msg| is_poison(msg)) {
        batch.fail(poison, HandlerError::new("no such order"));
    }
    batch.commit()
}

fn by_error(batch: &MessageBatch) -> HandlerResult {
    if batch.iter().any(is_poison) {
        return Err(HandlerError::new("a constraint is violated"));
    }
    batch.commit()
}

fn by_panic(batch: &MessageBatch) -> HandlerResult {
    assert!(!batch.iter().any(is_poison), "a constraint is violated");
    batch.commit()
}

fn after_those_before(batch: &MessageBatch) -> HandlerResult {
    for msg in batch {
        if is_poison(msg) {
            return Err(HandlerError::new("no such order"));
        }
        batch.commit_up_to(msg)?;
    }
    Ok(())
}

fn those_before_by_panic(batch: &MessageBatch) -> HandlerResult {
    let index = batch.iter().position(is_poison).unwrap_or(batch.len());
    if index > 0 {
        batch.commit_up_to(index - 1)?;
    }
    assert_eq!(index, batch.len(), "no such order");
    Ok(())
}

fn batch(offsets: Range<i64>, attempt: u32) -> (Vec<i64>, u32) {
    (offsets.collect(), attempt)
}

fn alone(offsets: Range<i64>, attempt: u32) -> impl Iterator<Item = (Vec<i64>, u32)> {
    offsets.map(move |offset| (vec![offset], attempt))
}

/// Forty messages in each of two partitions. While the poison is in flight for the second time, the
/// offsets are checked; `again` is what the handler must be given between 20 and the batch before.
fn check(handler: Handler, held_at: i64, again: Vec<(Vec<i64>, u32)>) {
    let scene = Scene::new(2);
    scene.fill(40);
    let (journal, gate) = (Journal::default(), Gate::default());
    let (notes, wait) = (journal.clone(), gate.clone());
    let handle = scene.consumer().concurrency(2).start_batch(move |batch| {
        notes.note(batch);
        if batch.attempt() == 2 {
            wait.pass();
        }
        handler(batch)
    });
    // The other partition continues, and this one's offset advances as far as it may.
    soon(|| scene.all_committed() == [held_at, 40]);
    soon(|| handle.status().in_flight == again[0].0.len());
    soon(|| journal.of(0).last() == Some(&again[0]));
    assert_eq!(scene.origins(), []);
    gate.open();
    soon(|| scene.all_committed() == [40, 40]);
    stop(&handle);

    let mut expected = vec![batch(0..10, 1), batch(10..20, 1)];
    expected.extend(again);
    expected.extend([batch(20..30, 1), batch(30..40, 1)]);
    assert_eq!(journal.of(0), expected);
    let other: Vec<_> = (0..4).map(|n| batch(n * 10..n * 10 + 10, 1)).collect();
    assert_eq!(journal.of(1), other);
    assert_eq!(scene.origins(), [(0, POISON)]);
    let mut last = [0; 2];
    for commit in scene.kafka.commits_of(&scene.group) {
        let before = &mut last[commit.partition as usize];
        assert!(commit.offset >= *before, "back from {before}: {commit:?}");
        *before = commit.offset;
    }
}

#[test]
fn a_message_that_the_handler_fails_comes_again_by_itself() {
    let poison = || vec![POISON];
    check(by_message, POISON, vec![(poison(), 2), (poison(), 3)]);
}

#[test]
fn after_an_error_all_come_again_and_only_what_fails_alone_is_given_up() {
    let together = [batch(10..20, 2), batch(10..20, 3)].into_iter();
    check(by_error, 10, together.chain(alone(10..20, 4)).collect());
}

#[test]
fn after_a_panic_all_come_again_and_only_what_fails_alone_is_given_up() {
    let together = [batch(10..20, 2), batch(10..20, 3)].into_iter();
    check(by_panic, 10, together.chain(alone(10..20, 4)).collect());
}

#[test]
fn what_was_committed_up_to_stays_handled_after_an_error() {
    // Once the poison is alone, its successors no longer fail.
    let together = [batch(14..20, 2), batch(14..20, 3)].into_iter();
    let again = together.chain(alone(14..20, 4)).collect();
    check(after_those_before, POISON, again);
}

#[test]
fn what_was_committed_up_to_stays_handled_after_a_panic() {
    let together = [batch(14..20, 2), batch(14..20, 3)].into_iter();
    let again = together.chain(alone(14..20, 4)).collect();
    check(those_before_by_panic, POISON, again);
}

/// Every third message does not decode. The queue does not exist at first, and is created later.
#[test]
fn the_next_batch_waits_for_the_letters_of_the_last_and_other_partitions_do_not() {
    let kafka = Kafka::start_with(&[("auto.create.topics.enable", "false")]);
    let scene = Scene::without_queue(&kafka, 2);
    let payload = |number: i64| match number % 3 {
        1 => vec![0xff],
        _ => b"text".to_vec(),
    };
    scene.send_to(0..scene.partitions, (0..30).map(payload));
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene.consumer().start_batch(move |batch| {
        notes.note(batch);
        for msg in batch {
            if msg.partition() == 0
                && let Err(error) = msg.payload_str()
            {
                batch.fail(msg, error);
            }
        }
        batch.commit()
    });
    // The offsets before the first dead letter.
    soon(|| scene.all_committed() == [1, 30]);
    soon(|| handle.status().last_error.is_some());
    assert_eq!(journal.of(0), [batch(0..10, 1)]);
    scene.create_queue(1);
    soon(|| scene.all_committed() == [30, 30]);
    stop(&handle);
    let expected = [batch(0..10, 1), batch(10..20, 1), batch(20..30, 1)];
    assert_eq!(journal.of(0), expected);
    let mut letters = scene.origins();
    letters.sort_unstable();
    // A dead letter that was in flight when its worker stopped waiting for it could be there twice.
    letters.dedup();
    let expected: Vec<_> = (0..30)
        .filter(|offset| offset % 3 == 1)
        .map(|offset| (0, offset))
        .collect();
    assert_eq!(letters, expected);
}
