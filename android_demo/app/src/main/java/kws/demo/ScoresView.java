package kws.demo;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.util.AttributeSet;
import android.util.TypedValue;
import android.view.View;

/** A bar for each label's score, and a line at each threshold. */
public final class ScoresView extends View {
    private final Paint bar = new Paint();
    private final Paint line = new Paint();
    private final Paint text = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final int below;
    private final int over;
    private String[] labels = {};
    private float[] thresholds = {};
    private float[] scores = {};

    public ScoresView(Context context, AttributeSet attributes) {
        super(context, attributes);
        below = context.getColor(R.color.bar);
        over = context.getColor(R.color.bar_over);
        line.setColor(context.getColor(R.color.line));
        line.setStrokeWidth(pixels(TypedValue.COMPLEX_UNIT_DIP, 2));
        TypedValue color = new TypedValue();
        context.getTheme().resolveAttribute(android.R.attr.textColorPrimary, color, true);
        text.setColor(context.getColor(color.resourceId));
    }

    /** A label without a line has a threshold below 0. */
    void setLabels(String[] labels, float[] thresholds) {
        this.labels = labels;
        this.thresholds = thresholds;
        scores = new float[labels.length];
        invalidate();
    }

    void setScores(float[] scores) {
        this.scores = scores;
        invalidate();
    }

    @Override
    protected void onDraw(Canvas canvas) {
        super.onDraw(canvas);
        if (labels.length == 0) {
            return;
        }
        float highest = pixels(TypedValue.COMPLEX_UNIT_DIP, 40);
        float row = Math.min(getHeight() / (float) labels.length, highest);
        text.setTextSize(Math.min(0.6f * row, pixels(TypedValue.COMPLEX_UNIT_SP, 16)));
        float left = 0;
        for (String label : labels) {
            left = Math.max(left, text.measureText(label));
        }
        left += text.getTextSize();
        float width = getWidth() - left;
        for (int k = 0; k < labels.length; k++) {
            float top = k * row;
            boolean counts = thresholds[k] >= 0;
            canvas.drawText(labels[k], 0, top + 0.7f * row, text);
            bar.setColor(counts && scores[k] >= thresholds[k] ? over : below);
            float right = left + width * scores[k];
            canvas.drawRect(left, top + 0.2f * row, right, top + 0.8f * row, bar);
            if (counts) {
                float x = left + width * thresholds[k];
                canvas.drawLine(x, top + 0.1f * row, x, top + 0.9f * row, line);
            }
        }
    }

    private float pixels(int unit, float size) {
        return TypedValue.applyDimension(unit, size, getResources().getDisplayMetrics());
    }
}
