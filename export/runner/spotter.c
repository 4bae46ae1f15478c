#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kws_spotter.h"
#include "tflite_abi.h"
#include "tflite_api.h"

enum { STRIDE_MS = 40, SILENCE = 256 }; /* between two looks of a network that takes windows */

TfLiteDelegate *tflite_plugin_create_delegate(const char *const *, const char *const *, size_t,
                                              void (*)(const char *));
void tflite_plugin_destroy_delegate(TfLiteDelegate *);

struct kws_spotter {
  kws_tflite_api tflite;
  void *bytes, *model, *interpreter, *xnnpack;
  TfLiteDelegate *operators;
  kws_model_file file;
  int states;        /* a streaming network's */
  int frames, taken; /* in a window; of these, what the network takes */
  int stride, fresh; /* frames between two looks; since the latest */
  void *memory;
  kws_log_mel *front_end;
  kws_detector *detector;
  float *frame; /* one frame's features */
  double squares, level;
  size_t samples;
  kws_spotter_cost cost;
  char complaint[256]; /* the runtime's latest */
};

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void complain(void *spotter, const char *format, va_list arguments) {
  kws_spotter *s = spotter;
  vsnprintf(s->complaint, sizeof s->complaint, format, arguments);
  for (char *c = s->complaint; *c; c++)
    if (*c == '\n') *c = ' ';
}

/* The interpreter, with the delegates that the options ask for. Returns what is wrong, or NULL. */
static const char *make_interpreter(kws_spotter *s, size_t size, const kws_spotter_options *o) {
  const kws_tflite_api *t = &s->tflite;
  s->model = t->TfLiteModelCreate(s->bytes, size);
  if (!s->model) return "the runtime refuses the file";
  const int threads = o->threads > 1 ? o->threads : 1;
  s->operators = tflite_plugin_create_delegate(NULL, NULL, 0, NULL);
  void *options = t->TfLiteInterpreterOptionsCreate();
  if (!options || !s->operators) return "no memory";
  t->TfLiteInterpreterOptionsSetErrorReporter(options, complain, s);
  t->TfLiteInterpreterOptionsSetNumThreads(options, threads);
  t->TfLiteInterpreterOptionsAddDelegate(options, s->operators);
  if (!o->plain && t->TfLiteXNNPackDelegateCreate && t->TfLiteXNNPackDelegateOptionsDefault) {
    kws_xnnpack_options xnnpack = t->TfLiteXNNPackDelegateOptionsDefault();
    xnnpack.threads = threads;
    s->xnnpack = t->TfLiteXNNPackDelegateCreate(&xnnpack);
    if (s->xnnpack) t->TfLiteInterpreterOptionsAddDelegate(options, s->xnnpack);
  }
  if (o->observer) t->TfLiteInterpreterOptionsAddDelegate(options, o->observer);
  s->interpreter = t->TfLiteInterpreterCreate(s->model, options);
  t->TfLiteInterpreterOptionsDelete(options);
  if (!s->interpreter || t->TfLiteInterpreterAllocateTensors(s->interpreter) != kTfLiteOk)
    return "the interpreter cannot be made";
  return NULL;
}

static bool has_shape(const kws_tflite_api *t, const void *tensor, int dims, const int *shape) {
  if (!tensor || t->TfLiteTensorType(tensor) != kTfLiteFloat32) return false;
  if (t->TfLiteTensorNumDims(tensor) != dims || !t->TfLiteTensorData(tensor)) return false;
  for (int i = 0; i < dims; i++)
    if (t->TfLiteTensorDim(tensor, i) != shape[i]) return false;
  return true;
}

/* Features and scores are as the metadata say, and states go in as they come out. */
static const char *check_tensors(kws_spotter *s) {
  const kws_tflite_api *t = &s->tflite;
  const int inputs = t->TfLiteInterpreterGetInputTensorCount(s->interpreter);
  const int outputs = t->TfLiteInterpreterGetOutputTensorCount(s->interpreter);
  if (inputs < 1 || outputs != inputs) return "its inputs and outputs do not fit together";
  if (!s->file.step && inputs != 1) return "it takes more than features";
  const void *features = t->TfLiteInterpreterGetInputTensor(s->interpreter, 0);
  if (t->TfLiteTensorNumDims(features) != 3) return "it does not take features (1, frames, bands)";
  s->taken = s->file.step ? s->file.step : t->TfLiteTensorDim(features, 1);
  s->frames = s->file.step ? s->file.frames : s->taken;
  const int shape[] = {1, s->taken, s->file.frontend.bands};
  if (!has_shape(t, features, 3, shape)) return "it does not take the features it describes";
  const int scores[] = {1, s->file.labels};
  if (!has_shape(t, t->TfLiteInterpreterGetOutputTensor(s->interpreter, 0), 2, scores))
    return "it does not give a score for each of its labels";
  s->states = inputs - 1;
  for (int i = 1; i < inputs; i++) {
    const void *before = t->TfLiteInterpreterGetInputTensor(s->interpreter, i);
    const void *after = t->TfLiteInterpreterGetOutputTensor(s->interpreter, i);
    if (t->TfLiteTensorType(before) != t->TfLiteTensorType(after) ||
        t->TfLiteTensorByteSize(before) != t->TfLiteTensorByteSize(after) ||
        !t->TfLiteTensorData(before) || !t->TfLiteTensorData(after))
      return "its states do not come out as they go in";
  }
  return NULL;
}

