#include "fft.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

kws_complex kws_root(double numerator, double denominator) {
  const double angle = 3.14159265358979323846 * numerator / denominator;
  return (kws_complex){(float)cos(angle), (float)sin(angle)};
}

void kws_fft_twiddles(size_t length, kws_complex *twiddles) {
  for (size_t k = 0; k < length / 2; k++)
    twiddles[k] = kws_root(-2.0 * (double)k, (double)length);
}

/* Stockham's radix-2 algorithm: every pass writes its butterflies where the next pass reads them
 * in order, so no bit reversal is needed; the two buffers change roles after each pass. */
static void transform(size_t length, const kws_complex *twiddles, bool inverse, kws_complex *data,
                      kws_complex *work) {
  kws_complex *from = data, *to = work;
  for (size_t half = length / 2, stride = 1; half >= 1; half /= 2, stride *= 2) {
    for (size_t j = 0; j < half; j++) {
      const kws_complex w = inverse ? kws_conj(twiddles[j * stride]) : twiddles[j * stride];
      const kws_complex *low = from + stride * j, *high = from + stride * (j + half);
      kws_complex *even = to + stride * 2 * j, *odd = even + stride;
      for (size_t q = 0; q < stride; q++) {
        const kws_complex a = low[q], b = high[q];
        even[q] = (kws_complex){a.re + b.re, a.im + b.im};
        odd[q] = kws_mul((kws_complex){a.re - b.re, a.im - b.im}, w);
      }
    }
    kws_complex *swap = from;
    from = to;
    to = swap;
  }
  if (from != data) memcpy(data, from, length * sizeof *data);
}

void kws_fft_forward(size_t length, const kws_complex *twiddles, kws_complex *data,
                     kws_complex *work) {
  transform(length, twiddles, false, data, work);
}

void kws_fft_inverse(size_t length, const kws_complex *twiddles, kws_complex *data,
                     kws_complex *work) {
  transform(length, twiddles, true, data, work);
}
