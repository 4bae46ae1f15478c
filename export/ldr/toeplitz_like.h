/* The Toeplitz-like transform (Sindhwani, Sainath, Kumar 2015):
 *
 *     y = crop(sum_i Z_1(g_i) Z_{-1}(h_i) pad(x)) + bias
 *
 * with the circulant Z_1(g) and the skew-circulant Z_{-1}(h) of first columns g and h, both
 * n x n, n = max(inputs, units): x is padded with zeros to n, the result cropped to units.
 *
 * A plan is made once in memory that the caller supplies and is only read afterwards, so any
 * number of threads may execute it, each with its own scratch. Nothing here allocates.
 */
#ifndef KWS_TOEPLITZ_LIKE_H
#define KWS_TOEPLITZ_LIKE_H

#include <stddef.h>

enum { KWS_LDR_MAX_SIZE = 1 << 16, KWS_LDR_MAX_RANK = 1 << 10 };

typedef struct {
  int inputs, units, rank;
} kws_ldr_shape;

typedef struct kws_ldr_plan kws_ldr_plan;

/* max(inputs, units), the length of each generator. */
int kws_ldr_size(const kws_ldr_shape *shape);

/* Bytes of memory that a plan takes, aligned as malloc aligns; 0 for a shape that is not
 * positive or too large to be a layer (more than KWS_LDR_MAX_SIZE or KWS_LDR_MAX_RANK, or a
 * matrix or spectra of more than 256 MiB). */
size_t kws_ldr_plan_bytes(const kws_ldr_shape *shape);

/* Bytes of scratch that one execution needs, aligned as malloc aligns; may be 0. */
size_t kws_ldr_scratch_bytes(const kws_ldr_shape *shape);

/* Make a plan in memory of kws_ldr_plan_bytes(shape), which must not be 0, with scratch of
 * kws_ldr_scratch_bytes(shape). g and h: rank x n, row-major; bias: units values, or NULL.
 * None of them is needed afterwards. Returns memory. */
kws_ldr_plan *kws_ldr_plan_init(void *memory, const kws_ldr_shape *shape, const float *g,
                                const float *h, const float *bias, void *scratch);

/* y (batch x units) from x (batch x inputs), both row-major and not overlapping. */
void kws_ldr_execute(const kws_ldr_plan *plan, size_t batch, const float *x, float *y,
                     void *scratch);

#endif
