import com.gruelbox.transactionoutbox.Dialect;
import com.gruelbox.transactionoutbox.Instantiator;
import com.gruelbox.transactionoutbox.Persistor;
import com.gruelbox.transactionoutbox.Submitter;
import com.gruelbox.transactionoutbox.TransactionManager;
import com.gruelbox.transactionoutbox.TransactionOutbox;
import com.gruelbox.transactionoutbox.TransactionOutboxEntry;
import com.gruelbox.transactionoutbox.TransactionOutboxListener;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.net.URI;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Drains a backlog by {@code com.gruelbox:transactionoutbox-core}, to be compared with.
 *
 * <p>As its documentation has it: a pool of connections by Hikari, flushed in a loop, batches of 4096
 * (its default). Each event is a transaction of its own, whatever is set, in which the message is
 * sent and acknowledged; so many of them have to run at once: 32 threads, for 2 cores and an fsync a
 * commit, on one producer with its defaults (idempotent, acks=all) but no linger, which would only
 * be waited for. The events of a key are in no order: this line of the library has none.
 */
public final class Peer {
    /** Drained before anything is measured, so that the JVM has compiled most of it. */
    private static final int WARM_UP = 5_000;

    private static final int THREADS = 32;

    private static final Duration RETRY_AFTER = Duration.ofMinutes(2);

    /** What the outbox calls for each event. */
    public interface Publisher {
        void publish(String topic, String key, String payload) throws Exception;
    }

    private final TransactionManager transactions;
    private final Instantiator publisher;
    private final String topic;

    private Peer(TransactionManager transactions, Producer<String, String> producer, String topic) {
        Publisher publish = (to, key, payload) -> producer.send(new ProducerRecord<>(to, key, payload)).get();
        this.transactions = transactions;
        this.publisher = Instantiator.using(type -> publish);
        this.topic = topic;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 4) {
            throw new IllegalArgumentException("database URL, brokers, topic, number of events");
        }
        int events = Integer.parseInt(arguments[3]);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try (HikariDataSource pool = new HikariDataSource(database(URI.create(arguments[0])));
                Producer<String, String> producer = producer(arguments[1])) {
            Peer peer = new Peer(TransactionManager.fromDataSource(pool), producer, arguments[2]);
            peer.fill(WARM_UP);
            peer.drain(threads, WARM_UP);
            peer.fill(events);
            System.out.println("ready");
            System.in.read();
            System.out.println(events + " " + peer.drain(threads, events).toMillis());
        } finally {
            threads.shutdown();
        }
    }

    private static HikariConfig database(URI url) {
        String[] user = url.getUserInfo().split(":", 2);
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:postgresql://" + url.getHost() + ":" + url.getPort() + url.getPath());
        config.setUsername(user[0]);
        config.setPassword(user[1]);
        config.setMaximumPoolSize(THREADS + 1);
        return config;
    }

    private static Producer<String, String> producer(String brokers) {
        Map<String, Object> settings = Map.of("bootstrap.servers", brokers, "linger.ms", 0);
        return new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
    }

    /** Events that nobody has begun: nothing is submitted at the commit, and all are due. */
    private void fill(int events) throws Exception {
        TransactionOutbox outbox = outbox(new TransactionOutboxListener() {}, (entry, executor) -> {}, RETRY_AFTER);
        String payload = "x".repeat(1024);
        transactions.inTransactionThrows(tx -> {
            for (int n = 0; n < events; n++) {
                outbox.schedule(Publisher.class).publish(topic, String.valueOf(n % 10_000), payload);
            }
        });
        // In this library, an event is due only after its first retry interval.
        transactions.inTransactionThrows(tx -> {
            try (Statement statement = tx.connection().createStatement()) {
                statement.executeUpdate("UPDATE TXNO_OUTBOX SET nextAttemptTime = nextAttemptTime - interval '1 hour'");
            }
        });
    }

    /** Until all are acknowledged and their rows are gone. */
    private Duration drain(ExecutorService threads, int events) throws InterruptedException {
        CountDownLatch left = new CountDownLatch(events);
        TransactionOutboxListener done = new TransactionOutboxListener() {
            @Override
            public void success(TransactionOutboxEntry entry) {
                left.countDown();
            }

            @Override
            public void failure(TransactionOutboxEntry entry, Throwable cause) {
                cause.printStackTrace();
            }
        };
        TransactionOutbox outbox = outbox(done, Submitter.withExecutor(threads), RETRY_AFTER);
        long begun = System.nanoTime();
        while (outbox.flush()) {
            // The next batch.
        }
        if (!left.await(5, TimeUnit.MINUTES)) {
            throw new IllegalStateException(left.getCount() + " events are left");
        }
        return Duration.ofNanos(System.nanoTime() - begun);
    }

    private TransactionOutbox outbox(TransactionOutboxListener listener, Submitter submitter, Duration retryAfter) {
        return TransactionOutbox.builder()
                .transactionManager(transactions)
                .persistor(Persistor.forDialect(Dialect.POSTGRESQL_9))
                .instantiator(publisher)
                .listener(listener)
                .submitter(submitter)
                .attemptFrequency(retryAfter)
                .build();
    }
}
