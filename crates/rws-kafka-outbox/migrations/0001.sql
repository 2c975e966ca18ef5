-- Version 1 of the tables of rws-kafka. Run as it is, or with another schema's name in place of
-- rws_kafka; in one transaction.
CREATE TABLE rws_kafka.version (
    version integer PRIMARY KEY,
    -- The oldest version of the library's tables that can work beside this one.
    oldest_beside integer NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Events that are committed and not yet acknowledged by Kafka.
CREATE TABLE rws_kafka.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    -- Which relay sends it: 0 to 15, of the lane.
    shard smallint NOT NULL,
    -- A hash of topic and key: events of one lane are sent in the order of their ids.
    lane bigint NOT NULL,
    message_id uuid NOT NULL,
    topic text NOT NULL,
    key bytea,
    payload bytea,
    header_names text[],
    header_values bytea[],
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    -- A failed event, and its lane with it, waits until then.
    retry_at timestamptz,
    last_error text,
    PRIMARY KEY (shard, id)
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 20000);

CREATE INDEX outbox_failing ON rws_kafka.outbox (shard, lane) WHERE attempts > 0;

-- Events that were given up.
CREATE TABLE rws_kafka.parked (
    id bigint PRIMARY KEY,
    shard smallint NOT NULL,
    lane bigint NOT NULL,
    message_id uuid NOT NULL,
    topic text NOT NULL,
    key bytea,
    payload bytea,
    header_names text[],
    header_values bytea[],
    created_at timestamptz NOT NULL,
    attempts integer NOT NULL,
    last_error text,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Messages that a group has handled.
CREATE TABLE rws_kafka.seen (
    consumer_group text NOT NULL,
    message text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer_group, message)
);

CREATE INDEX seen_at ON rws_kafka.seen (seen_at);

INSERT INTO rws_kafka.version (version, oldest_beside) VALUES (1, 1);
