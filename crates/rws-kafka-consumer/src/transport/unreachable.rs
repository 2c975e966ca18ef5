/// The broker did not answer.
#[derive(Debug)]
pub(crate) struct Unreachable;
