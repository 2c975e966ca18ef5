use super::testing::{Attempts, SOON, partition};
use super::*;
use crate::batch::BatchBuilder;
use crate::ordering::Ordering as MessageOrder;
use crate::partition::Phase;
use crate::strand::cut;
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::Duration;

type Scheduler = super::Scheduler<Attempts>;
type Work = super::Work<Attempts>;

/// Creates a task with the messages at `offsets`, in the strand of their partition.
fn task(partition: &Arc<Partition<()>>, offsets: std::ops::Range<i64>) -> (StrandId, Task<()>) {
    let mut builder = BatchBuilder::new(Arc::clone(partition), 4, 0);
    offsets.for_each(|offset| builder.push(offset, None, None, None));
    cut(builder, MessageOrder::Partition).next().unwrap()
}

fn add(scheduler: &Scheduler, partition: &Arc<Partition<()>>, offsets: std::ops::Range<i64>) {
    scheduler.add([task(partition, offsets)]);
}

fn first_offset(work: &Work) -> i64 {
    let begun = work.progress.runs.iter().flatten().next();
    let task = begun.unwrap_or(&work.task);
    task.batch.offset(task.first().unwrap())
}

fn number(work: &Work) -> i32 {
    work.task.batch.partition().name.partition()
}

fn take(scheduler: &Scheduler) -> Work {
    scheduler.next(None, || ()).expect("it has not ended")
}

fn give_back(scheduler: &Scheduler, (work, outcome): (Work, Outcome)) {
    scheduler.give_back(&mut scheduler.lock(), work, outcome);
}

/// Fails the first message.
fn begin(work: &mut Work) {
    work.progress.failures += 1;
    let begun = || vec![work.task.split_off(1)];
    work.progress.runs.get_or_insert_with(begun);
}

fn later(mut work: Work, wait: Duration) -> (Work, Outcome) {
    begin(&mut work);
    (work, Outcome::Later(Instant::now() + wait))
}

fn posted(mut work: Work) -> (Work, Outcome) {
    begin(&mut work);
    work.progress.is_posted = true;
    (work, Outcome::Posted)
}

#[test]
fn a_strand_that_waits_out_a_retry_leaves_the_lane_to_others() {
    let scheduler = Scheduler::new(Clock::default(), None);
    let (first, second) = (partition(1), partition(2));
    add(&scheduler, &first, 0..3);
    add(&scheduler, &first, 3..5);
    add(&scheduler, &second, 0..1);
    let mut work = take(&scheduler);
    assert_eq!((number(&work), work.progress.failures), (1, 0));
    work.task.advance();
    let wait = Duration::from_millis(50);
    let due = Instant::now() + wait;
    give_back(&scheduler, later(work, wait));
    let work = take(&scheduler);
    assert_eq!(number(&work), 2);
    give_back(&scheduler, (work, Outcome::Done));

    let work = take(&scheduler);
    assert!(Instant::now() >= due);
    assert_eq!((number(&work), first_offset(&work)), (1, 1));
    assert_eq!(work.progress.failures, 1);
    give_back(&scheduler, (work, Outcome::Done));
    let work = take(&scheduler);
    assert_eq!((first_offset(&work), work.progress.failures), (3, 0));
    assert_eq!(scheduler.in_flight(), 1);
}

#[test]
fn an_earlier_retry_wakes_a_lane_that_waits_for_a_later_one() {
    let scheduler = Scheduler::new(Clock::default(), None);
    for id in [1, 2] {
        add(&scheduler, &partition(id), 0..1);
    }
    let late = take(&scheduler);
    let early = take(&scheduler);
    give_back(&scheduler, later(late, 100 * SOON));
    thread::scope(|scope| {
        let lane = scope.spawn(|| number(&take(&scheduler)));
        while scheduler.lock().idle_lanes == 0 {
            thread::yield_now();
        }
        give_back(&scheduler, later(early, Duration::from_millis(5)));
        assert_eq!(lane.join().unwrap(), 2);
    });
}

