/* The product with a matrix, for what is too small for transforms. The matrix lies in panels of
 * two vectors' rows, so a panel's columns are read in one sweep; several x at a time share it. */
#ifndef KWS_DENSE_H
#define KWS_DENSE_H

#include "kernels.h"
#include "simd.h"

enum { PANEL = 2 * W, ROWS = 6 };

INLINE void store_rows(float *y, size_t count, vec low, vec high) {
  if (count >= PANEL) {
    store(y, low);
    store(y + W, high);
  } else {
    float rows[PANEL];
    store(rows, low);
    store(rows + W, high);
    memcpy(y, rows, count * sizeof *y);
  }
}

/* One x: four columns at a time, each with sums of its own, hide the latency of the additions. */
INLINE void panel_by_one(const float *panel, const float *bias, size_t inputs, const float *x,
                         size_t count, float *y) {
  vec low[4] = {load(bias)}, high[4] = {load(bias + W)};
  size_t j = 0;
  for (; j + 4 <= inputs; j += 4, panel += 4 * PANEL) {
    const four values = load_four(x + j);
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
      low[k] += load(panel + k * PANEL) * values[k];
      high[k] += load(panel + k * PANEL + W) * values[k];
    }
  }
  for (; j < inputs; j++, panel += PANEL) {
    low[0] += load(panel) * x[j];
    high[0] += load(panel + W) * x[j];
  }
  store_rows(y, count, (low[0] + low[1]) + (low[2] + low[3]),
             (high[0] + high[1]) + (high[2] + high[3]));
}

/* `rows` x at once, a constant at each place this is called from. */
INLINE void panel_by_rows(int rows, const float *panel, const float *bias, size_t inputs,
                          const float *x, size_t units, size_t count, float *y) {
  vec low[ROWS], high[ROWS];
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++) low[i] = load(bias), high[i] = load(bias + W);
  size_t j = 0;
  for (; FOUR_PAYS && j + 4 <= inputs; j += 4, panel += 4 * PANEL) {
    four values[ROWS];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) values[i] = load_four(x + (size_t)i * inputs + j);
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
      const vec a = load(panel + k * PANEL), b = load(panel + k * PANEL + W);
#pragma GCC unroll 6
      for (int i = 0; i < rows; i++) {
        low[i] += a * values[i][k];
        high[i] += b * values[i][k];
      }
    }
  }
  for (; j < inputs; j++, panel += PANEL) {
    const vec a = load(panel), b = load(panel + W);
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
      low[i] += a * x[(size_t)i * inputs + j];
      high[i] += b * x[(size_t)i * inputs + j];
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++) store_rows(y + (size_t)i * units, count, low[i], high[i]);
}

static void dense_one(const kws_dense *d, const float *x, float *y) {
  const float *panel = d->panels;
  for (size_t unit = 0; unit < d->units; unit += PANEL, panel += PANEL * d->inputs)
    panel_by_one(panel, d->bias + unit, d->inputs, x, d->units - unit, y + unit);
}

static void dense(const kws_dense *d, size_t batch, const float *x, float *y) {
  const size_t inputs = d->inputs, units = d->units;
  if (batch == 1) {
    dense_one(d, x, y);
    return;
  }
  for (size_t unit = 0; unit < units; unit += PANEL) {
    const float *panel = d->panels + unit * inputs, *bias = d->bias + unit;
    const size_t count = units - unit;
    size_t row = 0;
    for (; row + ROWS <= batch; row += ROWS)
      panel_by_rows(ROWS, panel, bias, inputs, x + row * inputs, units, count,
                    y + row * units + unit);
    const float *last_x = x + row * inputs;
    float *last_y = y + row * units + unit;
    switch (batch - row) {
      case 1: panel_by_one(panel, bias, inputs, last_x, count, last_y); break;
      case 2: panel_by_rows(2, panel, bias, inputs, last_x, units, count, last_y); break;
      case 3: panel_by_rows(3, panel, bias, inputs, last_x, units, count, last_y); break;
      case 4: panel_by_rows(4, panel, bias, inputs, last_x, units, count, last_y); break;
      case 5: panel_by_rows(5, panel, bias, inputs, last_x, units, count, last_y); break;
    }
  }
}

#endif
