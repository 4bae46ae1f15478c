/* Log-mel features of a stream, as kws/frontend/log_mel.py defines them: periodic Hann window, real
 * FFT of the next power of two, power, triangular bands on the HTK mel scale, ln(power + floor).
 *
 * A stream is made once in memory that the caller supplies; nothing here allocates. Equal to
 * Python's to 3e-4 in ln(power) for samples in [-1, 1], in whatever chunks they come. */
#ifndef KWS_LOG_MEL_H
#define KWS_LOG_MEL_H

#include <stddef.h>

#define KWS_API __attribute__((visibility("default")))

/* The description that a model file carries; see FrontEnd in kws/frontend/log_mel.py. */
typedef struct {
  double rate, window_ms, hop_ms;
  int bands;
  double low_hz, high_hz, floor;
} kws_frontend;

#define KWS_FRONTEND_DEFAULT \
  { 16000.0, 25.0, 10.0, 40, 20.0, 7600.0, 1e-4 }

typedef struct kws_log_mel kws_log_mel;

/* Samples in a frame and between the starts of two. */
KWS_API size_t kws_frontend_window(const kws_frontend *frontend);
KWS_API size_t kws_frontend_hop(const kws_frontend *frontend);

/* What is wrong with a description, or NULL; the other functions take only such as have nothing. */
KWS_API const char *kws_frontend_fault(const kws_frontend *frontend);

/* Bytes of memory that a stream takes. */
KWS_API size_t kws_log_mel_bytes(const kws_frontend *frontend);

/* Make a stream in so much memory, of any alignment. Returns where in memory it is. */
KWS_API kws_log_mel *kws_log_mel_init(void *memory, const kws_frontend *frontend);

/* Begin anew, as after init. */
KWS_API void kws_log_mel_reset(kws_log_mel *stream);

/* How many samples complete the next frame; every hop samples behind them complete one more. */
KWS_API size_t kws_log_mel_wanted(const kws_log_mel *stream);

/* Take samples and write the frames they complete (so many x bands, row-major); returns how many.
 * What is no number counts as 0, and what lies beyond a million as 1 or -1. */
KWS_API size_t kws_log_mel_feed(kws_log_mel *stream, const float *samples, size_t count,
                                float *frames);

#endif
