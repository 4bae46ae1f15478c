package kws.demo;

import java.io.IOException;

/**
 * A model listening to one stream of sound: front end, network and decision, all of them in C
 * (export/runner/kws_spotter.h through export/android/spotter_jni.c). For one thread at a time.
 */
final class Spotter implements AutoCloseable {
    static {
        System.loadLibrary("kws_jni");
    }

    static final int RATE = 16000;

    /** time: where the word is, in seconds from the start of the stream; score: in [0, 1]. */
    record Detection(String keyword, double time, double score) {}

    /** Looks at the scores so far, processor seconds their inferences took, and the last one's. */
    record Costs(long looks, double seconds, double last) {}

    // What one chunk may bring at most, three numbers each.
    private static final int MOST = 8;

    private final String[] labels;
    private final double[] found = new double[3 * MOST];
    private long handle;

    /**
     * @param model a .tflite's bytes, as kws exports them
     * @param tflite TensorFlow Lite's C API: a path, or a name that the loader finds
     * @throws IOException in one line, where the file is damaged, foreign or not runnable here
     */
    Spotter(byte[] model, String tflite, int threads) throws IOException {
        handle = create(model, tflite, threads);
        labels = labels(handle);
    }

    String[] labels() {
        return labels.clone();
    }

    /** Of a label; -1 for one that is no keyword. */
    float threshold(int label) {
        return threshold(handle, label);
    }

    /** The score that makes a detection, for every keyword. */
    void setThreshold(float threshold) {
        setThreshold(handle, threshold);
    }

    /**
     * Take the first {@code count} samples, 16 kHz mono, and return what they complete.
     *
     * @throws IllegalStateException if the interpreter failed
     */
    Detection[] feed(short[] samples, int count) {
        Detection[] detections = new Detection[feed(handle, samples, count, found)];
        for (int k = 0; k < detections.length; k++) {
            detections[k] =
                    new Detection(labels[(int) found[3 * k]], found[3 * k + 1], found[3 * k + 2]);
        }
        return detections;
    }

    /** The smoothed scores of the latest look, one for each label. */
    float[] scores() {
        float[] scores = new float[labels.length];
        scores(handle, scores);
        return scores;
    }

    /** Root mean square of the samples since the last look, in [0, 1]. */
    float level() {
        return level(handle);
    }

    Costs costs() {
        double[] costs = new double[3];
        costs(handle, costs);
        return new Costs((long) costs[0], costs[1], costs[2]);
    }

    @Override
    public void close() {
        destroy(handle);
        handle = 0;
    }

    private static native long create(byte[] model, String tflite, int threads) throws IOException;

    private static native void destroy(long handle);

    private static native String[] labels(long handle);

    private static native float threshold(long handle, int label);

    private static native void setThreshold(long handle, float threshold);

    private static native int feed(long handle, short[] samples, int count, double[] detections);

    private static native void scores(long handle, float[] scores);

    private static native float level(long handle);

    private static native void costs(long handle, double[] costs);
}
