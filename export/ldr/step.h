/* A step of the temporal network: a channel mix, a filter along time in each channel, a bias, a
 * shortcut, ReLU. With M the mix and s the stride,
 *
 *     y[t][c] = max(0, bias[c] + sum_k weights[k][c] (M x[s t + k])[c] + x[t + (taps - 1) / 2][c])
 *
 * the last term only with a shortcut, which takes as many inputs as units and a stride of 1. No
 * padding: from `steps` inputs come (steps - taps) / stride + 1 outputs.
 *
 * In a stream, x is what is new, and a step goes on from a state, rows of `units` floats, from old
 * to new: the latest `history` mixed inputs M x; with a shortcut, the latest taps / 2 inputs x;
 * with a pool, the latest outputs. It computes what these and x give, steps / stride outputs, and
 * leaves the state for the next call. With a pool, y is one row: the mean of the latest `pool`
 * outputs.
 *
 * Its constants come packed in bytes: three little-endian floats, the scales of the mix, the
 * weights and the bias; then int8 numbers to multiply by them: the mix, as its generators g and h
 * (each rank x n, n = max(inputs, units)) or, for rank 0, its matrix (units x inputs); the weights
 * (taps x units); the bias (units).
 *
 * Like a plan of toeplitz_like.h: made once in the caller's memory, then only read.
 */
#ifndef KWS_STEP_H
#define KWS_STEP_H

#include <stdint.h>

#include "toeplitz_like.h"

enum { KWS_STEP_MAX_TAPS = 1 << 10, KWS_STEP_MAX_POOL = 1 << 16 };

typedef struct {
  kws_ldr_shape mix; /* rank 0: any matrix */
  int taps, stride;
  bool shortcut;
  bool streams;
  int history; /* in a stream: taps - stride, and what the whole window leaves over at its end */
  int pool;    /* in a stream: outputs in a mean, 0 for no mean */
} kws_step_shape;

typedef struct kws_step kws_step;

/* Why there is no such step for so many inputs in time, or NULL. */
const char *kws_step_error(const kws_step_shape *shape, size_t steps);

/* What follows takes a shape without error. Bytes of packed constants: */
size_t kws_step_packed_bytes(const kws_step_shape *shape);

/* Rows of the state, and of y. */
size_t kws_step_state_rows(const kws_step_shape *shape, size_t steps);
size_t kws_step_output_rows(const kws_step_shape *shape, size_t steps);

/* Bytes of memory and of scratch that a step takes for so many inputs in time. */
size_t kws_step_bytes(const kws_step_shape *shape, size_t steps);
size_t kws_step_scratch_bytes(const kws_step_shape *shape, size_t steps);

/* Make a step in memory and with scratch of the above sizes and of any alignment. Returns where in
 * memory it is. `packed` is not needed afterwards. */
kws_step *kws_step_init(void *memory, const kws_step_shape *shape, size_t steps,
                        const int8_t *packed, void *scratch);

/* y (output rows x units) from x (steps x inputs), steps as in init. In a stream, `after` becomes
 * the state that follows `before`, perhaps in the same memory. Elsewhere both are unused. */
void kws_step_execute(const kws_step *step, const float *x, const float *before, float *y,
                      float *after, void *scratch);

#endif
