/* Complex FFT of power-of-two length: the scalar reference. */
#ifndef KWS_FFT_H
#define KWS_FFT_H

#include <stddef.h>

typedef struct {
  float re, im;
} kws_complex;

static inline kws_complex kws_mul(kws_complex a, kws_complex b) {
  return (kws_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static inline kws_complex kws_conj(kws_complex a) { return (kws_complex){a.re, -a.im}; }

/* e^(i pi numerator / denominator), computed in double precision. */
kws_complex kws_root(double numerator, double denominator);

/* Fill twiddles[0 .. length/2) with e^(-2 pi i k / length). */
void kws_fft_twiddles(size_t length, kws_complex *twiddles);

/* Transform data[0 .. length) in place, unscaled and in natural order; work holds as much.
 * length is a power of two, twiddles come from kws_fft_twiddles(length). */
void kws_fft_forward(size_t length, const kws_complex *twiddles, kws_complex *data,
                     kws_complex *work);

/* The inverse of kws_fft_forward, times length. */
void kws_fft_inverse(size_t length, const kws_complex *twiddles, kws_complex *data,
                     kws_complex *work);

#endif
