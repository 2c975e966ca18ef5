use super::testing::{Attempts, SOON, partition};
use super::*;
use crate::batch::BatchBuilder;
use crate::ordering::Ordering as MessageOrder;
use crate::partition::Phase;
use crate::strand::cut;
use std::ops::Range;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

type Scheduler = super::Scheduler<Attempts>;
type Work = super::Work<Attempts>;

const NEVER: Duration = Duration::from_secs(24 * 3600);

fn scheduler(max_messages: usize, max_wait: Duration) -> Scheduler {
    let gathering = Gathering {
        max_messages,
        max_bytes: 1000,
        max_wait,
    };
    Scheduler::new(Clock::default(), Some(gathering))
}

fn add(scheduler: &Scheduler, partition: &Arc<Partition<()>>, offsets: Range<i64>) {
    let mut builder = BatchBuilder::new(Arc::clone(partition), 4, 0);
    offsets.for_each(|offset| builder.push(offset, None, None, Some(b"x")));
    scheduler.add(cut(builder, MessageOrder::Partition));
}

/// Returns the work that a lane would get now.
fn look(scheduler: &Scheduler) -> Option<Work> {
    let mut state = scheduler.lock();
    state.ready_timers(&scheduler.clock);
    state.take_next(scheduler.is_paused())
}

fn offsets(work: &Work) -> Vec<i64> {
    let runs = work.progress.runs.as_ref().expect("a batch").iter();
    let offsets = runs.flat_map(|task| task.indices().map(|index| task.batch.offset(index)));
    offsets.collect()
}

fn give_back(scheduler: &Scheduler, work: Work, outcome: Outcome) {
    scheduler.give_back(&mut scheduler.lock(), work, outcome);
}

/// Fails the last message, or leaves its dead letter in flight; the others are finished.
fn last_fails(work: &mut Work, is_posted: bool) {
    let runs = work.progress.runs.as_mut().expect("a batch");
    let task = runs.pop().expect("a message");
    let index = task.indices().last().unwrap();
    *runs = vec![Task::one(&task.batch, index)];
    work.progress.is_posted = is_posted;
}

#[test]
fn a_batch_is_handed_out_when_it_is_full_and_no_sooner() {
    let scheduler = scheduler(5, NEVER);
    let (first, second) = (partition(1), partition(2));
    add(&scheduler, &first, 0..3);
    add(&scheduler, &second, 0..4);
    assert!(look(&scheduler).is_none());
    add(&scheduler, &first, 3..9);
    let work = look(&scheduler).unwrap();
    assert_eq!(offsets(&work), [0, 1, 2, 3, 4]);
    assert!(work.task.first().is_none());
    assert!(work.strand.is_of(&first));
    assert_eq!(scheduler.in_flight(), 5);
    // One batch of a partition at a time, and the rest is not a full batch.
    assert!(look(&scheduler).is_none());
    give_back(&scheduler, work, Outcome::Done);
    assert_eq!(scheduler.in_flight(), 0);
    assert!(look(&scheduler).is_none());
    add(&scheduler, &first, 9..20);
    let work = look(&scheduler).unwrap();
    assert_eq!(offsets(&work), [5, 6, 7, 8, 9]);
    give_back(&scheduler, work, Outcome::Done);
    // The next batch is complete already.
    assert_eq!(offsets(&look(&scheduler).unwrap()), [10, 11, 12, 13, 14]);
}

#[test]
fn a_lone_message_waits_no_longer_than_it_may() {
    let wait = Duration::from_millis(30);
    let scheduler = scheduler(5, wait);
    let before = Instant::now();
    add(&scheduler, &partition(1), 0..1);
    let work = scheduler.next(None, || ()).unwrap();
    assert!(before.elapsed() >= wait);
    assert_eq!(offsets(&work), [0]);
}

#[test]
fn without_a_wait_the_batch_is_what_is_there() {
    let scheduler = scheduler(5, Duration::ZERO);
    let taken = partition(1);
    add(&scheduler, &taken, 0..2);
    let work = look(&scheduler).unwrap();
    assert_eq!(offsets(&work), [0, 1]);
    add(&scheduler, &taken, 2..3);
    add(&scheduler, &taken, 3..5);
    give_back(&scheduler, work, Outcome::Done);
    assert_eq!(offsets(&look(&scheduler).unwrap()), [2, 3, 4]);
}

