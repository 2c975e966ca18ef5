import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.springframework.kafka.retrytopic.RetryTopicHeaders;
import org.springframework.kafka.support.KafkaHeaders;

/**
 * Reads dead letters and the records of retry topics as Spring Kafka lays them out: by the names in
 * its {@link KafkaHeaders} and {@link RetryTopicHeaders}, and with the types that its
 * DeadLetterPublishingRecoverer and DeadLetterPublishingRecovererFactory write.
 *
 * <p>Arguments: bootstrap servers, topic, number of records. Prints a line {@code name=value} for each
 * of these headers that a record has, then for {@code key}, {@code value} (each unless it is null)
 * and {@code timestamp}, then an empty line. In texts backslash, newline and carriage return are
 * {@code \\}, {@code \n} and {@code \r}. Exits with 1 and an error message if a value does not have
 * the type of its header, or after 20 s without that many records.
 */
public final class SpringDeadLetter {
    private static final Duration DEADLINE = Duration.ofSeconds(20);

    private enum Type { TEXT, INT, LONG, BIG_INTEGER }

    private static final Map<String, Type> HEADERS = new LinkedHashMap<>();

    static {
        HEADERS.put(KafkaHeaders.DLT_ORIGINAL_TOPIC, Type.TEXT);
        HEADERS.put(KafkaHeaders.DLT_ORIGINAL_PARTITION, Type.INT);
        HEADERS.put(KafkaHeaders.DLT_ORIGINAL_OFFSET, Type.LONG);
        HEADERS.put(KafkaHeaders.DLT_ORIGINAL_TIMESTAMP, Type.LONG);
        HEADERS.put(KafkaHeaders.DLT_ORIGINAL_TIMESTAMP_TYPE, Type.TEXT);
        HEADERS.put(KafkaHeaders.DLT_ORIGINAL_CONSUMER_GROUP, Type.TEXT);
        HEADERS.put(KafkaHeaders.DLT_EXCEPTION_FQCN, Type.TEXT);
        HEADERS.put(KafkaHeaders.DLT_EXCEPTION_CAUSE_FQCN, Type.TEXT);
        HEADERS.put(KafkaHeaders.DLT_EXCEPTION_MESSAGE, Type.TEXT);
        HEADERS.put(KafkaHeaders.DLT_EXCEPTION_STACKTRACE, Type.TEXT);
        HEADERS.put(KafkaHeaders.ORIGINAL_TOPIC, Type.TEXT);
        HEADERS.put(KafkaHeaders.ORIGINAL_PARTITION, Type.INT);
        HEADERS.put(KafkaHeaders.ORIGINAL_OFFSET, Type.LONG);
        HEADERS.put(KafkaHeaders.ORIGINAL_TIMESTAMP, Type.LONG);
        HEADERS.put(KafkaHeaders.ORIGINAL_TIMESTAMP_TYPE, Type.TEXT);
        HEADERS.put(KafkaHeaders.ORIGINAL_CONSUMER_GROUP, Type.TEXT);
        HEADERS.put(KafkaHeaders.EXCEPTION_FQCN, Type.TEXT);
        HEADERS.put(KafkaHeaders.EXCEPTION_CAUSE_FQCN, Type.TEXT);
        HEADERS.put(KafkaHeaders.EXCEPTION_MESSAGE, Type.TEXT);
        HEADERS.put(KafkaHeaders.EXCEPTION_STACKTRACE, Type.TEXT);
        HEADERS.put(RetryTopicHeaders.DEFAULT_HEADER_ATTEMPTS, Type.INT);
        HEADERS.put(RetryTopicHeaders.DEFAULT_HEADER_BACKOFF_TIMESTAMP, Type.BIG_INTEGER);
        HEADERS.put(RetryTopicHeaders.DEFAULT_HEADER_ORIGINAL_TIMESTAMP, Type.BIG_INTEGER);
    }

    public static void main(String[] arguments) {
        if (arguments.length != 3) {
            System.err.println("usage: SpringDeadLetter BOOTSTRAP TOPIC COUNT");
            System.exit(2);
        }
        try {
            read(arguments[0], arguments[1], Integer.parseInt(arguments[2]));
        } catch (IllegalStateException problem) {
            System.err.println(problem.getMessage());
            System.exit(1);
        }
    }

    private static void read(String bootstrap, String topic, int count) {
        // Whatever the container's locale is.
        PrintStream out =
                new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        long end = System.nanoTime() + DEADLINE.toNanos();
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "enable.auto.commit", false);
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
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
                    if (seen < count) {
                        print(record, out);
                        seen++;
                    }
                }
            }
        }
    }

    private static void print(ConsumerRecord<byte[], byte[]> record, PrintStream out) {
        HEADERS.forEach((name, type) -> {
            Header header = record.headers().lastHeader(name);
            if (header != null) {
                out.println(name + "=" + decode(name, type, header.value()));
            }
        });
        if (record.key() != null) {
            out.println("key=" + text("key", record.key()));
        }
        if (record.value() != null) {
            out.println("value=" + text("value", record.value()));
        }
        out.println("timestamp=" + record.timestamp());
        out.println();
    }

    private static String decode(String name, Type type, byte[] bytes) {
        if (bytes == null) {
            throw new IllegalStateException(name + " has no value");
        }
        return switch (type) {
            case TEXT -> text(name, bytes);
            case INT -> String.valueOf(number(name, bytes, Integer.BYTES).getInt());
            case LONG -> String.valueOf(number(name, bytes, Long.BYTES).getLong());
            case BIG_INTEGER -> new BigInteger(bytes).toString();
        };
    }

    private static ByteBuffer number(String name, byte[] bytes, int length) {
        if (bytes.length != length) {
            throw new IllegalStateException(name + " has " + bytes.length + " bytes, not " + length);
        }
        return ByteBuffer.wrap(bytes);
    }

    private static String text(String name, byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString()
                    .replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r");
        } catch (CharacterCodingException problem) {
            throw new IllegalStateException(name + " is not UTF-8");
        }
    }
}
