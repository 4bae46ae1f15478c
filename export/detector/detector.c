#include "detector.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { LONGEST_WINDOW = 1 << 12, LONGEST_AVERAGE = 1 << 12 };

struct kws_detector {
  const kws_model_file *model;
  size_t labels, bands;
  int frames, stride; /* in the window; between two looks */
  int kept;           /* frames: the window at the latest look and at the one before */
  int average, looks; /* looks that are averaged over; looks so far, or that many and more */
  int64_t heard;      /* frames so far */
  bool rising;        /* whether a keyword is followed: `peak`, its highest so far */
  kws_detection peak;
  double *quiet_until; /* labels: when the keyword may be reported again */
  float *scores;       /* labels */
  float *recent;       /* average x labels: the posteriors of the latest looks, in turn */
  float *window;       /* kept x bands: the latest frames, in turn */
  float *power;        /* frames */
  float *sorted;       /* frames */
};

bool kws_is_keyword(const char *label) {
  return strcmp(label, "_unknown_") != 0 && strcmp(label, "_silence_") != 0;
}

static int looks_averaged(const kws_model_file *model, int stride) {
  const double looks = ceil(model->smoothing_ms / (stride * model->frontend.hop_ms));
  return looks < 1.0 ? 1 : looks > LONGEST_AVERAGE ? 0 : (int)looks;
}

static void *take(char *base, size_t *taken, size_t bytes) {
  char *piece = base ? base + *taken : NULL;
  *taken += (bytes + 15) / 16 * 16;
  return piece;
}

/* The detector's arrays behind each other; returns the bytes they take. */
static size_t lay_out(kws_detector *d, char *base) {
  const size_t frames = (size_t)d->frames;
  size_t taken = 0;
  take(base, &taken, sizeof *d);
  d->quiet_until = take(base, &taken, d->labels * sizeof *d->quiet_until);
  d->scores = take(base, &taken, d->labels * sizeof *d->scores);
  d->recent = take(base, &taken, (size_t)d->average * d->labels * sizeof *d->recent);
  d->window = take(base, &taken, (size_t)d->kept * d->bands * sizeof *d->window);
  d->power = take(base, &taken, frames * sizeof *d->power);
  d->sorted = take(base, &taken, frames * sizeof *d->sorted);
  return taken;
}

static kws_detector described(const kws_model_file *model, int frames, int stride) {
  return (kws_detector){.model = model,
                        .labels = (size_t)model->labels,
                        .bands = (size_t)model->frontend.bands,
                        .frames = frames,
                        .stride = stride,
                        .kept = frames + stride,
                        .average = looks_averaged(model, stride)};
}

size_t kws_detector_bytes(const kws_model_file *model, int frames, int stride) {
  if (frames < 1 || frames > LONGEST_WINDOW || stride < 1 || stride > LONGEST_WINDOW) return 0;
  kws_detector d = described(model, frames, stride);
  return d.average ? lay_out(&d, NULL) : 0;
}

kws_detector *kws_detector_init(void *memory, const kws_model_file *model, int frames, int stride) {
  kws_detector *d = memory;
  *d = described(model, frames, stride);
  lay_out(d, memory);
  kws_detector_reset(d);
  return d;
}

void kws_detector_reset(kws_detector *d) {
  d->heard = 0;
  d->looks = 0;
  d->rising = false;
  memset(d->scores, 0, d->labels * sizeof *d->scores);
  memset(d->quiet_until, 0, d->labels * sizeof *d->quiet_until);
  /* A stream begins in silence. */
  const float silence = logf((float)d->model->frontend.floor);
  for (size_t i = 0; i < (size_t)d->kept * d->bands; i++) d->window[i] = silence;
}

void kws_detector_frame(kws_detector *d, const float *features) {
  const size_t place = (size_t)(d->heard % d->kept);
  memcpy(d->window + place * d->bands, features, d->bands * sizeof *features);
  d->heard++;
}

