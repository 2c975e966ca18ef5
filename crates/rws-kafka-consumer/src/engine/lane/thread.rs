//! The thread of a lane.

use super::super::progress::Work;
use super::super::shared::Engine;
use super::handler::Handler;
use super::shift::Shift;
use super::stopwatch::Stopwatch;
use crate::error::ConsumerError;
use crate::handler::outputs::Outputs;
use crate::partition::Recorders;
use rws_kafka_dispatch::{Outcome, Slot};
use rws_kafka_observe::panics;
use std::sync::Arc;

/// Handles messages until the scheduler ends.
pub(in crate::engine) fn run(engine: &Arc<Engine>, handler: &Handler, lane: usize) {
    let mut lane = Lane::new(engine, handler, lane);
    let mut finished = None;
    while let Some(mut work) = engine.scheduler.next(finished.take(), || lane.stop()) {
        let outcome = lane.work(&mut work);
        finished = Some((work, outcome));
    }
    lane.stop();
}

/// The state that a lane keeps between two runs.
pub(in crate::engine) struct Lane<'a> {
    engine: &'a Arc<Engine>,
    handler: &'a Handler,
    slot: &'a Slot<Recorders>,
    outputs: Outputs,
    stopwatch: Stopwatch,
}

impl<'a> Lane<'a> {
    pub(in crate::engine) fn new(
        engine: &'a Arc<Engine>,
        handler: &'a Handler,
        lane: usize,
    ) -> Self {
        Self {
            engine,
            handler,
            slot: engine.slots.of_lane(lane),
            outputs: engine.commits.outputs(),
            stopwatch: Stopwatch::new(),
        }
    }

    /// Nothing is in flight in this lane for now.
    pub(in crate::engine) fn stop(&mut self) {
        self.stopwatch.stop();
    }

    pub(in crate::engine) fn work(&mut self, work: &mut Work) -> Outcome {
        let batch = Arc::clone(&work.task.batch);
        self.stopwatch
            .turn_to(&batch.partition().recorders.consumed);
        let shift = Shift {
            engine: self.engine,
            outputs: &mut self.outputs,
            strand: work.strand,
            partition: batch.partition(),
            rung: self.engine.rung(batch.partition().name.topic()),
            run: self.slot.begin(&batch),
            stopwatch: &mut self.stopwatch,
            handled: 0,
            unasked: 0,
        };
        // Panics of a user's code are caught where it is called. For any other panic the worker ends with an
        // error; otherwise the strand would wait forever.
        panics::catch(|| shift.work(self.handler, work)).unwrap_or_else(|panic| {
            self.engine.fail(ConsumerError::Fatal {
                detail: format!("a lane panicked: {panic}"),
            });
            Outcome::Dropped
        })
    }
}
