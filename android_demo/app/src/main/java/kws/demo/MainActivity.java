package kws.demo;

import android.Manifest;
import android.app.Activity;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.net.Uri;
import android.os.Bundle;
import android.provider.Settings;
import android.view.View;
import android.widget.AdapterView;
import android.widget.ArrayAdapter;
import android.widget.Button;
import android.widget.ProgressBar;
import android.widget.SeekBar;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The one screen. The microphone is on while it is visible, and only then. */
public final class MainActivity extends Activity implements Listener.Events {
    private static final int REQUEST = 1;
    private static final String ASKED = "asked";
    private static final String TFLITE = ".tflite";
    private static final long WORD_STAYS_MS = 1500;

    private Spinner models;
    private TextView word;
    private ProgressBar level;
    private ScoresView scores;
    private TextView thresholdText;
    private SeekBar threshold;
    private TextView figures;
    private View trouble;
    private TextView troubleText;
    private Button troubleButton;

    private Listener listener; // while the microphone is on, or being opened
    private boolean visible;
    private boolean asked; // for the permission, since the app was opened
    private float[] thresholds = {};

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.main);
        models = findViewById(R.id.models);
        word = findViewById(R.id.word);
        level = findViewById(R.id.level);
        scores = findViewById(R.id.scores);
        thresholdText = findViewById(R.id.threshold_text);
        threshold = findViewById(R.id.threshold);
        figures = findViewById(R.id.figures);
        trouble = findViewById(R.id.trouble);
        troubleText = findViewById(R.id.trouble_text);
        troubleButton = findViewById(R.id.trouble_button);
        asked = state != null && state.getBoolean(ASKED);
        showThreshold();
        threshold.setOnSeekBarChangeListener(
                new SeekBar.OnSeekBarChangeListener() {
                    @Override
                    public void onProgressChanged(SeekBar bar, int progress, boolean fromUser) {
                        showThreshold();
                        if (fromUser) {
                            applyThreshold();
                        }
                    }

                    @Override
                    public void onStartTrackingTouch(SeekBar bar) {}

                    @Override
                    public void onStopTrackingTouch(SeekBar bar) {}
                });
        fillPicker();
    }

    @Override
    protected void onStart() {
        super.onStart();
        visible = true;
        listen();
    }

    @Override
    protected void onStop() {
        silence();
        visible = false;
        super.onStop();
    }

    @Override
    protected void onSaveInstanceState(Bundle state) {
        super.onSaveInstanceState(state);
        state.putBoolean(ASKED, asked);
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] permissions, int[] results) {
        // An empty answer is a question that was interrupted.
        if (request == REQUEST && results.length > 0) {
            listen();
        }
    }

    private void fillPicker() {
        List<String> names = new ArrayList<>();
        try {
            for (String folder : getAssets().list("")) {
                for (String file : getAssets().list(folder)) {
                    if (file.endsWith(TFLITE)) {
                        String name = file.substring(0, file.length() - TFLITE.length());
                        names.add(folder + "/" + name);
                    }
                }
            }
        } catch (IOException e) {
            names.clear();
        }
        models.setAdapter(
                new ArrayAdapter<>(this, android.R.layout.simple_spinner_dropdown_item, names));
        models.setOnItemSelectedListener(
                new AdapterView.OnItemSelectedListener() {
                    @Override
                    public void onItemSelected(
                            AdapterView<?> parent, View view, int position, long id) {
                        if (listener != null && !listener.model.equals(chosenModel())) {
                            silence();
                        }
                        listen();
                    }

                    @Override
                    public void onNothingSelected(AdapterView<?> parent) {}
                });
    }

    /** Take the microphone if that is allowed and not done yet; otherwise ask, or say why not. */
    private void listen() {
        if (!visible || listener != null) {
            return;
        }
        if (models.getSelectedItem() == null) {
            show(getString(R.string.no_models), null, null);
        } else if (checkSelfPermission(Manifest.permission.RECORD_AUDIO)
                == PackageManager.PERMISSION_GRANTED) {
            trouble.setVisibility(View.GONE);
            word.setText(R.string.starting);
            listener = new Listener(getAssets(), chosenModel(), this);
            listener.start();
        } else if (!asked) {
            ask();
        } else if (shouldShowRequestPermissionRationale(Manifest.permission.RECORD_AUDIO)) {
            show(getString(R.string.microphone_needed), getString(R.string.allow), this::ask);
        } else {
            show(
                    getString(R.string.microphone_needed),
                    getString(R.string.open_settings),
                    this::openSettings);
        }
    }

    private void silence() {
        if (listener != null) {
            listener.end();
            listener = null;
        }
        level.setProgress(0);
        word.animate().cancel();
        word.setText("");
        figures.setText("");
    }

    private void ask() {
        asked = true;
        requestPermissions(new String[] {Manifest.permission.RECORD_AUDIO}, REQUEST);
    }

    private void openSettings() {
        Uri app = Uri.fromParts("package", getPackageName(), null);
        startActivity(new Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, app));
    }

    private void show(String text, String button, Runnable action) {
        word.setText("");
        troubleText.setText(text);
        troubleButton.setVisibility(button == null ? View.GONE : View.VISIBLE);
        troubleButton.setText(button);
        troubleButton.setOnClickListener(
                view -> {
                    trouble.setVisibility(View.GONE);
                    action.run();
                });
        trouble.setVisibility(View.VISIBLE);
    }

    private String chosenModel() {
        return models.getSelectedItem() + TFLITE;
    }

    private float chosenThreshold() {
        return threshold.getProgress() / 100f;
    }

    private void showThreshold() {
        thresholdText.setText(getString(R.string.threshold, chosenThreshold()));
    }

    private void applyThreshold() {
        for (int k = 0; k < thresholds.length; k++) {
            if (thresholds[k] >= 0) {
                thresholds[k] = chosenThreshold();
            }
        }
        if (listener != null) {
            listener.setThreshold(chosenThreshold());
        }
    }

    @Override
    public void ready(String[] labels, float[] thresholds) {
        this.thresholds = thresholds;
        scores.setLabels(labels, thresholds);
        List<String> keywords = new ArrayList<>();
        for (int k = 0; k < labels.length; k++) {
            if (thresholds[k] >= 0) {
                keywords.add(labels[k]);
                // Shown; each keyword keeps its own until the slider is moved.
                threshold.setProgress(Math.round(100 * thresholds[k]));
            }
        }
        word.setAlpha(1);
        word.setText(getString(R.string.nothing_yet, String.join(", ", keywords)));
    }

    @Override
    public void heard(Listener.Snapshot snapshot) {
        level.setProgress(levelOf(snapshot.level()));
        scores.setScores(snapshot.scores());
        if (snapshot.keyword() != null) {
            word.animate().cancel();
            word.setAlpha(1);
            word.setText(snapshot.keyword().toUpperCase(Locale.ROOT));
            word.animate().alpha(0).setStartDelay(WORD_STAYS_MS);
        }
        if (snapshot.figures() != null) {
            Listener.Figures f = snapshot.figures();
            figures.setText(getString(R.string.figures, f.mean(), f.longest(), 100 * f.load()));
        }
    }

    @Override
    public void failed(Listener.Trouble kind, String detail) {
        silence();
        String text =
                switch (kind) {
                    case MODEL -> detail;
                    case NO_MICROPHONE -> getString(R.string.no_microphone);
                    case MICROPHONE_LOST -> getString(R.string.microphone_lost, detail);
                };
        show(text, getString(R.string.try_again), this::listen);
    }

    /** A thousand at full scale, none at 60 dB below it. */
    private static int levelOf(float rms) {
        double decibel = 20 * Math.log10(Math.max(rms, 1e-6));
        return (int) Math.round(1000 * Math.max(0, Math.min(1, 1 + decibel / 60)));
    }
}
