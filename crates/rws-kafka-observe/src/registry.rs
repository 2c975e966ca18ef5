use crate::kinds::{Counters, CountersByValue};
use crate::recorder::recorder;

recorder! {
    /// Counts the requests to schema registries.
    pub struct RegistryRequests by [];

    requests: CountersByValue {
        name: "rws_kafka_schema_registry_requests_total",
        help: "Requests to schema registries",
        label: "outcome" of ["ok", "failed"],
        /// Counts a request that was answered.
        fn answered() => inc("ok");
        /// Counts a request that got no answer, or was refused.
        fn failed() => inc("failed");
    }
    hits: Counters {
        name: "rws_kafka_schema_registry_cache_hits_total",
        help: "Look-ups of schemas that the shared caches answered",
        /// Counts a look-up that was answered by a cache.
        fn hit() => inc();
    }
}
