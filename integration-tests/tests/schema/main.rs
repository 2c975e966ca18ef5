//! Typed messages, through real registries and with clients by others.

mod a_registry_is_asked;
mod desk;
mod faults;
mod faulty;
mod java;
mod own_schemas;
mod python;
mod roadmap;
mod security;
mod subjects;
mod worker;

use integration_tests::Registry;
use rws_kafka::schema_registry::SchemaRegistry;

fn client(registry: &Registry) -> SchemaRegistry {
    SchemaRegistry::confluent(registry.url())
}
