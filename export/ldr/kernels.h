/* What is compiled once for every instruction set, and what it works on.
 *
 * Complex arrays lie in blocks of `width` numbers, their real parts before their imaginary ones
 * (kws_complex_at), so that a vector holds either. */
#ifndef KWS_KERNELS_H
#define KWS_KERNELS_H

#include <stddef.h>

/* Where the real part of number k is; its imaginary part is `width` floats further. */
static inline size_t kws_complex_at(size_t width, size_t k) {
  return k / width * 2 * width + k % width;
}

/* A product by transforms: everything it reads. m is the length of the complex FFTs. */
typedef struct {
  size_t inputs, units, rank, m;
  const float *bias;     /* units */
  const float *twiddles; /* m complex numbers at most, as kws_fft_twiddles lays them out */
  const float *twist;    /* m complex: e^(i pi k / 2 m) */
  const float *skew;     /* rank x m complex, in the order of the FFT: spectra of h over m */
  const float *same;     /* rank x m complex: what Z_k has of itself after the product with g ... */
  const float *mirrored; /* ... and of conj Z_{m-k}; NULL in an embedded product */
} kws_transform;

/* A product with a matrix in panels of 2 width rows: panel after panel, in each the columns one
 * after the other. */
typedef struct {
  size_t inputs, units;
  const float *bias;   /* units, padded with zeros to whole panels */
  const float *panels; /* the same */
} kws_dense;

/* A filter along time in each channel. */
typedef struct {
  size_t channels, taps, stride;
  const float *weights; /* taps x channels */
  const float *bias;    /* channels */
} kws_filter;

typedef struct {
  const char *name;
  size_t width;
  /* In place, unscaled; data of m >= width^2 complex numbers, a power of two. The spectrum is in
   * the order of kws_fft_frequency; the inverse takes it so and gives m times the signal. */
  void (*forward)(size_t m, const float *twiddles, float *data);
  void (*inverse)(size_t m, const float *twiddles, float *data);
  /* y (units) from x (inputs). `work` holds 4 m complex numbers, aligned to 64 bytes. */
  void (*circular)(const kws_transform *t, const float *x, float *y, float *work);
  void (*embedded)(const kws_transform *t, const float *x, float *y, float *work);
  void (*dense)(const kws_dense *d, size_t batch, const float *x, float *y);
  /* y (steps x channels) from x (at least (steps - 1) stride + taps x channels): the positive part
   * of filter and bias and, unless it is NULL, the shortcut (steps x channels). */
  void (*filter)(const kws_filter *f, size_t steps, const float *x, const float *shortcut,
                 float *y);
} kws_kernels;

/* The kernels this processor runs, slowest first; *count of them. The first is the scalar
 * reference. */
const kws_kernels *const *kws_all_kernels(size_t *count);

#endif
