package kws.demo;

import android.content.res.AssetManager;
import android.media.AudioFormat;
import android.media.AudioRecord;
import android.media.MediaRecorder;
import android.os.Handler;
import android.os.Looper;
import android.os.SystemClock;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;

/** A thread that has the microphone from {@code start()} to {@code end()} and spots words in it. */
final class Listener extends Thread {
    /** Called on the main thread, and never after {@code end()}. */
    interface Events {
        void ready(String[] labels, float[] thresholds);

        void heard(Snapshot snapshot);

        void failed(Trouble trouble, String detail);
    }

    enum Trouble {
        MODEL,
        NO_MICROPHONE,
        MICROPHONE_LOST
    }

    /** keyword: what was detected since the last snapshot, or null; figures: or null. */
    record Snapshot(float level, float[] scores, String keyword, Figures figures) {}

    /** Of the latest second: milliseconds of an inference, and the share of a core in use. */
    record Figures(double mean, double longest, double load) {}

    private static final String TFLITE = "libtensorflowlite_jni.so";
    private static final int CHUNK = Spotter.RATE / 20;

    /** The asset. */
    final String model;

    private final AssetManager assets;
    private final Events events;
    private final Handler main = new Handler(Looper.getMainLooper());
    private volatile boolean running = true;
    private volatile float threshold = Float.NaN;

    Listener(AssetManager assets, String model, Events events) {
        super("listener");
        this.assets = assets;
        this.model = model;
        this.events = events;
    }

    /** For every keyword, from the next chunk on. */
    void setThreshold(float threshold) {
        this.threshold = threshold;
    }

    /** Give the microphone back; returns when that is done, after a chunk at most. */
    void end() {
        running = false;
        boolean interrupted = false;
        while (isAlive()) {
            try {
                join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void run() {
        try (Spotter spotter = new Spotter(contents(), TFLITE, 1)) {
            String[] labels = spotter.labels();
            float[] thresholds = new float[labels.length];
            for (int label = 0; label < labels.length; label++) {
                thresholds[label] = spotter.threshold(label);
            }
            post(() -> events.ready(labels, thresholds));
            listen(spotter);
        } catch (IOException | IllegalStateException | LinkageError e) {
            fail(Trouble.MODEL, e.getMessage());
        }
    }

    private void listen(Spotter spotter) {
        AudioRecord record;
        try {
            record = open();
        } catch (UnsupportedOperationException | SecurityException e) {
            fail(Trouble.NO_MICROPHONE, e.getMessage());
            return;
        }
        try {
            record.startRecording();
            if (record.getRecordingState() != AudioRecord.RECORDSTATE_RECORDING) {
                fail(Trouble.NO_MICROPHONE, "");
                return;
            }
            spot(spotter, record);
        } catch (IllegalStateException e) {
            fail(Trouble.NO_MICROPHONE, e.getMessage());
        } finally {
            record.release();
        }
    }

    private void spot(Spotter spotter, AudioRecord record) {
        short[] samples = new short[CHUNK];
        Meter meter = new Meter();
        float set = Float.NaN;
        while (running) {
            int count = record.read(samples, 0, samples.length);
            if (count < 0) {
                fail(Trouble.MICROPHONE_LOST, Integer.toString(count));
                return;
            }
            if (threshold != set && !Float.isNaN(threshold)) {
                set = threshold;
                spotter.setThreshold(set);
            }
            String keyword = null;
            for (Spotter.Detection detection : spotter.feed(samples, count)) {
                keyword = detection.keyword();
            }
            Figures figures = meter.figures(spotter.costs());
            Snapshot snapshot = new Snapshot(spotter.level(), spotter.scores(), keyword, figures);
            post(() -> events.heard(snapshot));
        }
    }

    /** The microphone as it is: VOICE_RECOGNITION asks for no gain control or noise removal. */
    private static AudioRecord open() {
        AudioFormat format =
                new AudioFormat.Builder()
                        .setSampleRate(Spotter.RATE)
                        .setChannelMask(AudioFormat.CHANNEL_IN_MONO)
                        .setEncoding(AudioFormat.ENCODING_PCM_16BIT)
                        .build();
        return new AudioRecord.Builder()
                .setAudioSource(MediaRecorder.AudioSource.VOICE_RECOGNITION)
                .setAudioFormat(format)
                // A second, so that nothing is lost while the phone does something else.
                .setBufferSizeInBytes(2 * Spotter.RATE)
                .build();
    }

    private byte[] contents() throws IOException {
        try (InputStream asset = assets.open(model)) {
            ByteArrayOutputStream contents = new ByteArrayOutputStream();
            byte[] block = new byte[1 << 16];
            for (int count; (count = asset.read(block)) > 0; ) {
                contents.write(block, 0, count);
            }
            return contents.toByteArray();
        }
    }

    private void fail(Trouble trouble, String detail) {
        post(() -> events.failed(trouble, detail));
    }

    private void post(Runnable event) {
        main.post(
                () -> {
                    if (running) {
                        event.run();
                    }
                });
    }

    /** Figures once a second, of what the listening thread has spent. */
    private static final class Meter {
        private Spotter.Costs before = new Spotter.Costs(0, 0, 0);
        private double longest;
        private long clock = SystemClock.elapsedRealtime();
        private long processor = SystemClock.currentThreadTimeMillis();

        /** Null until a second is over. */
        Figures figures(Spotter.Costs costs) {
            longest = Math.max(longest, costs.last());
            long now = SystemClock.elapsedRealtime();
            long looks = costs.looks() - before.looks();
            if (now - clock < 1000 || looks == 0) {
                return null;
            }
            long busy = SystemClock.currentThreadTimeMillis();
            double mean = (costs.seconds() - before.seconds()) / looks;
            double load = (double) (busy - processor) / (now - clock);
            Figures figures = new Figures(1000 * mean, 1000 * longest, load);
            before = costs;
            longest = 0;
            clock = now;
            processor = busy;
            return figures;
        }
    }
}
