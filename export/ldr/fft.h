/* Complex FFT of power-of-two length m over an array of cvec, in place.
 *
 * Forward is decimation in frequency, passes of radix 4 and one of radix 8 or 2 for what is left:
 * each pass combines vectors that lie far apart and leaves subproblems half as far apart, until
 * these are W numbers long and each fills a vector. W vectors at a time are then transposed and
 * their subproblems solved side by side. The spectrum stays where that leaves it
 * (kws_fft_frequency); the inverse undoes the passes in the opposite order. */
#ifndef KWS_FFT_H
#define KWS_FFT_H

#include "simd.h"

/* Four numbers' DFT and its inverse; results 0, 2, 1, 3, as all passes have them bit-reversed. */
INLINE void butterfly4(cvec *a, cvec *b, cvec *c, cvec *d) {
  const cvec even = add(*a, *c), odd = sub(*a, *c), sum = add(*b, *d), turned = sub(*b, *d);
  *a = add(even, sum);
  *b = sub(even, sum);
  *c = sub_i(odd, turned);
  *d = add_i(odd, turned);
}

INLINE void inverse_butterfly4(cvec *a, cvec *b, cvec *c, cvec *d) {
  const cvec even = add(*a, *b), sum = sub(*a, *b), odd = add(*c, *d), turned = sub(*c, *d);
  *a = add(even, odd);
  *c = sub(even, odd);
  *b = add_i(sum, turned);
  *d = sub_i(sum, turned);
}

/* One pass over blocks of `length` vectors, with the twiddles of one block. */
INLINE void pass4(cvec *data, size_t vectors, size_t length, const cvec *twiddles) {
  const size_t q = length / 4;
  for (cvec *z = data; z < data + vectors; z += length)
    for (size_t j = 0; j < q; j++) {
      const cvec *w = twiddles + 3 * j;
      cvec a = z[j], b = z[j + q], c = z[j + 2 * q], d = z[j + 3 * q];
      butterfly4(&a, &b, &c, &d);
      z[j] = a;
      z[j + q] = mul(b, w[0]);
      z[j + 2 * q] = mul(c, w[1]);
      z[j + 3 * q] = mul(d, w[2]);
    }
}

INLINE void inverse_pass4(cvec *data, size_t vectors, size_t length, const cvec *twiddles) {
  const size_t q = length / 4;
  for (cvec *z = data; z < data + vectors; z += length)
    for (size_t j = 0; j < q; j++) {
      const cvec *w = twiddles + 3 * j;
      cvec a = z[j], b = mul_conj(z[j + q], w[0]);
      cvec c = mul_conj(z[j + 2 * q], w[1]), d = mul_conj(z[j + 3 * q], w[2]);
      inverse_butterfly4(&a, &b, &c, &d);
      z[j] = a;
      z[j + q] = b;
      z[j + 2 * q] = c;
      z[j + 3 * q] = d;
    }
}

INLINE void pass2(cvec *data, size_t vectors, const cvec *twiddles) {
  const size_t half = vectors / 2;
  for (size_t j = 0; j < half; j++) {
    const cvec a = data[j], b = data[j + half];
    data[j] = add(a, b);
    data[j + half] = mul(sub(a, b), twiddles[j]);
  }
}

INLINE void inverse_pass2(cvec *data, size_t vectors, const cvec *twiddles) {
  const size_t half = vectors / 2;
  for (size_t j = 0; j < half; j++) {
    const cvec a = data[j], b = mul_conj(data[j + half], twiddles[j]);
    data[j] = add(a, b);
    data[j + half] = sub(a, b);
  }
}

/* The last subproblems: W numbers, one in each vector. */
#if KWS_WIDTH == 1
INLINE void small_forward(cvec z[W]) { (void)z; }
INLINE void small_inverse(cvec z[W]) { (void)z; }
#elif KWS_WIDTH == 4
INLINE void small_forward(cvec z[W]) { butterfly4(&z[0], &z[1], &z[2], &z[3]); }
INLINE void small_inverse(cvec z[W]) { inverse_butterfly4(&z[0], &z[1], &z[2], &z[3]); }
#elif KWS_WIDTH == 8
#define ROOT_HALF 0.70710678118654752f

INLINE void small_forward(cvec z[W]) {
  cvec odd[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    odd[j] = sub(z[j], z[j + 4]);
    z[j] = add(z[j], z[j + 4]);
  }
  z[4] = odd[0];
  z[5] = (cvec){(odd[1].re + odd[1].im) * ROOT_HALF, (odd[1].im - odd[1].re) * ROOT_HALF};
  z[6] = (cvec){odd[2].im, -odd[2].re};
  z[7] = (cvec){(odd[3].im - odd[3].re) * ROOT_HALF, (odd[3].re + odd[3].im) * -ROOT_HALF};
  butterfly4(&z[0], &z[1], &z[2], &z[3]);
  butterfly4(&z[4], &z[5], &z[6], &z[7]);
}

