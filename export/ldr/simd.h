/* A vector of KWS_WIDTH floats. GCC's and Clang's vector types give the arithmetic for every
 * instruction set, so the same kernels are compiled for width 1 (the scalar reference), 4 (SSE2 or
 * NEON), 8 (AVX2) and 16 (AVX-512); only the ways to move lanes about are spelled out here. */
#ifndef KWS_SIMD_H
#define KWS_SIMD_H

#include <stddef.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { W = KWS_WIDTH };

#if KWS_WIDTH == 1

typedef float vec;
typedef float loose_vec;

INLINE vec evens(vec a, vec b) { return (void)b, a; }
INLINE vec odds(vec a, vec b) { return (void)a, b; }
INLINE vec zip_low(vec a, vec b) { return (void)b, a; }
INLINE vec zip_high(vec a, vec b) { return (void)a, b; }
INLINE vec reverse(vec a) { return a; }
INLINE vec mirror(vec a) { return a; }
INLINE vec with_first(vec a, vec first) { return (void)a, first; }
INLINE void transpose(vec rows[1]) { (void)rows; }

#else

typedef float vec __attribute__((vector_size(4 * KWS_WIDTH)));
typedef float loose_vec __attribute__((vector_size(4 * KWS_WIDTH), aligned(4), may_alias));

#define LANES(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

/* The lanes of two vectors, numbered 0 .. W of a and W .. 2 W of b. In every quad of four lanes,
 * LOW and HIGH interleave single lanes and the PAIRs interleave two at a time. */
#if KWS_WIDTH == 4
#define EVENS 0, 2, 4, 6
#define ODDS 1, 3, 5, 7
#define ZIP_LOW 0, 4, 1, 5
#define ZIP_HIGH 2, 6, 3, 7
#define REVERSE 3, 2, 1, 0
#define MIRROR 0, 1, 3, 2
#define WITH_FIRST 4, 1, 2, 3
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#define PAIR_LOW 0, 1, 4, 5
#define PAIR_HIGH 2, 3, 6, 7
#elif KWS_WIDTH == 8
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14
#define ODDS 1, 3, 5, 7, 9, 11, 13, 15
#define ZIP_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define REVERSE 7, 6, 5, 4, 3, 2, 1, 0
#define MIRROR 0, 1, 3, 2, 7, 6, 5, 4
#define WITH_FIRST 8, 1, 2, 3, 4, 5, 6, 7
#define LOW 0, 8, 1, 9, 4, 12, 5, 13
#define HIGH 2, 10, 3, 11, 6, 14, 7, 15
#define PAIR_LOW 0, 1, 8, 9, 4, 5, 12, 13
#define PAIR_HIGH 2, 3, 10, 11, 6, 7, 14, 15
#define QUAD_EVENS 0, 1, 2, 3, 8, 9, 10, 11
#define QUAD_ODDS 4, 5, 6, 7, 12, 13, 14, 15
#elif KWS_WIDTH == 16
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODDS 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define ZIP_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define REVERSE 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0
#define MIRROR 0, 1, 3, 2, 7, 6, 5, 4, 15, 14, 13, 12, 11, 10, 9, 8
#define WITH_FIRST 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define LOW 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define HIGH 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define PAIR_LOW 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define PAIR_HIGH 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define QUAD_EVENS 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define QUAD_ODDS 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#endif

/* Lanes 0, 2, 4 ... of a followed by b, and 1, 3, 5 ...; the zips undo it. */
INLINE vec evens(vec a, vec b) { return LANES(a, b, EVENS); }
INLINE vec odds(vec a, vec b) { return LANES(a, b, ODDS); }
INLINE vec zip_low(vec a, vec b) { return LANES(a, b, ZIP_LOW); }
INLINE vec zip_high(vec a, vec b) { return LANES(a, b, ZIP_HIGH); }
INLINE vec reverse(vec a) { return LANES(a, a, REVERSE); }
/* Reverse each of the lanes [1, 2), [2, 4), [4, 8) ... */
INLINE vec mirror(vec a) { return LANES(a, a, MIRROR); }
INLINE vec with_first(vec a, vec first) { return LANES(a, first, WITH_FIRST); }