#[test]
fn a_due_retry_and_a_fresh_message_take_turns() {
    let scheduler = Scheduler::new(Clock::default(), None);
    (1..=2).for_each(|id| add(&scheduler, &partition(id), 0..1));
    let failed = [take(&scheduler), take(&scheduler)];
    for (work, outcome) in failed.map(|work| later(work, Duration::ZERO)) {
        give_back(&scheduler, (work, outcome));
    }
    for id in 3..=6 {
        add(&scheduler, &partition(id), 0..1);
    }
    let taken: Vec<i32> = (0..6).map(|_| number(&take(&scheduler))).collect();
    assert_eq!(taken, [1, 3, 2, 4, 5, 6]);
}

#[test]
fn a_drain_waits_for_what_runs_and_for_nothing_else() {
    let scheduler = Scheduler::new(Clock::default(), None);
    let (taken, other) = (partition(1), partition(2));
    add(&scheduler, &taken, 0..4);
    add(&scheduler, &taken, 4..6);
    add(&scheduler, &other, 0..1);
    let work = take(&scheduler);
    taken.advance(Phase::Draining);
    scheduler.drop_queued(&taken);
    let all = [Arc::clone(&taken), Arc::clone(&other)];
    assert_eq!(scheduler.wait_until_settled(&all, Instant::now()), 1);
    let until = Instant::now() + SOON;
    thread::scope(|scope| {
        let drain = scope.spawn(|| scheduler.wait_until_settled(&all, until));
        while scheduler.lock().drains == 0 {
            thread::yield_now();
        }
        give_back(&scheduler, (work, Outcome::Dropped));
        assert_eq!(drain.join().unwrap(), 0);
    });
    assert_eq!(number(&take(&scheduler)), 2);
    assert_eq!(scheduler.lock().strands.len(), 1);
}

#[test]
fn a_dropped_retry_does_not_come_back() {
    let scheduler = Scheduler::new(Clock::default(), None);
    let (taken, other) = (partition(1), partition(2));
    add(&scheduler, &taken, 0..2);
    give_back(&scheduler, later(take(&scheduler), Duration::ZERO));
    scheduler.drop_queued(&taken);
    add(&scheduler, &other, 0..1);
    assert_eq!(number(&take(&scheduler)), 2);
}

#[test]
fn a_failure_that_meets_a_revoke_is_dropped() {
    let scheduler = Scheduler::new(Clock::default(), None);
    let taken = partition(1);
    add(&scheduler, &taken, 0..3);
    let work = take(&scheduler);
    taken.advance(Phase::Draining);
    scheduler.drop_queued(&taken);
    give_back(&scheduler, later(work, Duration::ZERO));
    assert_eq!(scheduler.in_flight(), 0);
    assert!(scheduler.lock().strands.is_empty());
}

#[test]
fn a_strand_waits_for_its_dead_letter_and_no_lane_does() {
    let scheduler = Scheduler::new(Clock::default(), None);
    let (first, second) = (partition(1), partition(2));
    add(&scheduler, &first, 0..2);
    add(&scheduler, &second, 0..1);
    let (work, outcome) = posted(take(&scheduler));
    let strand = work.strand;
    give_back(&scheduler, (work, outcome));
    let work = take(&scheduler);
    assert_eq!(number(&work), 2);
    give_back(&scheduler, (work, Outcome::Done));
    assert_eq!(scheduler.in_flight(), 1);
    thread::scope(|scope| {
        let lane = scope.spawn(|| take(&scheduler));
        while scheduler.lock().idle_lanes == 0 {
            thread::yield_now();
        }
        scheduler.wake(strand);
        let work = lane.join().unwrap();
        assert_eq!((work.strand, first_offset(&work)), (strand, 0));
        assert!(work.progress.is_posted);
    });
}

#[test]
fn an_outcome_that_comes_before_the_lane_waits_for_it_is_not_missed() {
    let scheduler = Scheduler::new(Clock::default(), None);
    add(&scheduler, &partition(1), 0..1);
    let (work, outcome) = posted(take(&scheduler));
    let strand = work.strand;
    scheduler.wake(strand);
    give_back(&scheduler, (work, outcome));
    let work = take(&scheduler);
    assert_eq!(work.strand, strand);
    // The earlier wake-up is used up.
    let (work, outcome) = posted(work);
    give_back(&scheduler, (work, outcome));
    assert!(scheduler.lock().answered.is_empty());
}

