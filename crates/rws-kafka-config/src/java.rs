//! Suggests replacements for properties that only Kafka's Java client has: all consumer and producer
//! properties of version 4.1.

const CODE: &str = "it is part of the program, in code";
const PEM_KEY: &str = "use the settings `ssl_certificate_file` and `ssl_key_file`, with PEM";
const PEM_CA: &str = "use the setting `ssl_ca_file`, with PEM";
const OPENSSL: &str = "OpenSSL decides that";
const METRICS: &str = "metrics are those of `rws-kafka-observe`";
const KERBEROS: &str = "`sasl.kerberos.kinit.cmd` renews the ticket";
const TOKENS: &str = "librdkafka gets and refreshes tokens by itself, shortly before they expire";
const NOT_CHECKED: &str = "the broker checks tokens, the client does not";
const JVM: &str = "it belongs to the JVM and has no counterpart";
const LEVEL: &str = "use `compression.level`";

/// Returns the advice, worded to follow "here".
pub(crate) fn advice(name: &str) -> Option<&'static str> {
    Some(match name {
        "buffer.memory" => "use `queue.buffering.max.kbytes`",
        "compression.gzip.level" | "compression.lz4.level" | "compression.zstd.level" => LEVEL,
        "default.api.timeout.ms" => "each call has a deadline of its own",
        "exclude.internal.topics" => "only the topics that are subscribed to by name are read",
        "fetch.max.wait.ms" => "use `fetch.wait.max.ms`",
        "interceptor.classes" => CODE,
        "internal.leave.group.on.close" => {
            "a worker always leaves its group, unless `group_instance_id` makes it a static member"
        }
        "internal.throw.on.fetch.stable.offset.unsupported" => "it has no counterpart",
        "key.deserializer" => "handlers decode keys",
        "key.serializer" => "keys are sent as bytes",
        "max.block.ms" => "set it on the producer, in code",
        "max.poll.records" => {
            "messages are handed out one by one, or in batches of `batch_max_messages`, in code; \
             `queued.min.messages` bounds what is fetched ahead"
        }
        "max.request.size" => "use `message.max.bytes`",
        "metadata.max.idle.ms" => "use `metadata.max.age.ms`, which bounds how old metadata may be",
        "metric.reporters"
        | "metrics.num.samples"
        | "metrics.recording.level"
        | "metrics.sample.window.ms" => METRICS,
        "partitioner.adaptive.partitioning.enable" | "partitioner.availability.timeout.ms" => {
            "messages without a key go to partitions by `sticky.partitioning.linger.ms`"
        }
        "partitioner.class" => "use `partitioner`; keys land where Java's default puts them",
        "partitioner.ignore.keys" => "send without a key",
        "receive.buffer.bytes" => "use `socket.receive.buffer.bytes`",
        "sasl.client.callback.handler.class"
        | "sasl.login.callback.handler.class"
        | "sasl.login.class" => {
            "use the settings `sasl_mechanism`, `sasl_username` and \
             `sasl_password`, or `sasl.oauthbearer.method` for tokens"
        }
        "sasl.jaas.config" => "use the settings `sasl_username` and `sasl_password`",
        "sasl.kerberos.ticket.renew.jitter" | "sasl.kerberos.ticket.renew.window.factor" => {
            KERBEROS
        }
        "sasl.login.connect.timeout.ms"
        | "sasl.login.read.timeout.ms"
        | "sasl.login.refresh.buffer.seconds"
        | "sasl.login.refresh.min.period.seconds"
        | "sasl.login.refresh.window.factor"
        | "sasl.login.refresh.window.jitter"
        | "sasl.login.retry.backoff.max.ms"
        | "sasl.login.retry.backoff.ms"
        | "sasl.oauthbearer.header.urlencode"
        | "sasl.oauthbearer.jwt.retriever.class" => TOKENS,
        "sasl.oauthbearer.assertion.template.file" => {
            "use `sasl.oauthbearer.assertion.jwt.template.file`"
        }
        "sasl.oauthbearer.clock.skew.seconds"
        | "sasl.oauthbearer.expected.audience"
        | "sasl.oauthbearer.expected.issuer"
        | "sasl.oauthbearer.jwks.endpoint.refresh.ms"
        | "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms"
        | "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms"
        | "sasl.oauthbearer.jwks.endpoint.url"
        | "sasl.oauthbearer.jwt.validator.class"
        | "sasl.oauthbearer.scope.claim.name"
        | "sasl.oauthbearer.sub.claim.name" => NOT_CHECKED,
        "security.providers"
        | "ssl.engine.factory.class"
        | "ssl.keymanager.algorithm"
        | "ssl.provider"
        | "ssl.secure.random.implementation"
        | "ssl.trustmanager.algorithm" => JVM,
        "send.buffer.bytes" => "use `socket.send.buffer.bytes`",
        "share.acknowledgement.mode" => "share groups are not supported",
        "socket.connection.setup.timeout.max.ms" => "use `socket.connection.setup.timeout.ms`",
        "ssl.enabled.protocols" | "ssl.protocol" => OPENSSL,
        "ssl.keystore.certificate.chain" | "ssl.keystore.key" => PEM_KEY,
        "ssl.keystore.type" => "librdkafka's keystore is always PKCS#12",
        "ssl.truststore.certificates"
        | "ssl.truststore.location"
        | "ssl.truststore.password"
        | "ssl.truststore.type" => PEM_CA,
        "transaction.two.phase.commit.enable" => "two-phase commit is not supported",
        "value.deserializer" => "handlers decode payloads",
        "value.serializer" => "payloads are sent as bytes",
        _ => return None,
    })
}
