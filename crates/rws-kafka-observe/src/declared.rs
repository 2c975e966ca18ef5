//! Lists the declared metric families.

use crate::family::Family;
use crate::{consumed, lag, live, member, outbox, produced, registry};

/// Returns all metric families that the metrics page can contain, in the order of the documented tables.
///
/// ```
/// let mut families = rws_kafka_observe::families();
/// let lag = families.find(|family| family.name() == "rws_kafka_consumer_lag").unwrap();
/// assert_eq!(lag.labels(), ["topic", "partition", "group"]);
/// ```
pub fn families() -> impl Iterator<Item = &'static Family> {
    let of_clients = [
        produced::Families::DECLARED,
        consumed::Families::DECLARED,
        lag::DECLARED,
        member::Families::DECLARED,
    ];
    let others = [registry::Families::DECLARED, outbox::Families::DECLARED];
    let of_clients = of_clients.into_iter().flatten().copied();
    let others = others.into_iter().flatten().copied();
    of_clients.chain(live::declared()).chain(others)
}
