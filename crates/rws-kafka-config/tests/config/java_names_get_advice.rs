use rws_kafka_config::{KafkaConfig, ProblemKind, settings};

/// Every property of Java's consumer and producer.
fn names() -> impl Iterator<Item = &'static str> {
    let list = include_str!("java_properties.txt").lines();
    list.filter(|line| !line.starts_with('#'))
}

/// What is said about this property in `[kafka.properties]`, if anything.
fn said(name: &str) -> Option<(ProblemKind, String)> {
    let config = KafkaConfig::builder().brokers("a:9092");
    let error = config.property(name, "1").build().err()?;
    let problem = error
        .problems()
        .iter()
        .find(|problem| matches!(problem.kind(), ProblemKind::Unknown | ProblemKind::Refused))?;
    Some((problem.kind(), problem.message().to_owned()))
}

#[test]
fn each_property_of_java_is_taken_or_gets_advice() {
    assert_eq!(names().count(), 139);
    for name in names() {
        let Some((kind, message)) = said(name) else {
            continue;
        };
        let is_advice = match kind {
            ProblemKind::Unknown => message.contains("(the Java client has it; here "),
            _ => message.contains("is set by the setting") || message.contains("may not be set: "),
        };
        assert!(is_advice, "{name}: {message}");
    }
}

#[test]
fn advice_names_what_exists() {
    let mut found = 0;
    for (name, message) in names().filter_map(|name| Some((name, said(name)?.1))) {
        let Some((_, advice)) = message.split_once("; here ") else {
            continue;
        };
        for quoted in advice.split('`').skip(1).step_by(2) {
            if quoted.contains('.') {
                let taken = said(quoted).is_none_or(|(kind, _)| kind != ProblemKind::Unknown);
                assert!(taken, "{name}: {quoted}");
                found += 1;
            } else {
                let is_setting = settings().iter().any(|setting| setting.key() == quoted);
                let is_elsewhere = ["partitioner", "batch_max_messages", "rws-kafka-observe"];
                assert!(
                    is_setting || is_elsewhere.contains(&quoted),
                    "{name}: {quoted}"
                );
            }
        }
    }
    assert!(found >= 10, "{found}");
}

#[test]
fn the_three_that_had_none() {
    for (name, advice) in [
        ("max.poll.records", "batch_max_messages"),
        ("fetch.max.wait.ms", "use `fetch.wait.max.ms`"),
        ("ssl.protocol", "OpenSSL decides that"),
    ] {
        let (_, message) = said(name).unwrap();
        assert!(message.contains(advice), "{message}");
    }
}
