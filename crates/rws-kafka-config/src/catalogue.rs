//! All documented properties of librdkafka 2.12.1, which clients read them, and which are aliases. They
//! come from its `CONFIGURATION.md`:
//!
//! ```sh
//! awk -F'|' '/^[a-z]/ && $2 ~ /[CP*]/' CONFIGURATION.md
//! ```
//!
//! Callbacks and handles, which text cannot set, are left out.

/// The clients that read a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Both,
    Producer,
    Consumer,
}

#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
    alias_of: Option<&'static str>,
}

pub(crate) fn find(name: &str) -> Option<&'static Known> {
    KNOWN
        .binary_search_by(|known| known.name.cmp(name))
        .ok()
        .map(|index| &KNOWN[index])
}

/// Returns `true` if every librdkafka client reads this property: producers, consumers and admin clients.
///
/// ```
/// use rws_kafka_config::is_client_property;
///
/// assert!(is_client_property("sasl.username"));
/// assert!(!is_client_property("group.id"));
/// ```
#[must_use]
pub fn is_client_property(name: &str) -> bool {
    find(name).is_some_and(|known| known.scope == Scope::Both)
}

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|known| known.name)
}

/// Returns the canonical name of a property, whose aliases set the same value.
pub(crate) fn canonical(name: &str) -> &str {
    find(name).and_then(|known| known.alias_of).unwrap_or(name)
}

const fn both(name: &'static str) -> Known {
    Known {
        name,
        scope: Scope::Both,
        alias_of: None,
    }
}

const fn producer(name: &'static str) -> Known {
    Known {
        name,
        scope: Scope::Producer,
        alias_of: None,
    }
}

const fn consumer(name: &'static str) -> Known {
    Known {
        name,
        scope: Scope::Consumer,
        alias_of: None,
    }
}

const fn alias(mut known: Known, of: &'static str) -> Known {
    known.alias_of = Some(of);
    known
}

