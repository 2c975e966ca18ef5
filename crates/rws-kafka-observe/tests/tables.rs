//! The committed tables of the metric families are those of the declarations.
//!
//! `UPDATE_TABLES=1 cargo test -p rws-kafka-observe --test tables` writes them again.

use rws_kafka_observe::{Family, families};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// What each name begins with.
const PREFIX: &str = "rws_kafka_";
const HELP: &str = "run `UPDATE_TABLES=1 cargo test -p rws-kafka-observe --test tables`";
const BEGIN: &str = "<!-- The families of crates/rws-kafka-observe; see its tests/tables.rs. -->\n";
const END: &str = "<!-- The end of the families. -->\n";

/// Compares a file of this crate with what it should hold, or writes it.
fn check(file: &str, expected: impl FnOnce(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).expect("the file");
    let expected = expected(&text);
    if env::var_os("UPDATE_TABLES").is_some() {
        fs::write(&path, expected).expect("the file is written");
    } else {
        assert!(text == expected, "{file} is out of date: {HELP}");
    }
}

#[test]
fn the_documentation_has_every_family() {
    check("metrics.md", |_| table());
}

#[test]
fn the_guide_has_every_family() {
    check("../../docs/operating.md", |text| {
        let (before, rest) = text.split_once(BEGIN).expect("the table's begin");
        let (_, after) = rest.split_once(END).expect("the table's end");
        format!("{before}{BEGIN}\n{}\n{END}{after}", short_table())
    });
}

#[test]
fn each_family_is_declared_once_and_named_as_prometheus_wants_it() {
    let mut names = BTreeSet::new();
    for family in families() {
        let name = family.name();
        assert!(names.insert(name), "{name} is declared twice");
        assert!(name.starts_with(PREFIX), "{name}");
        let is_counter = family.kind().to_string() == "counter";
        assert_eq!(name.ends_with("_total"), is_counter, "{name}");
        assert!(!family.help().is_empty() && !family.help().contains('|'));
    }
}

/// Returns the table of every family with its type, labels and help, in Markdown.
fn table() -> String {
    let mut table = String::from("| family | type | labels | what it is |\n|---|---|---|---|\n");
    for family in families() {
        let (name, kind, help) = (family.name(), family.kind(), family.help());
        // Writing to a `String` cannot fail.
        let _ = writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels(family));
    }
    table
}

/// Returns a shorter table in Markdown, with one row for all families of the same labels.
fn short_table() -> String {
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for family in families() {
        let name = format!("`{}`", family.name().trim_start_matches(PREFIX));
        let labels = labels(family);
        match rows.iter_mut().find(|(same, _)| *same == labels) {
            Some((_, names)) => names.push(name),
            None => rows.push((labels, vec![name])),
        }
    }
    let mut table = format!("| families, each `{PREFIX}…` | labels |\n|---|---|\n");
    for (labels, names) in rows {
        let _ = writeln!(table, "| {} | {labels} |", names.join(", "));
    }
    table
}

fn labels(family: &Family) -> String {
    let quoted = |names: &[&str]| {
        let names = names.iter().map(|name| format!("`{name}`"));
        names.collect::<Vec<_>>().join(", ")
    };
    let labels = quoted(family.labels());
    if family.values().is_empty() {
        labels
    } else {
        format!("{labels}: {}", quoted(family.values()))
    }
}
