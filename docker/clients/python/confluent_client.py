"""Writes and reads a topic with the serialisers of Confluent's client.

    confluent_client.py produce|consume SPECIFICATION...

The specification is JSON, cut into as many arguments as it takes:

    bootstrap   the brokers
    topic
    registry    properties of the SchemaRegistryClient; for the files of ssl.*.location, their text
    key         as value; null: keys are text
    value       format    AVRO, JSON or PROTOBUF
                schema    its text; null: the writer's schema
                references  [{name, subject, version}], registered already
                imports   of PROTOBUF: {file name: text}
                message   of PROTOBUF: the message's full name
                config    properties of the serialiser or deserialiser;
                          subject.name.strategy is TOPIC, RECORD or TOPIC_RECORD; TOPIC if there is none
    records     to produce: [{key, value}], each null if there is none
    count       to consume: how many records, of all partitions from the beginning

Values are JSON, of Avro with the forms of avro_json.py. `consume` prints a line of JSON for each
record. Exits with 1 and an error message on failure or after 20 s, and with a stack trace after 60 s.
"""

import faulthandler
import json
import os
import sys
import tempfile
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    record_subject_name_strategy,
    topic_record_subject_name_strategy,
    topic_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

import avro_json
import protobuf_json

DEADLINE = 20

STRATEGIES = {
    "TOPIC": topic_subject_name_strategy,
    "RECORD": record_subject_name_strategy,
    "TOPIC_RECORD": topic_record_subject_name_strategy,
}


class Side:
    """Writes and reads the keys, or the values, of a topic."""

    def __init__(self, specification, registry, topic, field):
        self.format = specification["format"]
        self.context = SerializationContext(topic, field)
        self.registry = registry
        self.config = dict(specification["config"])
        # Without a strategy it first asks the registry for associations, which Apicurio does not support,
        # and waits for the response forever.
        strategy = self.config.get("subject.name.strategy", "TOPIC")
        self.config["subject.name.strategy"] = STRATEGIES[strategy]
        self.schema = None
        if self.format == "PROTOBUF":
            self.type = protobuf_json.message_class(
                specification["schema"], specification["imports"], specification["message"]
            )
        elif specification["schema"] is not None:
            references = [SchemaReference(**reference) for reference in specification["references"]]
            self.schema = Schema(specification["schema"], self.format, references)

    def serialiser(self):
        if self.format == "AVRO":
            write = AvroSerializer(self.registry, self.schema, conf=self.config)
            return lambda value: write(avro_json.decode(value), self.context)
        if self.format == "JSON":
            write = JSONSerializer(self.schema, self.registry, conf=self.config)
            return lambda value: write(value, self.context)
        write = ProtobufSerializer(self.type, self.registry, self.config)
        return lambda value: write(protobuf_json.decode(self.type, value), self.context)

    def deserialiser(self):
        if self.format == "AVRO":
            read = AvroDeserializer(self.registry, self.schema, conf=self.config)
            return lambda data: avro_json.encode(read(data, self.context))
        if self.format == "JSON":
            read = JSONDeserializer(
                self.schema, schema_registry_client=self.registry, conf=self.config
            )
            return lambda data: read(data, self.context)
        # Without the registry: it would ask for the writer's schema as a descriptor, which Apicurio
        # answers with 500, and needs it for rules only.
        read = ProtobufDeserializer(self.type, self.config, None)
        return lambda data: protobuf_json.encode(read(data, self.context))


def main(command, specification):
    registry = SchemaRegistryClient(with_files(specification["registry"]))
    topic = specification["topic"]
    value = Side(specification["value"], registry, topic, MessageField.VALUE)
    key = specification["key"] and Side(specification["key"], registry, topic, MessageField.KEY)
    if command == "produce":
        produce(specification, key, value)
    else:
        consume(specification, key, value)


def produce(specification, key, value):
    write_key = key.serialiser() if key else lambda text: text
    write_value = value.serialiser()
    failures = []
    producer = Producer({"bootstrap.servers": specification["bootstrap"], "acks": "all"})
    for record in specification["records"]:
        producer.produce(
            specification["topic"],
            key=None if record["key"] is None else write_key(record["key"]),
            value=None if record["value"] is None else write_value(record["value"]),
            on_delivery=lambda error, _: error and failures.append(error),
        )
    left = producer.flush(DEADLINE)
    if failures or left:
        raise RuntimeError(f"{left} records were not sent; failures: {failures}")


def consume(specification, key, value):
    read_key = key.deserialiser() if key else bytes.decode
    read_value = value.deserialiser()
    topic, count = specification["topic"], specification["count"]
    consumer = Consumer(
        {
            "bootstrap.servers": specification["bootstrap"],
            "group.id": "none",
            # Otherwise its close would wait for a coordinator, even if there is none.
            "enable.auto.commit": False,
        }
    )
    partitions = consumer.list_topics(topic, timeout=DEADLINE).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    end = time.monotonic() + DEADLINE
    seen = 0
    while seen < count:
        if time.monotonic() > end:
            raise RuntimeError(f"read {seen} of {count} records of {topic} within {DEADLINE} s")
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            raise RuntimeError(str(message.error()))
        seen += 1
        record = {
            "partition": message.partition(),
            "offset": message.offset(),
            "key": None if message.key() is None else read_key(message.key()),
            "value": None if message.value() is None else read_value(message.value()),
        }
        print(json.dumps(record), flush=True)
    consumer.close()


def with_files(properties):
    """Returns the properties, with a file path in place of each text that belongs in a file."""
    properties = dict(properties)
    for name in properties:
        if name.startswith("ssl.") and name.endswith(".location"):
            handle, path = tempfile.mkstemp()
            with os.fdopen(handle, "w") as file:
                file.write(properties[name])
            properties[name] = path
    return properties


if __name__ == "__main__":
    # In case a call to a library never returns.
    faulthandler.dump_traceback_later(60, exit=True)
    try:
        main(sys.argv[1], json.loads("".join(sys.argv[2:])))
    except Exception as problem:  # The test shows every kind.
        cause = problem.__cause__ or problem.__context__
        print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
        if cause is not None:
            print(f"caused by {type(cause).__name__}: {cause}", file=sys.stderr)
        sys.exit(1)