/// Sorted by name.
const KNOWN: &[Known] = &[
    alias(producer("acks"), "request.required.acks"),
    both("allow.auto.create.topics"),
    both("api.version.fallback.ms"),
    both("api.version.request"),
    both("api.version.request.timeout.ms"),
    consumer("auto.commit.enable"),
    consumer("auto.commit.interval.ms"),
    consumer("auto.offset.reset"),
    producer("batch.num.messages"),
    producer("batch.size"),
    alias(both("bootstrap.servers"), "metadata.broker.list"),
    both("broker.address.family"),
    both("broker.address.ttl"),
    both("broker.version.fallback"),
    both("builtin.features"),
    consumer("check.crcs"),
    both("client.dns.lookup"),
    both("client.id"),
    both("client.rack"),
    producer("compression.codec"),
    producer("compression.level"),
    alias(producer("compression.type"), "compression.codec"),
    both("connections.max.idle.ms"),
    consumer("consume.callback.max.messages"),
    consumer("coordinator.query.interval.ms"),
    both("debug"),
    producer("delivery.report.only.error"),
    alias(producer("delivery.timeout.ms"), "message.timeout.ms"),
    alias(consumer("enable.auto.commit"), "auto.commit.enable"),
    consumer("enable.auto.offset.store"),
    producer("enable.gapless.guarantee"),
    producer("enable.idempotence"),
    both("enable.metrics.push"),
    consumer("enable.partition.eof"),
    both("enable.random.seed"),
    both("enable.sasl.oauthbearer.unsecure.jwt"),
    both("enable.ssl.certificate.verification"),
    both("enabled_events"),
    consumer("fetch.error.backoff.ms"),
    consumer("fetch.max.bytes"),
    consumer("fetch.message.max.bytes"),
    consumer("fetch.min.bytes"),
    consumer("fetch.queue.backoff.ms"),
    consumer("fetch.wait.max.ms"),
    consumer("group.id"),
    consumer("group.instance.id"),
    consumer("group.protocol"),
    consumer("group.protocol.type"),
    consumer("group.remote.assignor"),
    consumer("heartbeat.interval.ms"),
    both("https.ca.location"),
    both("https.ca.pem"),
    both("internal.termination.signal"),
    consumer("isolation.level"),
    alias(producer("linger.ms"), "queue.buffering.max.ms"),
    both("log.connection.close"),
    both("log.queue"),
    both("log.thread.name"),
    both("log_level"),
    alias(
        both("max.in.flight"),
        "max.in.flight.requests.per.connection",
    ),
    both("max.in.flight.requests.per.connection"),
    alias(
        consumer("max.partition.fetch.bytes"),
        "fetch.message.max.bytes",
    ),
    consumer("max.poll.interval.ms"),
    both("message.copy.max.bytes"),
    both("message.max.bytes"),
    producer("message.send.max.retries"),
    producer("message.timeout.ms"),
    both("metadata.broker.list"),
    both("metadata.max.age.ms"),
    both("metadata.recovery.rebootstrap.trigger.ms"),
    both("metadata.recovery.strategy"),
    consumer("offset.store.method"),
    consumer("offset.store.path"),
    consumer("offset.store.sync.interval.ms"),
    consumer("partition.assignment.strategy"),
    producer("partitioner"),
    both("plugin.library.paths"),
    producer("produce.offset.report"),
    producer("queue.buffering.backpressure.threshold"),
    producer("queue.buffering.max.kbytes"),
    producer("queue.buffering.max.messages"),
    producer("queue.buffering.max.ms"),
    consumer("queued.max.messages.kbytes"),
    consumer("queued.min.messages"),
    producer("queuing.strategy"),
    both("receive.message.max.bytes"),
    both("reconnect.backoff.jitter.ms"),
    both("reconnect.backoff.max.ms"),
    both("reconnect.backoff.ms"),
    producer("request.required.acks"),
    producer("request.timeout.ms"),
    alias(producer("retries"), "message.send.max.retries"),
    both("retry.backoff.max.ms"),
    both("retry.backoff.ms"),
    both("sasl.kerberos.keytab"),
    both("sasl.kerberos.kinit.cmd"),
    both("sasl.kerberos.min.time.before.relogin"),
    both("sasl.kerberos.principal"),
    both("sasl.kerberos.service.name"),
    alias(both("sasl.mechanism"), "sasl.mechanisms"),
    both("sasl.mechanisms"),
    both("sasl.oauthbearer.assertion.algorithm"),
    both("sasl.oauthbearer.assertion.claim.aud"),
    both("sasl.oauthbearer.assertion.claim.exp.seconds"),
    both("sasl.oauthbearer.assertion.claim.iss"),
    both("sasl.oauthbearer.assertion.claim.jti.include"),
    both("sasl.oauthbearer.assertion.claim.nbf.seconds"),
    both("sasl.oauthbearer.assertion.claim.sub"),
    both("sasl.oauthbearer.assertion.file"),
    both("sasl.oauthbearer.assertion.jwt.template.file"),
    both("sasl.oauthbearer.assertion.private.key.file"),
    both("sasl.oauthbearer.assertion.private.key.passphrase"),
    both("sasl.oauthbearer.assertion.private.key.pem"),
    alias(
        both("sasl.oauthbearer.client.credentials.client.id"),
        "sasl.oauthbearer.client.id",
    ),
    alias(
        both("sasl.oauthbearer.client.credentials.client.secret"),
        "sasl.oauthbearer.client.secret",
    ),
    both("sasl.oauthbearer.client.id"),
    both("sasl.oauthbearer.client.secret"),
    both("sasl.oauthbearer.config"),
    both("sasl.oauthbearer.extensions"),
    both("sasl.oauthbearer.grant.type"),
    both("sasl.oauthbearer.metadata.authentication.type"),
    both("sasl.oauthbearer.method"),
    both("sasl.oauthbearer.scope"),
    both("sasl.oauthbearer.token.endpoint.url"),
    both("sasl.password"),
    both("sasl.username"),
    both("security.protocol"),
    consumer("session.timeout.ms"),
    both("socket.blocking.max.ms"),
    both("socket.connection.setup.timeout.ms"),
    both("socket.keepalive.enable"),
    both("socket.max.fails"),
    both("socket.nagle.disable"),
    both("socket.receive.buffer.bytes"),
    both("socket.send.buffer.bytes"),
    both("socket.timeout.ms"),
    both("ssl.ca.certificate.stores"),
    both("ssl.ca.location"),
    both("ssl.ca.pem"),
    both("ssl.certificate.location"),
    both("ssl.certificate.pem"),
    both("ssl.cipher.suites"),
    both("ssl.crl.location"),
    both("ssl.curves.list"),
    both("ssl.endpoint.identification.algorithm"),
    both("ssl.engine.id"),
    both("ssl.engine.location"),
    both("ssl.key.location"),
    both("ssl.key.password"),
    both("ssl.key.pem"),
    both("ssl.keystore.location"),
    both("ssl.keystore.password"),
    both("ssl.providers"),
    both("ssl.sigalgs.list"),
    both("statistics.interval.ms"),
    producer("sticky.partitioning.linger.ms"),
    both("topic.blacklist"),
    both("topic.metadata.propagation.max.ms"),
    both("topic.metadata.refresh.fast.cnt"),
    both("topic.metadata.refresh.fast.interval.ms"),
    both("topic.metadata.refresh.interval.ms"),
    both("topic.metadata.refresh.sparse"),
    producer("transaction.timeout.ms"),
    producer("transactional.id"),
];
