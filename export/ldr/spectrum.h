/* What a plan computes once, in double precision, and the tests compare with. */
#ifndef KWS_SPECTRUM_H
#define KWS_SPECTRUM_H

#include <stddef.h>

typedef struct {
  double re, im;
} kws_complex;

static inline kws_complex kws_add(kws_complex a, kws_complex b) {
  return (kws_complex){a.re + b.re, a.im + b.im};
}

static inline kws_complex kws_sub(kws_complex a, kws_complex b) {
  return (kws_complex){a.re - b.re, a.im - b.im};
}

static inline kws_complex kws_mul(kws_complex a, kws_complex b) {
  return (kws_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* e^(i pi numerator / denominator). */
kws_complex kws_root(double numerator, double denominator);

/* The discrete Fourier transform of data[0 .. m), in place and in natural order, m a power of two:
 * the plain radix-2 algorithm. */
void kws_reference_fft(size_t m, kws_complex *data);

/* Which frequency the kernels of a width leave at each place of their spectrum. */
size_t kws_fft_frequency(size_t width, size_t m, size_t place);

/* Fill twiddles (2 m floats) for the passes of fft.h, in their order. */
void kws_fft_twiddles(size_t width, size_t m, float *twiddles);

#endif
