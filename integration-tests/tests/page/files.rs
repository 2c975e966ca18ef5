//! The files for Prometheus, and the runbook beside them.

use crate::queries::{alerts, file};
use integration_tests::promtool;

#[test]
fn prometheus_takes_the_configuration_and_the_rules() {
    let said = promtool(&[
        "check",
        "config",
        file("docker/prometheus/prometheus.yml")
            .to_str()
            .expect("UTF-8"),
    ]);
    assert!(said.contains("10 rules found"), "{said}");
}

#[test]
fn each_alert_fires_for_its_cause_and_is_silent_otherwise() {
    let tests = file("docker/prometheus/alerts.test.yml");
    promtool(&["test", "rules", tests.to_str().expect("UTF-8")]);
    let tests = std::fs::read_to_string(tests).expect("the tests");
    for alert in alerts() {
        let fires = format!("alertname: {}\n        exp_alerts:\n", alert.name);
        assert!(tests.contains(&fires), "no test fires {}", alert.name);
    }
}

#[test]
fn each_alert_has_its_section_in_the_runbook() {
    let runbook = std::fs::read_to_string(file("docs/runbook.md")).expect("the runbook");
    let sections: Vec<_> = runbook.split("\n## ").skip(1).collect();
    let alerts = alerts();
    assert_eq!(sections.len(), alerts.len());
    for alert in alerts {
        let anchor = format!("docs/runbook.md#{}", alert.name.to_lowercase());
        assert_eq!(alert.runbook, anchor);
        let section = sections
            .iter()
            .find(|section| section.lines().next() == Some(alert.name.as_str()))
            .unwrap_or_else(|| panic!("the runbook has no section {}", alert.name));
        for part in [
            "**Symptom.**",
            "**What it means.**",
            "**First look.**",
            "**What to do.**",
        ] {
            assert!(section.contains(part), "{} has no {part}", alert.name);
        }
    }
}
