//! `from_env` reads this process's own file, environment and arguments: each
//! case runs in a process of its own, for a test must not change its own.
//! Without the test harness, which would refuse `--kafka-…` flags.

use std::path::Path;
use std::process::Command;

use rws_kafka_config::KafkaConfig;

const CHILD: &str = "RWS_KAFKA_CONFIG_TEST_CHILD";

fn main() {
    if std::env::var_os(CHILD).is_some() {
        match KafkaConfig::from_env() {
            Ok(config) => println!("{}", config.describe()),
            Err(error) => println!("{error}"),
        }
        return;
    }
    all_four_layers_are_read();
    the_file_may_have_another_name_and_place();
    a_missing_file_is_an_error_only_where_it_is_named();
    a_file_that_is_not_text_is_an_error();
    no_file_at_all_may_be_named_and_a_pipe_is_not_waited_for();
    println!("from_env: ok");
}

fn all_four_layers_are_read() {
    let folder = folder_with("[kafka]\nbrokers = 'file:1'\nclient_id = 'file'");
    let shown = run(
        folder.path(),
        &[
            ("RWS_CONFIG_KAFKA_CLIENT_ID", "env"),
            ("RWS_CONFIG_KAFKA_CONSUMER_GROUP", "env"),
        ],
        &["--kafka-consumer-group=flag", "--port=80"],
    );
    for row in [
        "brokers file:1 rws.config.toml, line 2",
        "client_id env environment",
        "consumer_group flag flag",
        "session_timeout_ms 45000 default",
    ] {
        assert!(shown.contains(row), "{row} is not in\n{shown}");
    }
}

fn the_file_may_have_another_name_and_place() {
    let folder = folder_with("[kafka]\nbrokers = 'named:1'");
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("rws.config.toml");
    let file = file.to_str().expect("a UTF-8 path");
    let shown = run(elsewhere.path(), &[("RWS_CONFIG_FILE", file)], &[]);
    assert!(shown.contains("brokers named:1"), "{shown}");

    // Blank is none, as to the server.
    let shown = run(folder.path(), &[("RWS_CONFIG_FILE", " ")], &[]);
    assert!(shown.contains("brokers named:1"), "{shown}");
}

fn a_missing_file_is_an_error_only_where_it_is_named() {
    let empty = tempfile::tempdir().expect("a temporary folder");
    let brokers = "--kafka-brokers=flag:1";
    let shown = run(empty.path(), &[], &[brokers]);
    assert!(shown.contains("brokers flag:1 flag"), "{shown}");

    let shown = run(
        empty.path(),
        &[("RWS_CONFIG_FILE", "gone.toml")],
        &[brokers],
    );
    assert!(
        shown.contains(
            "the Kafka configuration has a problem: - gone.toml: cannot be read, but \
             RWS_CONFIG_FILE names it: "
        ),
        "{shown}"
    );
}

fn no_file_at_all_may_be_named_and_a_pipe_is_not_waited_for() {
    let empty = tempfile::tempdir().expect("a temporary folder");
    let brokers = "--kafka-brokers=flag:1";
    let shown = run(
        empty.path(),
        &[("RWS_CONFIG_FILE", "/dev/null")],
        &[brokers],
    );
    assert!(shown.contains("brokers flag:1 flag"), "{shown}");
    let made = Command::new("mkfifo")
        .arg(empty.path().join("pipe"))
        .status();
    assert!(made.expect("mkfifo").success());
    let shown = run(empty.path(), &[("RWS_CONFIG_FILE", "pipe")], &[brokers]);
    assert!(
        shown.contains("- pipe: is not a regular file but a pipe"),
        "{shown}"
    );
}

fn a_file_that_is_not_text_is_an_error() {
    let folder = folder_with(b"[kafka]\nbrokers = '\xff'");
    let shown = run(folder.path(), &[], &["--kafka-brokers=flag:1"]);
    assert!(
        shown.contains("- rws.config.toml: is not UTF-8 text"),
        "{shown}"
    );
}

fn folder_with(content: impl AsRef<[u8]>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("rws.config.toml"), content).expect("a temporary file");
    folder
}

/// What the child prints, with single blanks for all white space.
fn run(folder: &Path, env: &[(&str, &str)], args: &[&str]) -> String {
    let output = Command::new(std::env::current_exe().expect("this test's own path"))
        .current_dir(folder)
        .env_clear()
        .env(CHILD, "1")
        .envs(env.iter().copied())
        .args(args)
        .output()
        .expect("the child runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("the child prints UTF-8");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
