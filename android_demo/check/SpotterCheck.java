package kws.demo;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Feeds a recording (raw 16-bit samples) to a Spotter on a desktop's JVM, in the app's chunks, and
 * prints what it detects; then what must be refused.
 */
final class SpotterCheck {
    public static void main(String[] arguments) throws IOException {
        String tflite = arguments[0];
        byte[] model = Files.readAllBytes(Path.of(arguments[1]));
        short[] samples = samples(Path.of(arguments[2]));
        listen(tflite, model, samples);
        refuse("a damaged model", tflite, damaged(model));
        refuse("an empty model", tflite, new byte[0]);
        refuse("no library", "no-such-library.so", model);
    }

    private static void listen(String tflite, byte[] model, short[] samples) throws IOException {
        try (Spotter spotter = new Spotter(model, tflite, 1)) {
            System.out.println("labels " + String.join(" ", spotter.labels()));
            int chunk = Spotter.RATE / 20;
            float loudest = 0;
            for (int at = 0; at + chunk <= samples.length; at += chunk) {
                short[] part = new short[chunk];
                System.arraycopy(samples, at, part, 0, chunk);
                for (Spotter.Detection d : spotter.feed(part, chunk)) {
                    System.out.printf(
                            Locale.ROOT, "heard %s %.3f %.4f%n", d.keyword(), d.time(), d.score());
                }
                loudest = Math.max(loudest, spotter.level());
            }
            float sum = 0;
            for (float score : spotter.scores()) {
                sum += score;
            }
            Spotter.Costs costs = spotter.costs();
            require(costs.looks() > 0 && costs.seconds() > 0, "inferences are counted");
            require(Math.abs(sum - 1) < 1e-3, "the scores are a distribution");
            require(loudest > 0 && loudest <= 1, "the level is one");
            thresholds(spotter);
        }
    }

    private static void thresholds(Spotter spotter) {
        spotter.setThreshold(0.25f);
        String[] labels = spotter.labels();
        for (int k = 0; k < labels.length; k++) {
            float expected = labels[k].startsWith("_") ? -1 : 0.25f;
            require(spotter.threshold(k) == expected, "the threshold of " + labels[k] + " is set");
        }
    }

    private static void refuse(String what, String tflite, byte[] model) {
        try (Spotter spotter = new Spotter(model, tflite, 1)) {
            throw new AssertionError(what + " is taken: " + spotter.labels().length);
        } catch (IOException e) {
            require(!e.getMessage().isBlank() && !e.getMessage().contains("\n"), what);
            System.out.println("refused " + what + ": " + e.getMessage());
        }
    }

    private static byte[] damaged(byte[] model) {
        byte[] damaged = model.clone();
        damaged[damaged.length / 2] ^= 1;
        return damaged;
    }

    private static short[] samples(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        short[] samples = new short[bytes.remaining() / 2];
        bytes.asShortBuffer().get(samples);
        return samples;
    }

    private static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError("not so: " + what);
        }
    }
}
