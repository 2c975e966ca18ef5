//! The status page in a browser, the dashboard, the alerts and their runbook.

mod dashboard;
mod failed_workers;
mod files;
mod in_a_browser;
#[path = "../serve/operated.rs"]
mod operated;
mod queries;