/* Rows and lanes of W vectors change places: first inside 4 x 4 squares, then these as a whole. */
INLINE void transpose(vec rows[W]) {
#pragma GCC unroll 16
  for (int i = 0; i < W; i += 4) {
    const vec low0 = LANES(rows[i], rows[i + 1], LOW), high0 = LANES(rows[i], rows[i + 1], HIGH);
    const vec low2 = LANES(rows[i + 2], rows[i + 3], LOW);
    const vec high2 = LANES(rows[i + 2], rows[i + 3], HIGH);
    rows[i] = LANES(low0, low2, PAIR_LOW);
    rows[i + 1] = LANES(low0, low2, PAIR_HIGH);
    rows[i + 2] = LANES(high0, high2, PAIR_LOW);
    rows[i + 3] = LANES(high0, high2, PAIR_HIGH);
  }
#if KWS_WIDTH == 8
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    const vec a = rows[i], b = rows[i + 4];
    rows[i] = LANES(a, b, QUAD_EVENS);
    rows[i + 4] = LANES(a, b, QUAD_ODDS);
  }
#elif KWS_WIDTH == 16
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    const vec a = rows[i], b = rows[i + 4], c = rows[i + 8], d = rows[i + 12];
    const vec ab_even = LANES(a, b, QUAD_EVENS), cd_even = LANES(c, d, QUAD_EVENS);
    const vec ab_odd = LANES(a, b, QUAD_ODDS), cd_odd = LANES(c, d, QUAD_ODDS);
    rows[i] = LANES(ab_even, cd_even, QUAD_EVENS);
    rows[i + 4] = LANES(ab_odd, cd_odd, QUAD_EVENS);
    rows[i + 8] = LANES(ab_even, cd_even, QUAD_ODDS);
    rows[i + 12] = LANES(ab_odd, cd_odd, QUAD_ODDS);
  }
#endif
}

#endif

/* max(a, 0), lane by lane. */
#if KWS_WIDTH == 1
INLINE vec positive(vec a) { return a > 0.0f ? a : 0.0f; }
#else
typedef int lanes __attribute__((vector_size(4 * KWS_WIDTH)));
INLINE vec positive(vec a) { return (vec)((lanes)a & (a > 0.0f)); }
#endif

INLINE vec load(const float *from) { return *(const loose_vec *)from; }
INLINE void store(float *to, vec a) { *(loose_vec *)to = a; }

/* Four numbers f[0] .. f[3] to multiply vectors by: NEON multiplies by a lane of a register, other
 * processors read a number from memory into every lane. */
#if KWS_WIDTH == 4 && defined(__aarch64__)
typedef vec four;
enum { FOUR_PAYS = 1 };
INLINE four load_four(const float *from) { return load(from); }
#else
typedef const float *four;
enum { FOUR_PAYS = 0 };
INLINE four load_four(const float *from) { return from; }
#endif

/* As load and store, of the first `count` lanes; the others are read as zero and not written. */
INLINE vec load_some(const float *from, size_t count) {
  if (count == W) return load(from); /* compilers leave the copy below in memory */
  float lanes[W] = {0};
  memcpy(lanes, from, count * sizeof *lanes);
  return load(lanes);
}

INLINE void store_some(float *to, vec a, size_t count) {
  float lanes[W];
  store(lanes, a);
  memcpy(to, lanes, count * sizeof *lanes);
}

/* W complex numbers. Arrays of these are how the kernels hold signals and spectra. */
typedef struct {
  vec re, im;
} __attribute__((may_alias)) cvec;

INLINE cvec add(cvec a, cvec b) { return (cvec){a.re + b.re, a.im + b.im}; }
INLINE cvec sub(cvec a, cvec b) { return (cvec){a.re - b.re, a.im - b.im}; }
INLINE cvec add_i(cvec a, cvec b) { return (cvec){a.re - b.im, a.im + b.re}; } /* a + i b */
INLINE cvec sub_i(cvec a, cvec b) { return (cvec){a.re + b.im, a.im - b.re}; } /* a - i b */

INLINE cvec mul(cvec a, cvec w) {
  return (cvec){a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re};
}

INLINE cvec mul_conj(cvec a, cvec w) { /* a times the conjugate of w */
  return (cvec){a.re * w.re + a.im * w.im, a.im * w.re - a.re * w.im};
}

#endif
