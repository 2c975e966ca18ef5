use crate::support::{Scene, complete};
use rws_kafka::{ConsumerError, LeftReason};
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let scene = Scene::new(2);
    scene.fill(6);
    scene.send(scene.letter("other").header("rws-dlq-error-reason", "late"));
    scene.send(rws_kafka::Record::to(&scene.queue).payload("stray"));
    scene.flush();
    let preview = scene.replay().dry_run().unwrap();
    assert_eq!(preview.replayed, 7);
    let counts = |names: &[(&str, u64)]| -> BTreeMap<String, u64> {
        let names = names.iter();
        names
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    };
    assert_eq!(preview.by_topic, counts(&[(&scene.topic, 7)]));
    assert_eq!(
        preview.by_reason,
        counts(&[("no such order", 6), ("late", 1)])
    );
    assert_eq!(preview.by_group, counts(&[("fulfilment", 7)]));
    assert_eq!(
        preview.left,
        BTreeMap::from([(LeftReason::NoOriginalTopic, 1)])
    );
    assert_eq!(scene.written(), []);
    assert_eq!([scene.committed(0), scene.committed(1)], [None, None]);

    let report = complete(&scene.replay());
    assert_eq!(report.status.replayed, 7);
    assert_eq!(report.status.left, preview.left);
    assert_eq!(scene.written().len(), 7);
    let preview = scene.replay().dry_run().unwrap();
    assert_eq!((preview.replayed, preview.already_passed), (0, 8));
}

#[test]
fn offsets_of_a_partition_are_replayed_and_no_others() {
    let scene = Scene::new(2);
    scene.fill(12);
    // Partition 1 has 1, 3, 5, 7, 9, 11.
    let report = complete(&scene.replay().offsets(1, 2..=3));
    assert_eq!(report.status.replayed, 2);
    assert_eq!(report.status.total, 2);
    assert_eq!(scene.payloads(), ["5", "7"]);
    assert_eq!([scene.committed(0), scene.committed(1)], [None, Some(4)]);
    // The group has already passed the earlier letters. It does not go back, and reports so.
    let report = complete(&scene.replay().offsets(1, ..3));
    assert_eq!((report.status.replayed, report.already_passed), (0, 3));
    assert_eq!(scene.committed(1), Some(4));
    let error = scene.replay().offsets(2, ..).dry_run().unwrap_err();
    assert!(
        matches!(
            error,
            ConsumerError::Setting {
                setting: "offsets",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn times_of_failure_and_of_the_message_select() {
    let scene = Scene::new(1);
    for number in 0..6_i64 {
        let (payload, failed_at) = (number.to_string(), (10_000 + number).to_string());
        let sent_at = (20_000 + number).to_string();
        let letter = scene.letter(&payload);
        let letter = letter.header("rws-dlq-original-timestamp", &sent_at);
        scene.send(letter.header("rws-dlq-failed-at", &failed_at));
    }
    let without = scene.letter("without");
    scene.send(without.header("rws-dlq-original-timestamp", "20003"));
    scene.flush();
    let at = |ms| UNIX_EPOCH + Duration::from_millis(ms);
    let replay = scene.replay().failed_within(at(10_002)..at(10_004));
    let report = complete(&replay);
    assert_eq!(scene.payloads(), ["2", "3"]);
    let left = [(LeftReason::NotSelected, 4), (LeftReason::NoFailureTime, 1)];
    assert_eq!(report.status.left, BTreeMap::from(left));

    let replay = scene.replay().group(format!("{}-2", scene.group));
    complete(&replay.sent_within(at(20_004)..));
    assert_eq!(scene.payloads(), ["2", "3", "4", "5"]);
}

#[test]
fn a_predicate_selects() {
    let scene = Scene::new(1);
    scene.fill(5);
    let replay = scene
        .replay()
        .matching(|letter| letter.original_offset() == Some(17) && letter.payload() != Some(b"3"));
    let report = complete(&replay);
    assert_eq!(scene.payloads(), ["0", "1", "2", "4"]);
    assert_eq!(
        report.status.left,
        BTreeMap::from([(LeftReason::NotSelected, 1)])
    );
}

#[test]
fn settings_out_of_range_are_refused() {
    let scene = Scene::new(1);
    let later = UNIX_EPOCH + Duration::from_secs(1);
    for (replay, name) in [
        (scene.replay().rate(0), "rate"),
        (scene.replay().batch_size(0), "batch_size"),
        (scene.replay().max_replays(0), "max_replays"),
        (scene.replay().group(""), "group"),
        (scene.replay().offsets(0, 5..5), "offsets"),
        (
            scene.replay().failed_within(UNIX_EPOCH..UNIX_EPOCH),
            "failed_within",
        ),
        (
            scene.replay().sent_within(later..=UNIX_EPOCH),
            "sent_within",
        ),
    ] {
        let error = replay.start().unwrap_err();
        let is_named = matches!(error, ConsumerError::Setting { setting, .. } if setting == name);
        assert!(is_named, "{name}: {error}");
    }
    let replay = rws_kafka::Replay::new(scene.config(), "no-such-queue");
    let error = replay.start().unwrap_err();
    assert!(
        matches!(error, ConsumerError::NoSuchQueue { .. }),
        "{error}"
    );
}
