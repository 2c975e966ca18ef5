// Writes murmur2.tsv: where the Java client of Kafka 4.1.0 puts 1,000 keys.
//
//   mvn -q -f docker/kafka/pom.xml -Dkafka.version=4.1.0 \
//       -DoutputDirectory="$PWD/target/kafka-libs" dependency:copy-dependencies
//   java -cp 'target/kafka-libs/*' integration-tests/golden/Murmur2Golden.java \
//       > integration-tests/golden/murmur2.tsv
//
// from the repository's root, with a JDK 17 or newer. The same output each time.

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.utils.Utils;

public class Murmur2Golden {
    private static final int KEYS = 1_000;
    private static final int LONGEST = 64;
    private static final int[] PARTITIONS = {3, 12, 50};

    public static void main(String[] arguments) {
        StringBuilder out = new StringBuilder();
        out.append("# By Murmur2Golden.java; don't edit.\n");
        out.append("# key (hex)\tmurmur2 (signed)");
        for (int count : PARTITIONS) {
            out.append("\tpartition of ").append(count);
        }
        out.append('\n');
        Random random = new Random(20_240_501);
        for (int i = 0; i < KEYS; i++) {
            // Every length at least a few times, then bytes and texts by turns.
            int length = i % (LONGEST + 1);
            byte[] key = i % 2 == 0 ? bytes(random, length) : text(random, length);
            out.append(HexFormat.of().formatHex(key)).append('\t').append(Utils.murmur2(key));
            for (int count : PARTITIONS) {
                out.append('\t').append(BuiltInPartitioner.partitionForKey(key, count));
            }
            out.append('\n');
        }
        System.out.print(out);
    }

    private static byte[] bytes(Random random, int length) {
        byte[] key = new byte[length];
        random.nextBytes(key);
        return key;
    }

    /** UTF-8 of one to four bytes a character, cut at a character, at most `longest` bytes. */
    private static byte[] text(Random random, int longest) {
        int[][] ranges = {{'!', '~'}, {0xa1, 0x7ff}, {0x800, 0xd7ff}, {0x1f300, 0x1f5ff}};
        StringBuilder text = new StringBuilder();
        while (true) {
            int[] range = ranges[random.nextInt(ranges.length)];
            int before = text.length();
            text.appendCodePoint(range[0] + random.nextInt(range[1] - range[0] + 1));
            if (text.toString().getBytes(StandardCharsets.UTF_8).length > longest) {
                text.setLength(before);
                return text.toString().getBytes(StandardCharsets.UTF_8);
            }
        }
    }
}