/* The features of the frame so many before the latest. */
static const float *frame_before(const kws_detector *d, int frames) {
  return d->window + (size_t)((d->heard - 1 + d->kept - frames) % d->kept) * d->bands;
}

void kws_detector_latest(const kws_detector *d, int count, float *features) {
  for (; count > 0; features += d->bands)
    memcpy(features, frame_before(d, --count), d->bands * sizeof *features);
}

/* Shell's sort, since qsort may allocate. */
static void sort(float *values, int count) {
  for (int gap = count / 2; gap > 0; gap /= 2)
    for (int i = gap; i < count; i++) {
      const float value = values[i];
      int j = i;
      for (; j >= gap && values[j - gap] > value; j -= gap) values[j] = values[j - gap];
      values[j] = value;
    }
}

/* Where in the window of the look before, at `now`, something stands out from the background: the
 * centre of that, in seconds. */
static double loud_at(kws_detector *d, double now) {
  const int n = d->frames;
  for (int i = 0; i < n; i++) {
    const float *frame = frame_before(d, d->stride + n - 1 - i);
    d->power[i] = 0.0f;
    for (size_t band = 0; band < d->bands; band++) d->power[i] += expf(frame[band]);
  }
  memcpy(d->sorted, d->power, (size_t)n * sizeof *d->power);
  sort(d->sorted, n);
  const double median = 0.5 * ((double)d->sorted[(n - 1) / 2] + (double)d->sorted[n / 2]);
  double sum = 0.0, moment = 0.0;
  for (int i = 0; i < n; i++) {
    const double power = fmax(0.0, (double)d->power[i] - median) + 1e-9;
    sum += power;
    moment += power * i;
  }
  const double at = now - (n - 1 - moment / sum) * d->model->frontend.hop_ms / 1000.0;
  return at > 0.0 ? at : 0.0;
}

static double seconds_heard(const kws_detector *d) {
  const kws_frontend *f = &d->model->frontend;
  const size_t samples = (size_t)(d->heard - 1) * kws_frontend_hop(f) + kws_frontend_window(f);
  return (double)samples / f->rate;
}

static void average(kws_detector *d, const float *posteriors) {
  memcpy(d->recent + (size_t)(d->looks % d->average) * d->labels, posteriors,
         d->labels * sizeof *posteriors);
  if (++d->looks == 2 * d->average) d->looks = d->average; /* the same place */
  const int count = d->looks < d->average ? d->looks : d->average;
  for (size_t label = 0; label < d->labels; label++) {
    float sum = d->recent[label];
    for (int i = 1; i < count; i++) sum += d->recent[(size_t)i * d->labels + label];
    d->scores[label] = sum / (float)count;
  }
}

/* The keyword with the highest score of those that may be reported; -1 if none may. */
static int best_keyword(const kws_detector *d, double now) {
  int best = -1;
  for (int label = 0; label < (int)d->labels; label++) {
    const float score = d->scores[label];
    if (score > (best < 0 ? 0.0f : d->scores[best]) && score >= d->model->threshold[label] &&
        now >= d->quiet_until[label] && kws_is_keyword(d->model->label[label]))
      best = label;
  }
  return best;
}

bool kws_detector_look(kws_detector *d, const float *posteriors, kws_detection *detection) {
  const double now = seconds_heard(d);
  average(d, posteriors);
  const int best = best_keyword(d, now);
  const float score = best < 0 ? 0.0f : d->scores[best];
  if (d->rising && !(score > d->peak.score)) {
    d->rising = false;
    d->quiet_until[d->peak.label] = now + d->model->refractory_ms / 1000.0;
    *detection = d->peak;
    detection->time = loud_at(d, d->peak.decided);
    return true;
  }
  if (best >= 0) {
    d->rising = true;
    d->peak = (kws_detection){.decided = now, .score = score, .label = best};
  }
  return false;
}

const float *kws_detector_scores(const kws_detector *d) { return d->scores; }
