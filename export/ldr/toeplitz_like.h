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

#include <stdbool.h>
#include <stddef.h>

#include "kernels.h"

enum { KWS_LDR_MAX_SIZE = 1 << 16, KWS_LDR_MAX_RANK = 1 << 10, KWS_LDR_MAX_MATRIX = 1 << 26 };

typedef struct {
  int inputs, units, rank;
} kws_ldr_shape;

/* How a product is computed: by transforms or with the matrix, made at load time, and with which
 * instructions. */
typedef struct {
  bool by_transforms;
  const kws_kernels *kernels;
} kws_ldr_method;

typedef struct kws_ldr_plan kws_ldr_plan;

/* max(inputs, units), the length of each generator. */
int kws_ldr_size(const kws_ldr_shape *shape);

/* Length of the complex FFTs that these kernels would use: n / 2 for n a power of two, otherwise
 * the next power of two above n, which is up to four times the work. */
size_t kws_ldr_fft_length(const kws_ldr_shape *shape, const kws_kernels *kernels);

/* The fastest method on this processor for about so many vectors at a time, by the measured costs
 * in choose.c. The shape is one that kws_ldr_plan_bytes accepts. */
kws_ldr_method kws_ldr_choose(const kws_ldr_shape *shape, size_t batch);

/* Bytes of memory that a plan takes; 0 for a shape that is not positive or too large to be a layer
 * (more than KWS_LDR_MAX_SIZE or KWS_LDR_MAX_RANK, or a matrix or spectra of more than 256 MiB). */
size_t kws_ldr_plan_bytes(const kws_ldr_shape *shape, kws_ldr_method method);

/* Bytes of scratch that one execution needs. */
size_t kws_ldr_scratch_bytes(const kws_ldr_shape *shape, kws_ldr_method method);

/* Make a plan in memory of kws_ldr_plan_bytes, which must not be 0, with scratch of
 * kws_ldr_scratch_bytes, both of any alignment. g and h: rank x n, row-major; bias: units values,
 * or NULL. None of them is needed afterwards. Returns where in memory the plan is. */
kws_ldr_plan *kws_ldr_plan_init(void *memory, const kws_ldr_shape *shape, kws_ldr_method method,
                                const float *g, const float *h, const float *bias, void *scratch);

/* y (batch x units) from x (batch x inputs), both row-major and not overlapping. */
void kws_ldr_execute(const kws_ldr_plan *plan, size_t batch, const float *x, float *y,
                     void *scratch);

#endif