#[test]
fn what_was_gathered_goes_out_when_no_more_can_come() {
    let scheduler = scheduler(5, NEVER);
    let taken = partition(1);
    add(&scheduler, &taken, 0..3);
    scheduler.hand_out(&taken);
    let work = look(&scheduler).unwrap();
    assert_eq!(offsets(&work), [0, 1, 2]);
    assert!(scheduler.lock().next_timer().is_none());
    // The rest, after the partition was full.
    add(&scheduler, &taken, 3..5);
    assert!(taken.room(1, 1).is_none());
    give_back(&scheduler, work, Outcome::Done);
    let work = look(&scheduler).unwrap();
    assert_eq!(offsets(&work), [3, 4]);
    assert!(taken.room(100, 1_000_000).is_some());
    add(&scheduler, &taken, 5..7);
    give_back(&scheduler, work, Outcome::Done);
    assert!(look(&scheduler).is_none());
}

#[test]
fn a_drain_drops_what_was_gathered_and_waits_for_the_batch_in_hand() {
    let scheduler = scheduler(2, NEVER);
    let (taken, other) = (partition(1), partition(2));
    add(&scheduler, &taken, 0..3);
    add(&scheduler, &other, 0..1);
    let work = look(&scheduler).unwrap();
    taken.advance(Phase::Draining);
    scheduler.drop_queued(&taken);
    let all = [Arc::clone(&taken), Arc::clone(&other)];
    assert_eq!(scheduler.wait_until_settled(&all, Instant::now()), 2);
    // One of the two is handled, and the handler continues.
    scheduler.holds(work.strand, 1);
    assert_eq!(scheduler.wait_until_settled(&all, Instant::now()), 1);
    scheduler.holds(work.strand, 0);
    assert_eq!(scheduler.wait_until_settled(&all, Instant::now()), 1);
    give_back(&scheduler, work, Outcome::Done);
    assert_eq!(scheduler.wait_until_settled(&all, Instant::now()), 0);
    scheduler.drop_queued(&other);
    assert!(scheduler.lock().strands.is_empty());
    assert!(scheduler.lock().next_timer().is_none());
    // Messages of the same partition under a new assignment belong to another strand.
    add(&scheduler, &partition(3), 0..2);
    assert_eq!(offsets(&look(&scheduler).unwrap()), [0, 1]);
}

#[test]
fn what_failed_comes_before_what_is_new_and_without_it() {
    let scheduler = scheduler(3, NEVER);
    let taken = partition(1);
    add(&scheduler, &taken, 0..6);
    let mut work = look(&scheduler).unwrap();
    last_fails(&mut work, false);
    let wait = Duration::from_millis(20);
    let at = Instant::now() + wait;
    give_back(&scheduler, work, Outcome::Later(at));
    assert_eq!(scheduler.in_flight(), 0);
    let work = scheduler.next(None, || ()).unwrap();
    assert!(Instant::now() >= at);
    assert_eq!((offsets(&work), scheduler.in_flight()), (vec![2], 1));
    give_back(&scheduler, work, Outcome::Done);
    assert_eq!(offsets(&look(&scheduler).unwrap()), [3, 4, 5]);
}

#[test]
fn a_batch_waits_for_its_letters_as_they_are_in_a_drain() {
    let scheduler = scheduler(3, NEVER);
    let taken = partition(1);
    add(&scheduler, &taken, 0..6);
    let mut work = look(&scheduler).unwrap();
    last_fails(&mut work, true);
    let strand = work.strand;
    give_back(&scheduler, work, Outcome::Posted);
    assert!(look(&scheduler).is_none());
    taken.advance(Phase::Draining);
    scheduler.drop_queued(&taken);
    scheduler.wake(strand);
    let work = look(&scheduler).unwrap();
    assert_eq!(offsets(&work), [2]);
    give_back(&scheduler, work, Outcome::Done);
    assert!(scheduler.lock().strands.is_empty());
    assert_eq!(scheduler.in_flight(), 0);
}

/// The lane that sleeps until a batch is due gets other work, so another lane must take over its timer.
#[test]
fn who_takes_other_work_leaves_its_watch_to_another_lane() {
    let scheduler = scheduler(2, Duration::from_millis(100));
    let (slow, full) = (partition(1), partition(2));
    let (tell, told) = channel();
    thread::scope(|scope| {
        for _ in 0..2 {
            let (tell, scheduler) = (tell.clone(), &scheduler);
            // It takes one batch and does not return.
            scope.spawn(move || {
                let work = scheduler.next(None, || ()).map(|work| offsets(&work));
                tell.send(work).unwrap();
            });
        }
        while scheduler.lock().idle_lanes < 2 {
            thread::yield_now();
        }
        add(&scheduler, &slow, 5..6);
        while scheduler.lock().watches.is_empty() {
            thread::yield_now();
        }
        add(&scheduler, &full, 0..2);
        let first = told.recv_timeout(SOON);
        let second = told.recv_timeout(SOON);
        // Releases a sleeping lane.
        scheduler.end();
        let both = [first.ok().flatten(), second.ok().flatten()];
        assert!(both.contains(&Some(vec![0, 1])), "{both:?}");
        assert!(both.contains(&Some(vec![5])), "{both:?}");
    });
}
