/* One vector through sum_i Z_1(g_i) Z_{-1}(h_i) by 2 rank + 2 complex FFTs of half the length:
 * x is transformed once, each rank goes back to time and forth again between its two factors, and
 * the sum over ranks is transformed back once.
 *
 * Skew-circulant of length 2 m: real polynomials modulo t^2m + 1 are complex ones modulo t^m - i,
 * with coefficients x_k + i x_{k+m}; t = e^(i pi / 2m) s, the twist, makes that a cyclic product
 * of length m.
 *
 * Circulant of length 2 m: with Z the FFT of x_{2k} + i x_{2k+1}, that of the product is
 * S_k Z_k + T_k conj Z_{m-k}; plan_spectra in toeplitz_like.c derives S and T from g. */
#ifndef KWS_TRANSFORM_H
#define KWS_TRANSFORM_H

#include "fft.h"
#include "kernels.h"

/* x[at ..) with zeros from x[count] on. */
INLINE vec load_padded(const float *x, size_t count, size_t at) {
  if (at + W <= count) return load(x + at);
  return load_some(x + (at < count ? at : 0), at < count ? count - at : 0);
}

INLINE void multiply(size_t vectors, const cvec *a, const cvec *b, cvec *product) {
  for (size_t v = 0; v < vectors; v++) product[v] = mul(a[v], b[v]);
}

/* In the order of the spectrum, number m - k of every k = 0 .. m - 1 is found by reversing each
 * stretch of vectors [W, 2 W), [2 W, 4 W) ... and their lanes. In the first W vectors the first
 * lane is a column of its own. */
INLINE cvec mirrored_in_first(const cvec *z, size_t v) {
  size_t stretch = 1;
  while (2 * stretch <= v) stretch *= 2;
  const cvec lanes = z[W - 1 - v], first = z[v ? 3 * stretch - 1 - v : 0];
  return (cvec){with_first(mirror(lanes.re), first.re), with_first(mirror(lanes.im), first.im)};
}

INLINE cvec circulant_term(cvec z, cvec opposite, cvec same, cvec mirrored) {
  const cvec conjugate = {opposite.re, -opposite.im};
  return add(mul(z, same), mul(conjugate, mirrored));
}

INLINE void circulant_product(size_t vectors, const cvec *z, const cvec *same, const cvec *mirrored,
                              int first_rank, cvec *sum) {
  for (size_t v = 0; v < W; v++) {
    const cvec term = circulant_term(z[v], mirrored_in_first(z, v), same[v], mirrored[v]);
    sum[v] = first_rank ? term : add(sum[v], term);
  }
  for (size_t start = W; start < vectors; start *= 2)
    for (size_t v = start; v < 2 * start; v++) {
      const cvec *opposite = z + 3 * start - 1 - v;
      const cvec reversed = {reverse(opposite->re), reverse(opposite->im)};
      const cvec term = circulant_term(z[v], reversed, same[v], mirrored[v]);
      sum[v] = first_rank ? term : add(sum[v], term);
    }
}

/* From the order of the skew-circulant, x_k and x_{k+m}, to that of the circulant, x_{2k} and
 * x_{2k+1}. */
INLINE void untwist_to_pairs(size_t vectors, const cvec *skewed, const cvec *twist, cvec *pairs) {
  for (size_t v = 0; v < vectors; v += 2) {
    const cvec a = mul_conj(skewed[v], twist[v]), b = mul_conj(skewed[v + 1], twist[v + 1]);
    pairs[v / 2] = (cvec){evens(a.re, b.re), odds(a.re, b.re)};
    pairs[(v + vectors) / 2] = (cvec){evens(a.im, b.im), odds(a.im, b.im)};
  }
}

