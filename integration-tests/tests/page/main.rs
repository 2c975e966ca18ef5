//! What an operator looks at: the status page in a browser, the dashboard, the alerts and their runbook.

// Each uses a part of it.
#[allow(dead_code)]
#[path = "../serve/child.rs"]
mod child;
mod dashboard;
mod files;
mod in_a_browser;
#[path = "../serve/operated.rs"]
mod operated;
mod queries;
