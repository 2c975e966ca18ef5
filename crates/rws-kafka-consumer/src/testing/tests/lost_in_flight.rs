//! Partitions that are lost or revoked while a handler has one of their messages.

use super::super::engine::{checked, engine_of};
use super::super::ledger::Ledger;
use super::*;
use crate::engine::{ByHand, Engine, Handler, TestClock};
use crate::handler::hooks::AssignedPartition;
use crate::{CircuitBreaker, FailurePolicy, MessageBatch};
use rws_kafka_dispatch::TopicPartition;
use std::sync::{OnceLock, Weak};

type Lent = Arc<OnceLock<Weak<Engine>>>;

/// The group takes the partition of the message in flight without a revoke.
fn lose(engine: &Lent) {
    let engine = engine.get().and_then(Weak::upgrade).unwrap();
    engine.lose(&[TopicPartition::new("a", 0)]);
}

/// A failure caused by the loss neither stops the worker nor dead-letters the message: another member has it.
#[test]
fn what_fails_as_its_partition_is_lost_ends_nothing() {
    let policies = [FailurePolicy::Stop, FailurePolicy::Skip];
    for (policy, in_batches) in policies
        .into_iter()
        .flat_map(|it| [(it, false), (it, true)])
    {
        let consumer = consumer(&["a"]).on_failure(policy).max_retries(0);
        let consumer = match policy {
            FailurePolicy::Skip => consumer.circuit_breaker(CircuitBreaker::consecutive(1)),
            _ => consumer,
        };
        let lent = Lent::default();
        let engine = Arc::clone(&lent);
        let handler = match in_batches {
            false => Handler::Each(Box::new(move |msg, _| {
                lose(&engine);
                msg.commit()
            })),
            true => Handler::Batches(Box::new(move |batch: &MessageBatch, _| {
                lose(&engine);
                batch.commit()
            })),
        };
        let handler = Arc::new(handler);
        let clock = TestClock::new();
        let engine = engine_of(&consumer, &clock, checked(&consumer, &handler).unwrap());
        lent.set(Arc::downgrade(&engine)).unwrap();
        let worker = ByHand::new(engine, handler, clock, Arc::new(Ledger::default())).unwrap();
        let partition = TopicPartition::new("a", 0);
        worker.assign(vec![AssignedPartition {
            partition: partition.clone(),
            committed: None,
        }]);
        let messages = [0, 1].map(|offset| TestMessage::new("a", "x").offset(offset));
        worker.hand_out(&partition, messages.iter().map(TestMessage::fetched));
        while worker.step().is_some() {}
        let engine = worker.engine();
        let error = engine.last_error();
        assert!(error.is_none(), "{policy:?} {in_batches}: {error:?}");
        assert_eq!(engine.in_flight(), 0);
        let page = engine.settings.observer.render();
        let skipped = "rws_kafka_messages_skipped_total{group=\"test\",topic=\"a\"} 0\n";
        assert!(page.contains(skipped), "{page}");
    }
}