INLINE void store_pairs(size_t vectors, const cvec *pairs, const float *bias, size_t units,
                        float *y) {
  for (size_t v = 0; v < vectors; v++) {
    const size_t at = 2 * W * v;
    float both[2 * W];
    if (at + 2 * W <= units) {
      store(y + at, zip_low(pairs[v].re, pairs[v].im) + load(bias + at));
      store(y + at + W, zip_high(pairs[v].re, pairs[v].im) + load(bias + at + W));
    } else if (at < units) {
      store(both, zip_low(pairs[v].re, pairs[v].im));
      store(both + W, zip_high(pairs[v].re, pairs[v].im));
      for (size_t k = at; k < units; k++) y[k] = both[k - at] + bias[k];
    }
  }
}

/* n = 2 m. */
static void circular(const kws_transform *t, const float *x, float *y, float *work) {
  const size_t vectors = t->m / W;
  const cvec *twiddles = (const cvec *)t->twiddles, *twist = (const cvec *)t->twist;
  const cvec *skew = (const cvec *)t->skew;
  const cvec *same = (const cvec *)t->same, *mirrored = (const cvec *)t->mirrored;
  cvec *input = (cvec *)work, *skewed = input + vectors, *pairs = skewed + vectors;
  cvec *sum = pairs + vectors;

  for (size_t v = 0; v < vectors; v++) {
    const cvec halves = {load_padded(x, t->inputs, v * W), load_padded(x, t->inputs, v * W + t->m)};
    input[v] = mul(halves, twist[v]);
  }
  fft_forward(vectors, twiddles, input);
  for (size_t i = 0; i < t->rank; i++) {
    multiply(vectors, input, skew + i * vectors, skewed);
    fft_inverse(vectors, twiddles, skewed);
    untwist_to_pairs(vectors, skewed, twist, pairs);
    fft_forward(vectors, twiddles, pairs);
    circulant_product(vectors, pairs, same + i * vectors, mirrored + i * vectors, i == 0, sum);
  }
  fft_inverse(vectors, twiddles, sum);
  store_pairs(vectors, sum, t->bias, t->units, y);
}

/* n <= m: both factors, as Toeplitz matrices, are corners of skew-circulants of length 2 m, so the
 * imaginary halves and what lies beyond n are zero before a factor and of no interest behind it. */
static void embedded(const kws_transform *t, const float *x, float *y, float *work) {
  const size_t vectors = t->m / W, n = t->inputs > t->units ? t->inputs : t->units;
  const cvec *twiddles = (const cvec *)t->twiddles, *twist = (const cvec *)t->twist;
  const cvec *skew = (const cvec *)t->skew, *same = (const cvec *)t->same;
  cvec *input = (cvec *)work, *between = input + vectors, *sum = between + vectors;
  float *real = (float *)(sum + vectors);

  for (size_t v = 0; v < vectors; v++) {
    const vec a = load_padded(x, t->inputs, v * W);
    input[v] = (cvec){a * twist[v].re, a * twist[v].im};
  }
  fft_forward(vectors, twiddles, input);
  memset(sum, 0, vectors * sizeof *sum);
  for (size_t i = 0; i < t->rank; i++) {
    multiply(vectors, input, skew + i * vectors, between);
    fft_inverse(vectors, twiddles, between);
    for (size_t v = 0; v < vectors; v++) store(real + v * W, mul_conj(between[v], twist[v]).re);
    for (size_t v = 0; v < vectors; v++) {
      const vec a = load_padded(real, n, v * W);
      between[v] = (cvec){a * twist[v].re, a * twist[v].im};
    }
    fft_forward(vectors, twiddles, between);
    const cvec *spectrum = same + i * vectors;
    for (size_t v = 0; v < vectors; v++) sum[v] = add(sum[v], mul(between[v], spectrum[v]));
  }
  fft_inverse(vectors, twiddles, sum);
  for (size_t v = 0; v < vectors; v++) store(real + v * W, mul_conj(sum[v], twist[v]).re);
  for (size_t k = 0; k < t->units; k++) y[k] = real[k] + t->bias[k];
}

#endif