/* Front end and detector, and all memory that a stream needs. */
static const char *make_stream(kws_spotter *s) {
  const kws_frontend *f = &s->file.frontend;
  const int stride = (int)nearbyint(STRIDE_MS / f->hop_ms);
  s->stride = s->file.step ? s->file.step : stride > 1 ? stride : 1;
  const size_t detector = kws_detector_bytes(&s->file, s->frames, s->stride);
  const size_t frame = (size_t)f->bands * sizeof(float);
  const size_t front_end = kws_log_mel_bytes(f);
  if (!detector) return "its window or the time its scores are averaged over is out of range";
  s->memory = malloc(detector + front_end + frame);
  if (!s->memory) return "no memory";
  char *at = s->memory;
  s->detector = kws_detector_init(at, &s->file, s->frames, s->stride);
  s->frame = (float *)(at + detector); /* a multiple of 16 */
  s->front_end = kws_log_mel_init(at + detector + frame, f);
  return NULL;
}

kws_spotter *kws_spotter_create(const void *model, size_t bytes, const kws_spotter_options *options,
                                char *message, size_t message_size) {
  kws_spotter *s = calloc(1, sizeof *s);
  /* Not aligned_alloc, which Android has since API 28 only. */
  if (!s || posix_memalign(&s->bytes, 64, bytes ? bytes : 1) != 0) {
    snprintf(message, message_size, "no memory for the model");
    free(s);
    return NULL;
  }
  if (!kws_model_file_read(model, bytes, &s->file, message, message_size) ||
      !kws_tflite_open(options->tflite_library, &s->tflite, message, message_size)) {
    kws_spotter_destroy(s);
    return NULL;
  }
  memcpy(s->bytes, model, bytes);
  const char *fault = make_interpreter(s, bytes, options);
  if (!fault) fault = check_tensors(s);
  if (!fault) fault = make_stream(s);
  if (!fault && !kws_spotter_reset(s)) fault = "the interpreter failed";
  if (!fault) return s;
  snprintf(message, message_size, "the model cannot be run: %s%s%s", fault,
           s->complaint[0] ? ": " : "", s->complaint);
  kws_spotter_destroy(s);
  return NULL;
}

void kws_spotter_destroy(kws_spotter *s) {
  if (!s) return;
  const kws_tflite_api *t = &s->tflite;
  if (s->interpreter) t->TfLiteInterpreterDelete(s->interpreter);
  if (s->xnnpack) t->TfLiteXNNPackDelegateDelete(s->xnnpack);
  if (s->operators) tflite_plugin_destroy_delegate(s->operators);
  if (s->model) t->TfLiteModelDelete(s->model);
  kws_tflite_close(&s->tflite);
  free(s->memory);
  free(s->bytes);
  free(s);
}

/* Scores of the latest frames. */
static bool invoke(kws_spotter *s) {
  const kws_tflite_api *t = &s->tflite;
  const void *features = t->TfLiteInterpreterGetInputTensor(s->interpreter, 0);
  kws_detector_latest(s->detector, s->taken, t->TfLiteTensorData(features));
  s->cost.began = seconds();
  if (t->TfLiteInterpreterInvoke(s->interpreter) != kTfLiteOk) return false;
  s->cost.last = seconds() - s->cost.began;
  s->cost.inference_seconds += s->cost.last;
  if (s->cost.looks++ == 0) s->cost.first = s->cost.last;
  for (int i = 1; i <= s->states; i++) {
    void *state = t->TfLiteInterpreterGetInputTensor(s->interpreter, i);
    memcpy(t->TfLiteTensorData(state),
           t->TfLiteTensorData(t->TfLiteInterpreterGetOutputTensor(s->interpreter, i)),
           t->TfLiteTensorByteSize(state));
  }
  return true;
}