#[test]
fn a_drain_waits_for_a_dead_letter_and_drops_what_is_behind_it() {
    for woken in [false, true] {
        let scheduler = Scheduler::new(Clock::default(), None);
        let taken = partition(1);
        add(&scheduler, &taken, 0..3);
        add(&scheduler, &taken, 3..5);
        let (work, outcome) = posted(take(&scheduler));
        let strand = work.strand;
        give_back(&scheduler, (work, outcome));
        if woken {
            scheduler.wake(strand);
        }
        taken.advance(Phase::Draining);
        scheduler.drop_queued(&taken);
        let all = [Arc::clone(&taken)];
        assert_eq!(scheduler.wait_until_settled(&all, Instant::now()), 1);
        scheduler.wake(strand);
        let work = take(&scheduler);
        assert_eq!(first_offset(&work), 0);
        assert!(work.task.first().is_none());
        give_back(&scheduler, (work, Outcome::Done));
        assert_eq!(scheduler.wait_until_settled(&all, Instant::now()), 0);
        assert!(scheduler.lock().strands.is_empty());
    }
}

#[test]
fn a_pause_holds_back_messages_and_lets_dead_letters_through() {
    let scheduler = Scheduler::new(Clock::default(), None);
    let (first, second) = (partition(1), partition(2));
    add(&scheduler, &first, 0..2);
    let (work, outcome) = posted(take(&scheduler));
    let strand = work.strand;
    give_back(&scheduler, (work, outcome));
    scheduler.pause(true);
    add(&scheduler, &second, 0..2);
    thread::scope(|scope| {
        let lane = scope.spawn(|| take(&scheduler));
        while scheduler.lock().idle_lanes == 0 {
            thread::yield_now();
        }
        scheduler.wake(strand);
        let mut work = lane.join().unwrap();
        assert_eq!(work.strand, strand);
        work.progress = Attempts::default();
        give_back(&scheduler, (work, Outcome::Yield));

        let lane = scope.spawn(|| take(&scheduler));
        while scheduler.lock().idle_lanes == 0 {
            thread::yield_now();
        }
        assert!(!lane.is_finished());
        scheduler.pause(false);
        assert_eq!(number(&lane.join().unwrap()), 2);
        let work = take(&scheduler);
        assert_eq!((number(&work), first_offset(&work)), (1, 1));
    });
}

#[test]
fn an_end_wakes_all_lanes() {
    let scheduler = Scheduler::new(Clock::default(), None);
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| scheduler.next(None, || ())))
            .collect();
        while scheduler.lock().idle_lanes < 4 {
            thread::yield_now();
        }
        scheduler.end();
        for lane in lanes {
            assert!(lane.join().unwrap().is_none());
        }
    });
}

/// With four lanes, seven strands, and a retry at every fifth attempt.
#[test]
fn strands_keep_their_order_and_run_on_one_lane_at_a_time() {
    const STRANDS: u64 = 7;
    const TASKS: i64 = 200;
    let scheduler = Scheduler::new(Clock::default(), None);
    let partitions: Vec<_> = (0..STRANDS).map(partition).collect();
    let next: Vec<Mutex<i64>> = (0..STRANDS).map(|_| Mutex::new(0)).collect();
    let attempts = AtomicUsize::new(0);
    let left = AtomicUsize::new(STRANDS as usize * TASKS as usize);
    let lane = || {
        while let Some(work) = scheduler.next(None, || ()) {
            let mut next = next[number(&work) as usize]
                .try_lock()
                .expect("nobody else has this strand");
            assert_eq!(first_offset(&work), *next);
            let (work, outcome) = if attempts.fetch_add(1, Ordering::Relaxed) % 5 == 4 {
                later(work, Duration::from_micros(300))
            } else {
                *next += 1;
                if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                    scheduler.end();
                }
                (work, Outcome::Done)
            };
            drop(next);
            give_back(&scheduler, (work, outcome));
        }
    };
    thread::scope(|scope| {
        (0..4).for_each(|_| drop(scope.spawn(lane)));
        for offset in 0..TASKS {
            for partition in &partitions {
                add(&scheduler, partition, offset..offset + 1);
            }
        }
    });
    assert_eq!(left.into_inner(), 0);
}