INLINE void small_inverse(cvec z[W]) {
  inverse_butterfly4(&z[0], &z[1], &z[2], &z[3]);
  inverse_butterfly4(&z[4], &z[5], &z[6], &z[7]);
  cvec odd[4];
  odd[0] = z[4];
  odd[1] = (cvec){(z[5].re - z[5].im) * ROOT_HALF, (z[5].im + z[5].re) * ROOT_HALF};
  odd[2] = (cvec){-z[6].im, z[6].re};
  odd[3] = (cvec){(z[7].re + z[7].im) * -ROOT_HALF, (z[7].re - z[7].im) * ROOT_HALF};
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    const cvec even = z[j];
    z[j] = add(even, odd[j]);
    z[j + 4] = sub(even, odd[j]);
  }
}
#elif KWS_WIDTH == 16
/* e^(-2 pi i k / 16) */
#define ROOT16(k)                                                                                  \
  ((cvec){                                                                                         \
      (vec){0} + (float[]){1.0f, 0.92387953251128676f, 0.70710678118654752f, 0.38268343236508977f, \
                           0.0f, -0.38268343236508977f, -0.70710678118654752f,                     \
                           -0.92387953251128676f, -1.0f, -0.92387953251128676f}[k],                \
      (vec){0} - (float[]){0.0f, 0.38268343236508977f, 0.70710678118654752f, 0.92387953251128676f, \
                           1.0f, 0.92387953251128676f, 0.70710678118654752f, 0.38268343236508977f, \
                           0.0f, -0.38268343236508977f}[k]})

INLINE void small_forward(cvec z[W]) {
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    butterfly4(&z[j], &z[j + 4], &z[j + 8], &z[j + 12]);
    if (j == 0) continue;
    z[j + 4] = mul(z[j + 4], ROOT16(2 * j));
    z[j + 8] = mul(z[j + 8], ROOT16(j));
    z[j + 12] = mul(z[j + 12], ROOT16(3 * j));
  }
#pragma GCC unroll 4
  for (int j = 0; j < 16; j += 4) butterfly4(&z[j], &z[j + 1], &z[j + 2], &z[j + 3]);
}

INLINE void small_inverse(cvec z[W]) {
#pragma GCC unroll 4
  for (int j = 0; j < 16; j += 4) inverse_butterfly4(&z[j], &z[j + 1], &z[j + 2], &z[j + 3]);
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    if (j > 0) {
      z[j + 4] = mul_conj(z[j + 4], ROOT16(2 * j));
      z[j + 8] = mul_conj(z[j + 8], ROOT16(j));
      z[j + 12] = mul_conj(z[j + 12], ROOT16(3 * j));
    }
    inverse_butterfly4(&z[j], &z[j + 4], &z[j + 8], &z[j + 12]);
  }
}
#endif

INLINE void transpose_complex(cvec z[W]) {
  vec re[W], im[W];
#pragma GCC unroll 16
  for (int i = 0; i < W; i++) re[i] = z[i].re;
  transpose(re);
#pragma GCC unroll 16
  for (int i = 0; i < W; i++) im[i] = z[i].im;
  transpose(im);
#pragma GCC unroll 16
  for (int i = 0; i < W; i++) z[i] = (cvec){re[i], im[i]};
}

INLINE void last_forward(cvec *data, size_t vectors) {
  for (cvec *group = data; group < data + vectors; group += W) {
    cvec z[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; i++) z[i] = group[i];
    transpose_complex(z);
    small_forward(z);
#pragma GCC unroll 16
    for (int i = 0; i < W; i++) group[i] = z[i];
  }
}

INLINE void first_inverse(cvec *data, size_t vectors) {
  for (cvec *group = data; group < data + vectors; group += W) {
    cvec z[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; i++) z[i] = group[i];
    small_inverse(z);
    transpose_complex(z);
#pragma GCC unroll 16
    for (int i = 0; i < W; i++) group[i] = z[i];
  }
}

INLINE int odd_power(size_t vectors) { return __builtin_ctzll(vectors) % 2; }

INLINE void fft_forward(size_t vectors, const cvec *twiddles, cvec *data) {
  size_t length = vectors;
  if (odd_power(vectors)) {
    pass2(data, vectors, twiddles);
    twiddles += length / 2;
    length /= 2;
  }
  for (; length > 1; length /= 4) {
    pass4(data, vectors, length, twiddles);
    twiddles += 3 * (length / 4);
  }
  last_forward(data, vectors);
}

INLINE void fft_inverse(size_t vectors, const cvec *twiddles, cvec *data) {
  const size_t first = odd_power(vectors) ? vectors / 2 : vectors;
  const cvec *w = twiddles + (first - 1) + (first == vectors ? 0 : vectors / 2);
  first_inverse(data, vectors);
  for (size_t length = 4; length <= first; length *= 4) {
    w -= 3 * (length / 4);
    inverse_pass4(data, vectors, length, w);
  }
  if (first != vectors) inverse_pass2(data, vectors, twiddles);
}

#endif
