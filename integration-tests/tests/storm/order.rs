#[cfg(test)]
mod tests {
    use integration_tests::jobs::stormer::{Protocol, Stormer};
    use integration_tests::jobs::{Job, Place};
    use std::path::PathBuf;
    use std::time::Duration;

    #[test]
    fn a_worker_reads_the_order_that_was_written() {
        let order = Job::Storm(Stormer {
            worker: 7,
            protocol: Protocol::Cooperative,
            session: Duration::from_millis(2500),
            place: Place {
                brokers: "localhost:1,localhost:2".to_owned(),
                group: "a group".to_owned(),
                topic: "topic".to_owned(),
            },
            journal: PathBuf::from("a folder/journal"),
        });
        assert_eq!(Job::read(&order.write()), order);
    }
}
