import com.amazonaws.services.schemaregistry.deserializers.GlueSchemaRegistryKafkaDeserializer;
import com.amazonaws.services.schemaregistry.serializers.GlueSchemaRegistryKafkaSerializer;
import com.amazonaws.services.schemaregistry.serializers.json.JsonDataWithSchema;
import com.amazonaws.services.schemaregistry.utils.apicurio.FileDescriptorUtils;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import java.io.ByteArrayOutputStream;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericContainer;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.Encoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;

/**
 * Writes and reads a topic with AWS's serialisers for the schema registry of Glue.
 *
 * <p>Arguments: {@code produce} or {@code consume}, then JSON, cut into as many arguments as it takes:
 * {@code bootstrap}, {@code topic}, {@code accessKeyId}, {@code secretAccessKey}, {@code config} (the
 * serialiser's own properties, {@code dataFormat} among them); to produce {@code schema}, {@code message}
 * (of Protobuf: its full name) and {@code records}, to consume {@code count}, from the beginning of all
 * partitions.
 *
 * <p>A value is JSON: of Avro by Avro's JSON encoding, of Protobuf by Protobuf's JSON mapping with the
 * fields' names as in the schema. {@code consume} prints a line of JSON for each record. Exits with
 * 1 and an error message on failure, or after 20 s.
 */
public final class GlueClient {
    private static final Duration DEADLINE = Duration.ofSeconds(20);
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) {
        try {
            JsonNode what =
                    JSON.readTree(String.join("", Arrays.copyOfRange(arguments, 1, arguments.length)));
            if (arguments[0].equals("produce")) {
                produce(what);
            } else {
                consume(what);
            }
        } catch (Exception problem) {
            for (Throwable cause = problem; cause != null; cause = cause.getCause()) {
                System.err.println(cause);
            }
            System.exit(1);
        }
        // The serde's threads would keep the process alive.
        System.exit(0);
    }

    private static void produce(JsonNode what) throws Exception {
        String topic = what.get("topic").asText();
        try (GlueSchemaRegistryKafkaSerializer write =
                        new GlueSchemaRegistryKafkaSerializer(credentials(what), config(what));
                KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                        Map.of("bootstrap.servers", what.get("bootstrap").asText()),
                        new ByteArraySerializer(),
                        new ByteArraySerializer())) {
            for (JsonNode value : what.get("records")) {
                byte[] bytes = write.serialize(topic, decode(what, value));
                producer.send(new ProducerRecord<>(topic, bytes))
                        .get(DEADLINE.toSeconds(), TimeUnit.SECONDS);
            }
        }
    }

    private static void consume(JsonNode what) throws Exception {
        String topic = what.get("topic").asText();
        int count = what.get("count").asInt();
        // Whatever the container's locale is.
        PrintStream out = new PrintStream(
                new FileOutputStream(java.io.FileDescriptor.out), true, StandardCharsets.UTF_8);
        long end = System.nanoTime() + DEADLINE.toNanos();
        Map<String, Object> config =
                Map.of("bootstrap.servers", what.get("bootstrap").asText(), "enable.auto.commit", false);
        try (GlueSchemaRegistryKafkaDeserializer read =
                        new GlueSchemaRegistryKafkaDeserializer(credentials(what), config(what));
                KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                        config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic, DEADLINE).stream()
                    .map(partition -> new TopicPartition(topic, partition.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            int seen = 0;
            while (seen < count) {
                if (System.nanoTime() >= end) {
                    throw new IllegalStateException(
                            topic + " gave " + seen + " records of " + count + " within " + DEADLINE);
                }
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    if (seen++ < count) {
                        out.println(line(record, read));
                    }
                }
            }
        }
    }

    private static String line(
            ConsumerRecord<byte[], byte[]> record, GlueSchemaRegistryKafkaDeserializer read)
            throws Exception {
        ObjectNode line = JSON.createObjectNode();
        line.put("partition", record.partition());
        line.put("offset", record.offset());
        line.put("key", record.key() == null ? null : new String(record.key(), StandardCharsets.UTF_8));
        if (record.value() == null) {
            line.putNull("value");
        } else {
            String value = encode(read.deserialize(record.topic(), record.value()));
            line.set("value", JSON.readTree(value));
        }
        return line.toString();
    }

    private static Object decode(JsonNode what, JsonNode value) throws Exception {
        String schema = what.get("schema").asText();
        String format = what.get("config").get("dataFormat").asText();
        switch (format) {
            case "AVRO":
                Schema avro = new Schema.Parser().parse(schema);
                return new GenericDatumReader<>(avro)
                        .read(null, DecoderFactory.get().jsonDecoder(avro, value.toString()));
            case "JSON":
                return JsonDataWithSchema.builder(schema, value.toString()).build();
            case "PROTOBUF":
                DynamicMessage.Builder message =
                        DynamicMessage.newBuilder(message(schema, what.get("message").asText()));
                JsonFormat.parser().merge(value.toString(), message);
                return message.build();
            default:
                throw new IllegalArgumentException("unknown format " + format);
        }
    }

    private static String encode(Object value) throws Exception {
        if (value instanceof JsonDataWithSchema json) {
            return json.getPayload();
        }
        if (value instanceof Message message) {
            return JsonFormat.printer().preservingProtoFieldNames().print(message);
        }
        GenericContainer record = (GenericContainer) value;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Encoder encoder = EncoderFactory.get().jsonEncoder(record.getSchema(), bytes);
        new GenericDatumWriter<GenericContainer>(record.getSchema()).write(record, encoder);
        encoder.flush();
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /** The message of this full name, which may be nested. */
    private static Descriptor message(String schema, String name) throws Exception {
        FileDescriptor file =
                FileDescriptorUtils.protoFileToFileDescriptor(schema, "main.proto", packageOf(schema));
        String rest = file.getPackage().isEmpty() ? name : name.substring(file.getPackage().length() + 1);
        String[] path = rest.split("\\.");
        Descriptor message = file.findMessageTypeByName(path[0]);
        for (int i = 1; message != null && i < path.length; i++) {
            message = message.findNestedTypeByName(path[i]);
        }
        if (message == null) {
            throw new IllegalArgumentException("the schema has no message " + name);
        }
        return message;
    }

    private static Optional<String> packageOf(String schema) {
        return schema.lines()
                .map(String::strip)
                .filter(line -> line.startsWith("package "))
                .map(line -> line.substring("package ".length(), line.indexOf(';')).strip())
                .findFirst();
    }

    private static StaticCredentialsProvider credentials(JsonNode what) {
        return StaticCredentialsProvider.create(AwsBasicCredentials.create(
                what.get("accessKeyId").asText(), what.get("secretAccessKey").asText()));
    }

    private static Map<String, Object> config(JsonNode what) {
        Map<String, Object> config = new HashMap<>();
        what.get("config").fields().forEachRemaining(entry -> {
            JsonNode value = entry.getValue();
            config.put(entry.getKey(), value.isBoolean() ? (Object) value.asBoolean() : value.asText());
        });
        return config;
    }
}
