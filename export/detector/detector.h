/* A stream of scores becomes detections, as Decision in kws/runtime/decision.py has it: posteriors are
 * averaged over a short time (Chen, Parada, Heigold 2014, section 2.3), the best of the keywords
 * above their thresholds is followed while it rises and reported once, at its peak, then not again
 * for a refractory time. A detector is made once in memory that the caller supplies; nothing here
 * allocates. */
#ifndef KWS_DETECTOR_H
#define KWS_DETECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "log_mel.h"
#include "model_file.h"

typedef struct {
  double time;    /* where the word is: the centre of what stands out in the window, seconds */
  double decided; /* when its score had its peak */
  float score;    /* in [0, 1] */
  int label;
} kws_detection;

typedef struct kws_detector kws_detector;

/* Bytes of memory for a model's detector that looks every `stride` frames at a window of `frames`;
 * 0 if these are out of range. */
KWS_API size_t kws_detector_bytes(const kws_model_file *model, int frames, int stride);

/* Make a detector in so much memory, aligned as malloc does it. The model must stay. */
KWS_API kws_detector *kws_detector_init(void *memory, const kws_model_file *model, int frames,
                                        int stride);
KWS_API void kws_detector_reset(kws_detector *detector);

/* One more frame of features (bands) of the stream. */
KWS_API void kws_detector_frame(kws_detector *detector, const float *features);

/* The latest `count` frames, at most a window of them, the oldest first (count x bands); before the
 * stream there was silence. */
KWS_API void kws_detector_latest(const kws_detector *detector, int count, float *features);

/* The network's posteriors (labels) at the latest frame. True if that completes a detection. */
KWS_API bool kws_detector_look(kws_detector *detector, const float *posteriors,
                               kws_detection *detection);

/* The averaged posteriors of the latest look (labels); zeros before the first. */
KWS_API const float *kws_detector_scores(const kws_detector *detector);

KWS_API bool kws_is_keyword(const char *label);

#endif
