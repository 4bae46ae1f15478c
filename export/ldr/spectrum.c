#include "spectrum.h"

#include <math.h>

#include "kernels.h"

kws_complex kws_root(double numerator, double denominator) {
  const double angle = 3.14159265358979323846 * numerator / denominator;
  return (kws_complex){cos(angle), sin(angle)};
}

static size_t reversed_bits(size_t k, size_t m) {
  size_t reversed = 0;
  for (; m > 1; m /= 2, k /= 2) reversed = 2 * reversed + k % 2;
  return reversed;
}

void kws_reference_fft(size_t m, kws_complex *data) {
  for (size_t k = 0; k < m; k++) {
    const size_t other = reversed_bits(k, m);
    if (k >= other) continue;
    const kws_complex swap = data[k];
    data[k] = data[other];
    data[other] = swap;
  }
  for (size_t half = 1; half < m; half *= 2)
    for (size_t j = 0; j < half; j++) {
      const kws_complex twiddle = kws_root(-(double)j, (double)half);
      for (kws_complex *z = data + j; z < data + m; z += 2 * half) {
        const kws_complex a = z[0], b = kws_mul(z[half], twiddle);
        z[0] = kws_add(a, b);
        z[half] = kws_sub(a, b);
      }
    }
}

size_t kws_fft_frequency(size_t width, size_t m, size_t place) {
  /* Decimation in frequency leaves the bits reversed; then width x width squares are transposed. */
  const size_t vector = place / width, lane = place % width;
  const size_t group = vector / width, row = vector % width;
  return reversed_bits((group * width + lane) * width + row, m);
}

/* A pass of a radix over blocks of `length` vectors multiplies its outputs of frequency 1, 2 ...
 * (bit-reversed, and but for 0) by the roots of these powers of the place in the block. */
static float *pass_twiddles(size_t width, size_t length, size_t radix, float *to) {
  const size_t quarter = length / radix;
  for (size_t j = 0; j < quarter; j++)
    for (size_t output = 1; output < radix; output++, to += 2 * width)
      for (size_t lane = 0; lane < width; lane++) {
        const size_t power = reversed_bits(output, radix) * (j * width + lane);
        const kws_complex root = kws_root(-2.0 * (double)power, (double)(length * width));
        to[lane] = (float)root.re;
        to[lane + width] = (float)root.im;
      }
  return to;
}

void kws_fft_twiddles(size_t width, size_t m, float *twiddles) {
  size_t length = m / width, power = 0;
  while (length >> power > 1) power++;
  if (power % 2) {
    twiddles = pass_twiddles(width, length, 2, twiddles);
    length /= 2;
  }
  for (; length > 1; length /= 4) twiddles = pass_twiddles(width, length, 4, twiddles);
}
