//! The messages that a test's producers have sent, and how they are answered.

use super::fault::SendFault;
use super::held::Held;
use super::record::SentRecord;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// Shared by a [`Sent`](super::Sent) and the clients of its producers.
#[derive(Default)]
pub(super) struct Book {
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) records: Vec<SentRecord>,
    /// How many earlier records were removed.
    pub(super) forgotten: usize,
    pub(super) held: VecDeque<Held>,
    pub(super) is_holding: bool,
    pub(super) next: VecDeque<SendFault>,
    pub(super) of_topics: HashMap<String, SendFault>,
    pub(super) of_all: Option<SendFault>,
    /// How many more commits of transactions are to fail.
    pub(super) aborts: u32,
    pub(super) offsets: HashMap<(String, i32), i64>,
}

impl Book {
    pub(super) fn fault_of(&self, topic: &str) -> Option<SendFault> {
        let mut state = self.state.lock();
        let next = state.next.pop_front();
        next.or_else(|| state.of_topics.get(topic).copied())
            .or(state.of_all)
    }

    pub(super) fn accept(&self, held: Held) {
        let mut state = self.state.lock();
        if state.is_holding {
            return state.held.push_back(held);
        }
        drop(state);
        self.acknowledge(held);
    }

    pub(super) fn add(&self, records: impl IntoIterator<Item = SentRecord>) {
        self.state.lock().records.extend(records);
    }

    /// Acknowledges a message.
    pub(super) fn acknowledge(&self, held: Held) {
        let (partition, offset) = self.place_of(&held.record);
        if !held.keep_in_transaction() {
            self.add([held.record.clone()]);
        }
        held.deliver(partition, offset);
    }

    /// Returns the partition and offset of a message that is acknowledged now.
    fn place_of(&self, record: &SentRecord) -> (i32, i64) {
        let partition = record.partition().unwrap_or(0);
        let mut state = self.state.lock();
        let next = state.offsets.entry((record.topic().to_owned(), partition));
        let next = next.or_default();
        *next += 1;
        (partition, *next - 1)
    }

    pub(super) fn take_held(&self, mut is_meant: impl FnMut(&Held) -> bool) -> Vec<Held> {
        let mut state = self.state.lock();
        let all = std::mem::take(&mut state.held);
        let (meant, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|held| is_meant(held));
        state.held = others.into();
        meant
    }

    pub(super) fn fail_held_that(
        &self,
        is_meant: impl FnMut(&Held) -> bool,
        fault: SendFault,
    ) -> usize {
        let held = self.take_held(is_meant);
        let count = held.len();
        for held in held {
            held.fail(fault);
        }
        count
    }

    pub(super) fn takes_no_commit(&self) -> Option<String> {
        let mut state = self.state.lock();
        state.aborts = state.aborts.checked_sub(1)?;
        Some("failed by the test".to_owned())
    }
}
