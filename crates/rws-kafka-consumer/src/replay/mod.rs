//! Publishing dead letters to their original topics again.

mod builder;
mod choices;
mod deliveries;
mod handle;
mod letter;
mod marker;
mod pace;
mod preview;
mod reading;
mod run;
mod selection;
mod targets;

pub use builder::Replay;
pub use choices::{ReplayPartition, ReplayTimestamp};
pub use handle::{ReplayHandle, ReplayReport, ReplayStatus};
pub use letter::DeadLetter;
pub use preview::ReplayPreview;
pub use selection::LeftReason;
