//! The broker's own command-line tools, run inside its container.

use testcontainers::core::ExecCommand;

use super::Kafka;
use crate::container::ToolOutput;

impl Kafka {
    /// Runs a Java class of the broker's jars, or of `docker/kafka/checks`, inside the container,
    /// where [`inside_bootstrap`](Self::inside_bootstrap) reaches the broker.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be run, or has not ended after 90 s.
    pub fn run_class(&self, class: &str, arguments: &[&str]) -> ToolOutput {
        let mut command: Vec<String> = [
            "java",
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Dlog4j2.configurationFile=/opt/rws-kafka/tools-log4j2.xml",
            "-cp",
            "/opt/kafka/libs/*:/opt/rws-kafka/checks",
            class,
        ]
        .map(str::to_owned)
        .into();
        command.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let shown = format!("{class} {}", arguments.join(" "));
        self.container.run(&shown, ExecCommand::new(command))
    }

    /// Runs one of Kafka's tools by the name of its script (`kafka-topics`,
    /// `kafka-consumer-groups`, …) against this broker, and returns its standard output.
    ///
    /// # Panics
    ///
    /// Panics if the harness knows no such tool, or when it fails.
    #[track_caller]
    pub fn tool(&self, name: &str, arguments: &[&str]) -> String {
        let class = match name {
            "kafka-acls" => "org.apache.kafka.tools.AclCommand",
            "kafka-configs" => "kafka.admin.ConfigCommand",
            "kafka-consumer-groups" => "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
            "kafka-console-consumer" => "org.apache.kafka.tools.consumer.ConsoleConsumer",
            "kafka-get-offsets" => "org.apache.kafka.tools.GetOffsetShell",
            "kafka-topics" => "org.apache.kafka.tools.TopicCommand",
            "kafka-transactions" => "org.apache.kafka.tools.TransactionsCommand",
            _ => panic!("unknown tool {name}: use Kafka::run_class"),
        };
        let mut all = vec!["--bootstrap-server", self.inside_bootstrap()];
        all.extend(arguments);
        let output = self.run_class(class, &all);
        assert_eq!(
            output.code,
            0,
            "{name} {}\n{}{}",
            arguments.join(" "),
            output.stdout,
            output.stderr
        );
        output.stdout
    }

    /// Gives a user permissions on a topic of a broker that was started with an
    /// authorizer: `Read`, `Write`, `Describe`, `Create`, `All`, …
    ///
    /// # Panics
    ///
    /// Panics if the tool fails.
    #[track_caller]
    pub fn allow(&self, user: &str, operations: &[&str], topic: &str) {
        self.add_acl(user, operations, "--topic", topic);
    }

    /// Gives a user permissions on a consumer group: `Read` is what a consumer needs.
    ///
    /// # Panics
    ///
    /// Panics if the tool fails.
    #[track_caller]
    pub fn allow_group(&self, user: &str, operations: &[&str], group: &str) {
        self.add_acl(user, operations, "--group", group);
    }

    /// Gives a user permissions on a transactional id: `Write` is what a producer needs.
    ///
    /// # Panics
    ///
    /// Panics if the tool fails.
    #[track_caller]
    pub fn allow_transactional_id(&self, user: &str, operations: &[&str], id: &str) {
        self.add_acl(user, operations, "--transactional-id", id);
    }

    #[track_caller]
    fn add_acl(&self, user: &str, operations: &[&str], kind: &str, resource: &str) {
        let principal = format!("User:{user}");
        let mut arguments = vec!["--add", "--allow-principal", &principal, kind, resource];
        for operation in operations {
            arguments.extend(["--operation", operation]);
        }
        self.tool("kafka-acls", &arguments);
    }
}
