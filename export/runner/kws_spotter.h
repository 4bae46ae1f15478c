/* Keyword spotting in one call: samples in, detections out. A spotter is a front end, an
 * interpreter of the TFLite C API with XNNPACK and this project's op, and the decision, all as the
 * model file's own metadata describes them; it gives the detections that `kws detect` gives.
 *
 * The TFLite library is opened at run time, never linked: libtensorflowlite_c.so, or Android's
 * libtensorflowlite_jni.so, which exports the same functions. One spotter belongs to one thread at
 * a time. After kws_spotter_create nothing here allocates. */
#ifndef KWS_SPOTTER_H
#define KWS_SPOTTER_H

#include <stdbool.h>
#include <stddef.h>

#include "detector.h"

typedef struct kws_spotter kws_spotter;

typedef struct {
  const char *tflite_library; /* path, or a name that dlopen finds */
  int threads;                /* of the interpreter; 0 counts as 1 */
  bool plain;                 /* do without XNNPACK */
  void *observer;             /* a TfLiteDelegate that is applied last, or NULL */
} kws_spotter_options;

/* Make a spotter of a model file's bytes, which it copies. NULL if that cannot be done, with one
 * line in message (message_size bytes, cut off if need be) that says why: the library is missing,
 * the file damaged, foreign, or in need of a newer op. */
KWS_API kws_spotter *kws_spotter_create(const void *model, size_t bytes,
                                        const kws_spotter_options *options, char *message,
                                        size_t message_size);
KWS_API void kws_spotter_destroy(kws_spotter *spotter);

/* Take samples (16 kHz, mono, in [-1, 1], any number of them) and write the detections they
 * complete (detector.h), at most `room`; returns how many there were, which is more than were
 * written only if room was too small (8 is enough for a second of audio), or -1 if the interpreter
 * failed. */
KWS_API int kws_spotter_feed(kws_spotter *spotter, const float *samples, size_t count,
                             kws_detection *detections, int room);

/* The stream is over: hear out a word at its very end, as if silence followed. */
KWS_API int kws_spotter_finish(kws_spotter *spotter, kws_detection *detections, int room);

/* Begin a new stream. False if the interpreter failed. */
KWS_API bool kws_spotter_reset(kws_spotter *spotter);

/* Labels of the model in the order of its scores, `count` of them; NULL beyond. Those that are no
 * keywords begin with an underscore (_unknown_, _silence_). */
KWS_API int kws_spotter_labels(const kws_spotter *spotter);
KWS_API const char *kws_spotter_label(const kws_spotter *spotter, int label);
KWS_API bool kws_spotter_is_keyword(const kws_spotter *spotter, int label);

/* The smoothed scores of the latest look, one for each label; all zero before the first. */
KWS_API const float *kws_spotter_scores(const kws_spotter *spotter);

/* The smoothed score at which a label counts: as in the model file, until it is set. */
KWS_API float kws_spotter_threshold(const kws_spotter *spotter, int label);
KWS_API void kws_spotter_set_threshold(kws_spotter *spotter, int label, float threshold);

/* Root mean square of the samples since the last look, in [0, 1] for samples in [-1, 1]. */
KWS_API float kws_spotter_level(const kws_spotter *spotter);

/* Inferences since the spotter was made, and the seconds that they took: all, the first, the
 * latest; and when the latest began, by CLOCK_MONOTONIC. A streaming network begins with a window
 * of silence, so there are some before the first sample. */
typedef struct {
  size_t looks;
  double inference_seconds, first, last, began;
} kws_spotter_cost;

KWS_API kws_spotter_cost kws_spotter_costs(const kws_spotter *spotter);

/* Seconds of audio between two looks, and of the window that one takes in. */
KWS_API double kws_spotter_step_seconds(const kws_spotter *spotter);
KWS_API double kws_spotter_window_seconds(const kws_spotter *spotter);

#endif
