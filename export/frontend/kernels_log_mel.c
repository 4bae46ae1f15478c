/* Compiled once for every instruction set, with its flags and
 *   KWS_WIDTH        floats in a vector,
 *   KWS_MEL_KERNELS  the name of the table to define. */
#include "kernels_log_mel.h"

#include "simd.h"

#if KWS_WIDTH == 1
typedef int32_t ivec;
#define TO_FLOATS(a) ((float)(a))
#else
typedef int32_t ivec __attribute__((vector_size(4 * KWS_WIDTH)));
#define TO_FLOATS(a) __builtin_convertvector(a, vec)
#endif

static void window(const kws_mel *mel, const float *samples, float *data) {
  cvec *z = (cvec *)data;
  for (size_t at = 0; at < 2 * mel->m; at += 2 * W) {
    const vec a = load(samples + at) * load(mel->hann + at);
    const vec b = load(samples + at + W) * load(mel->hann + at + W);
    *z++ = (cvec){evens(a, b), odds(a, b)};
  }
}

/* ln x of normal positive numbers: x = 2^e (1 + s) / (1 - s) with |s| < 0.172, where
 * ln (1 + s) / (1 - s) = 2 (s + s^3 / 3 + s^5 / 5 ...) is at its last place after five terms. */
INLINE vec logarithm(vec x) {
  const int32_t root_half = 0x3f3504f3; /* the bits of sqrt(1/2) */
  ivec bits, e;
  memcpy(&bits, &x, sizeof bits);
  bits -= root_half;
  e = bits >> 23;
  bits = (bits & 0x7fffff) + root_half;
  memcpy(&x, &bits, sizeof x);
  const vec s = (x - 1.0f) / (x + 1.0f), q = s * s;
  const vec series = q * (0.66666667f + q * (0.4f + q * (0.28571429f + q * 0.22222222f)));
  return TO_FLOATS(e) * 0.69314718f + (2.0f * s + s * series);
}

/* |X_k|^2, k = 0 .. m, of the real signal whose even and odd samples were transformed as one
 * complex one, Z: X_k = E + T and X_{m-k} = conj(E - T), where E = Z_k + conj Z_{m-k} and
 * T = -i e^(-i pi k / m) (Z_k - conj Z_{m-k}); the halves are in the window. */
INLINE void power_spectrum(const kws_mel *mel, const float *re, const float *im, float *power) {
  const size_t m = mel->m;
  const cvec *root = (const cvec *)mel->roots;
  for (size_t k = 1; k <= m / 2; k += W, root++) {
    const size_t mirror = m - k - (W - 1);
    const vec a = load(re + k), b = load(im + k);
    const vec c = reverse(load(re + mirror)), d = reverse(load(im + mirror));
    const cvec e = {a + c, b - d}, t = mul((cvec){a - c, b + d}, *root);
    const cvec x = add(e, t), y = sub(e, t);
    store(power + k, x.re * x.re + x.im * x.im);
    store(power + mirror, reverse(y.re * y.re + y.im * y.im));
  }
  power[0] = 4.0f * (re[0] + im[0]) * (re[0] + im[0]);
  power[m] = 4.0f * (re[0] - im[0]) * (re[0] - im[0]);
}

static void features(const kws_mel *mel, const float *data, float *work, float *features) {
  const size_t m = mel->m, stride = m + 1 + W;
  float *re = work, *im = re + stride, *power = im + stride;
  for (size_t place = 0; place < m; place += W, data += 2 * W)
    for (size_t lane = 0; lane < W; lane++) {
      re[mel->frequency[place + lane]] = data[lane];
      im[mel->frequency[place + lane]] = data[lane + W];
    }
  power_spectrum(mel, re, im, power);

  const float *weights = mel->weights;
  const kws_mel_band *band = mel->band;
  for (size_t at = 0; at < mel->bands; at += W) {
    vec sums[W], sum = (vec){0};
#pragma GCC unroll 16
    for (size_t i = 0; i < W; i++, band++) {
      sums[i] = (vec){0};
      const float *bins = power + band->first;
      for (size_t block = 0; block < band->blocks; block++, bins += W, weights += W)
        sums[i] += load(bins) * load(weights);
    }
    transpose(sums);
#pragma GCC unroll 16
    for (size_t i = 0; i < W; i++) sum += sums[i];
    store(features + at, logarithm(sum + mel->floor));
  }
}

extern const kws_mel_kernels KWS_MEL_KERNELS;
const kws_mel_kernels KWS_MEL_KERNELS = {W, window, features};
