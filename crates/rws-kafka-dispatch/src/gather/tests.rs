use super::*;
use crate::batch::BatchBuilder;
use crate::ordering::Ordering as MessageOrder;
use crate::strand::cut;
use crate::topic_partition::TopicPartition;
use proptest::prelude::*;
use std::sync::Arc;

const LONG: Duration = Duration::from_secs(3600);

fn limits(max_messages: usize, max_bytes: usize) -> Gathering {
    Gathering {
        max_messages,
        max_bytes,
        max_wait: LONG,
    }
}

fn partition() -> Arc<Partition<()>> {
    let name = TopicPartition::new("topic", 0);
    Arc::new(Partition::new(7, name, ()))
}

/// Creates messages of these sizes, with a task for each run, queued at `since`.
fn queue(
    partition: &Arc<Partition<()>>,
    runs: &[Vec<usize>],
    since: Instant,
) -> VecDeque<Task<()>> {
    let mut offset = 0;
    let tasks = runs.iter().filter(|run| !run.is_empty()).map(|run| {
        let mut builder = BatchBuilder::new(Arc::clone(partition), run.len(), 0);
        for size in run {
            builder.push(offset, None, None, Some(&vec![0; *size]));
            offset += 1;
        }
        let (_, mut task) = cut(builder, MessageOrder::Partition).next().unwrap();
        task.since = Some(since);
        task
    });
    tasks.collect()
}

fn gathered(tasks: &VecDeque<Task<()>>) -> Gathered {
    let mut gathered = Gathered::default();
    tasks.iter().for_each(|task| gathered.add(task));
    gathered
}

fn offsets(taken: &[Task<()>]) -> Vec<i64> {
    let tasks = taken.iter();
    let offsets = tasks.flat_map(|task| task.indices().map(|index| task.batch.offset(index)));
    offsets.collect()
}

fn take_all(limits: Gathering, runs: &[Vec<usize>]) -> Vec<Vec<i64>> {
    let gatherer = Gatherer::new(limits);
    let mut tasks = queue(&partition(), runs, Instant::now());
    let mut gathered = gathered(&tasks);
    let mut batches = Vec::new();
    while !tasks.is_empty() {
        let taken = gatherer.take(&mut tasks, &mut gathered);
        batches.push(offsets(&taken));
    }
    assert_eq!((gathered.messages, gathered.bytes), (0, 0));
    batches
}

#[test]
fn a_batch_goes_over_several_runs_and_the_last_one_is_split() {
    let runs = [vec![1; 3], vec![1; 3], vec![1; 3]];
    let batches = take_all(limits(4, 1000), &runs);
    assert_eq!(batches, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8]]);
}

#[test]
fn a_batch_ends_before_the_message_that_makes_it_too_large() {
    let runs = [vec![40, 40], vec![40, 60], vec![10]];
    let batches = take_all(limits(100, 100), &runs);
    assert_eq!(batches, [vec![0, 1], vec![2, 3], vec![4]]);
}

#[test]
fn a_message_larger_than_a_batch_goes_alone() {
    let runs = [vec![10, 500, 10], vec![500, 500]];
    let batches = take_all(limits(100, 100), &runs);
    assert_eq!(batches, [vec![0], vec![1], vec![2], vec![3], vec![4]]);
}

#[test]
fn keys_and_headers_count_as_bytes() {
    let mut builder = BatchBuilder::new(partition(), 1, 0);
    builder.push(0, None, Some(b"key"), Some(b"payload"));
    builder.push_header("name", Some(b"value"));
    builder.push_header("null", None);
    builder.push(1, None, None, None);
    let (_, task) = cut(builder, MessageOrder::Partition).next().unwrap();
    assert_eq!((task.batch.size(0..1), task.batch.size(1..2)), (23, 0));
    assert_eq!(task.bytes(), 23);
}

proptest! {
    #[test]
    fn batches_are_all_messages_in_order_within_their_bounds(
        runs in proptest::collection::vec(proptest::collection::vec(0..50_usize, 0..8), 1..12),
        max_messages in 1..10_usize,
        max_bytes in 1..120_usize,
    ) {
        let sizes: Vec<usize> = runs.concat();
        let batches = take_all(limits(max_messages, max_bytes), &runs);
        let all: Vec<i64> = batches.concat();
        prop_assert_eq!(all, (0..sizes.len() as i64).collect::<Vec<_>>());
        let size = |batch: &[i64]| batch.iter().map(|offset| sizes[*offset as usize]).sum::<usize>();
        for (number, batch) in batches.iter().enumerate() {
            prop_assert!(!batch.is_empty() && batch.len() <= max_messages);
            prop_assert!(batch.len() == 1 || size(batch) <= max_bytes);
            // No batch is smaller than necessary.
            if let Some(next) = batches.get(number + 1) {
                let fits = size(batch) + sizes[next[0] as usize] <= max_bytes;
                let is_full = batch.len() == max_messages || size(batch) >= max_bytes;
                prop_assert!(is_full || !fits);
            }
        }
    }
}

#[test]
fn a_strand_waits_until_its_oldest_message_is_due() {
    let partition = partition();
    let strand = StrandId::whole(&partition);
    let clock = Clock::default();
    let mut gatherer = Gatherer::new(limits(10, 1000));
    let since = clock.now();
    let tasks = queue(&partition, &[vec![1; 2]], since);
    assert!(gatherer.waits(strand, &tasks[0], &gathered(&tasks), &clock));
    // A later call changes nothing.
    assert!(gatherer.waits(strand, &tasks[0], &gathered(&tasks), &clock));
    let until = since + LONG;
    assert_eq!(gatherer.next(), Some(until));
    let moment = Duration::from_nanos(1);
    assert_eq!(gatherer.due(until - moment), None);
    assert_eq!(gatherer.due(until), Some(strand));
    assert_eq!((gatherer.next(), gatherer.due(until)), (None, None));
}

#[test]
fn a_strand_does_not_wait_when_it_has_enough_or_can_get_no_more() {
    let partition = partition();
    let strand = StrandId::whole(&partition);
    let clock = Clock::default();
    let now = clock.now();
    let waits = |sizes: Vec<usize>, since: Instant| {
        let tasks = queue(&partition, &[sizes], since);
        let mut gatherer = Gatherer::new(limits(3, 100));
        let waits = gatherer.waits(strand, &tasks[0], &gathered(&tasks), &clock);
        assert_eq!(gatherer.next().is_some(), waits);
        waits
    };
    assert!(waits(vec![1; 2], now));
    assert!(!waits(vec![1; 3], now));
    assert!(waits(vec![99], now));
    assert!(!waits(vec![100], now));
    assert!(partition.room(1, 1).is_none());
    assert!(!waits(vec![1; 2], now));
}
