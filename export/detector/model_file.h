/* What a model file of this project says about itself; kws/tflite/metadata.py writes it. */
#ifndef KWS_MODEL_FILE_H
#define KWS_MODEL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "log_mel.h"

enum { KWS_MOST_LABELS = 256, KWS_LONGEST_LABEL = 64 };

typedef struct {
  kws_frontend frontend;
  int labels;
  char label[KWS_MOST_LABELS][KWS_LONGEST_LABEL]; /* UTF-8 */
  double threshold[KWS_MOST_LABELS];
  double smoothing_ms, refractory_ms;
  int frames; /* of the window; 0 if the file does not say */
  int step;   /* frames that a streaming network takes at a time; 0 if it takes windows */
} kws_model_file;

/* Read the metadata of a file's bytes, after checking that they are what was exported. If they are
 * not, returns false with the reason in message, one line. */
KWS_API bool kws_model_file_read(const void *bytes, size_t size, kws_model_file *file,
                                 char *message, size_t message_size);

#endif
