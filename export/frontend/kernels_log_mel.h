/* The parts of a frame's features that are compiled once for every instruction set. */
#ifndef KWS_KERNELS_LOG_MEL_H
#define KWS_KERNELS_LOG_MEL_H

#include <stddef.h>
#include <stdint.h>

/* The bins that a band adds up: `blocks` vectors from bin `first` on. */
typedef struct {
  uint16_t first, blocks;
} kws_mel_band;

typedef struct {
  size_t m;            /* length of the complex FFT: half the real one's */
  size_t bands;        /* padded to whole vectors with bands of no block */
  float *hann;         /* 2 m: half the window, then zeros */
  uint16_t *frequency; /* m: which frequency the FFT leaves at each place */
  float *roots;        /* m / 2 complex in blocks: -i e^(-i pi k / m), k = 1 .. m / 2 */
  kws_mel_band *band;  /* bands */
  float *weights;      /* of the bands' blocks, one behind the other */
  float floor;
} kws_mel;

typedef struct {
  size_t width;
  /* Windowed samples (2 m, those behind the window of any value) as m complex numbers in blocks. */
  void (*window)(const kws_mel *mel, const float *samples, float *data);
  /* Features (bands) of these numbers' spectrum, in the FFT's order. work: kws_mel_work floats. */
  void (*features)(const kws_mel *mel, const float *data, float *work, float *features);
} kws_mel_kernels;

/* Floats of scratch: the spectrum in natural order and its power, with a vector's room behind. */
static inline size_t kws_mel_work(size_t m, size_t width) { return 3 * (m + 1 + width); }

#endif