bool kws_spotter_reset(kws_spotter *s) {
  const kws_tflite_api *t = &s->tflite;
  kws_log_mel_reset(s->front_end);
  kws_detector_reset(s->detector);
  s->fresh = 0;
  s->squares = s->level = 0.0;
  s->samples = 0;
  if (!s->file.step) return true;
  for (int i = 1; i <= s->states; i++) {
    void *state = t->TfLiteInterpreterGetInputTensor(s->interpreter, i);
    memset(t->TfLiteTensorData(state), 0, t->TfLiteTensorByteSize(state));
  }
  /* A stream begins in silence: a window of it fills the states. */
  for (int frame = 0; frame < s->frames; frame += s->stride)
    if (!invoke(s)) return false;
  return true;
}

/* Sum of squares, eight samples side by side. */
static double energy(const float *samples, size_t count) {
  float sums[8] = {0.0f};
  size_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int lane = 0; lane < 8; lane++) sums[lane] += samples[i + lane] * samples[i + lane];
  for (; i < count; i++) sums[0] += samples[i] * samples[i];
  double sum = 0.0;
  for (int lane = 0; lane < 8; lane++) sum += sums[lane];
  return sum;
}

/* Scores at the latest frame. Returns the number of detections, at most one, or -1. */
static int look(kws_spotter *s, kws_detection *detection) {
  if (!invoke(s)) return -1;
  s->fresh = 0;
  s->level = sqrt(s->squares / (double)s->samples);
  s->squares = 0.0;
  s->samples = 0;
  const void *scores = s->tflite.TfLiteInterpreterGetOutputTensor(s->interpreter, 0);
  return kws_detector_look(s->detector, s->tflite.TfLiteTensorData(scores), detection);
}

int kws_spotter_feed(kws_spotter *s, const float *samples, size_t count, kws_detection *detections,
                     int room) {
  int found = 0;
  while (count > 0) {
    const size_t wanted = kws_log_mel_wanted(s->front_end), part = count < wanted ? count : wanted;
    s->squares += energy(samples, part);
    s->samples += part;
    const size_t frames = kws_log_mel_feed(s->front_end, samples, part, s->frame);
    samples += part;
    count -= part;
    if (frames == 0) continue;
    kws_detector_frame(s->detector, s->frame);
    if (++s->fresh < s->stride) continue;
    kws_detection detection;
    const int more = look(s, &detection);
    if (more < 0) return -1;
    if (more && found < room) detections[found] = detection;
    found += more;
  }
  return found;
}

int kws_spotter_finish(kws_spotter *s, kws_detection *detections, int room) {
  static const float silence[SILENCE];
  size_t count = (size_t)s->frames * kws_frontend_hop(&s->file.frontend);
  int found = 0;
  while (count > 0) {
    const size_t part = count < SILENCE ? count : SILENCE;
    const int full = found < room ? found : room;
    const int more = kws_spotter_feed(s, silence, part, detections + full, room - full);
    if (more < 0) return -1;
    found += more;
    count -= part;
  }
  return found;
}

int kws_spotter_labels(const kws_spotter *s) { return s->file.labels; }

const char *kws_spotter_label(const kws_spotter *s, int label) {
  return label >= 0 && label < s->file.labels ? s->file.label[label] : NULL;
}

bool kws_spotter_is_keyword(const kws_spotter *s, int label) {
  const char *name = kws_spotter_label(s, label);
  return name && kws_is_keyword(name);
}

const float *kws_spotter_scores(const kws_spotter *s) { return kws_detector_scores(s->detector); }

float kws_spotter_threshold(const kws_spotter *s, int label) {
  return kws_spotter_label(s, label) ? (float)s->file.threshold[label] : 0.0f;
}

void kws_spotter_set_threshold(kws_spotter *s, int label, float threshold) {
  if (kws_spotter_label(s, label)) s->file.threshold[label] = threshold;
}

float kws_spotter_level(const kws_spotter *s) { return (float)s->level; }

kws_spotter_cost kws_spotter_costs(const kws_spotter *s) { return s->cost; }

double kws_spotter_step_seconds(const kws_spotter *s) {
  return s->stride * s->file.frontend.hop_ms / 1000.0;
}

double kws_spotter_window_seconds(const kws_spotter *s) {
  const kws_frontend *f = &s->file.frontend;
  const size_t between = (size_t)(s->frames - 1) * kws_frontend_hop(f);
  return (double)(between + kws_frontend_window(f)) / f->rate;
}
