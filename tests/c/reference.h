/* What the kernels compute, by the definitions and in double precision: slow, and plain to read. */
#ifndef KWS_TESTS_REFERENCE_H
#define KWS_TESTS_REFERENCE_H

#include <math.h>
#include <stdlib.h>

#include "log_mel.h"
#include "spectrum.h"

/* X_k = sum_j x_j e^(-2 pi i j k / m). */
static inline kws_complex reference_dft(size_t m, const kws_complex *x, size_t k) {
  kws_complex sum = {0.0, 0.0};
  for (size_t j = 0; j < m; j++) {
    const double angle = -2.0 * acos(-1.0) * (double)(j * k % m) / (double)m;
    sum = kws_add(sum, kws_mul(x[j], (kws_complex){cos(angle), sin(angle)}));
  }
  return sum;
}

/* y (units) = the first rows of sum_i Z_1(g_i) Z_{-1}(h_i) [x; 0], where Z_f(v), n x n, has the
 * entries v_{r-c} for r >= c and f v_{n+r-c} above the diagonal; g and h are (rank, n). */
static inline void reference_toeplitz_like(int inputs, int units, int rank, const float *g,
                                           const float *h, const double *x, double *y) {
  const int n = inputs > units ? inputs : units;
  double *between = malloc((size_t)n * sizeof *between);
  for (int r = 0; r < units; r++) y[r] = 0.0;
  for (int i = 0; i < rank; i++) {
    for (int r = 0; r < n; r++) {
      between[r] = 0.0;
      for (int c = 0; c < inputs; c++)
        between[r] += (r >= c ? h[i * n + r - c] : -(double)h[i * n + n + r - c]) * x[c];
    }
    for (int r = 0; r < units; r++)
      for (int c = 0; c < n; c++) y[r] += g[i * n + (r - c + n) % n] * between[c];
  }
  free(between);
}

static inline double reference_mel(double hz) { return 2595.0 * log10(1.0 + hz / 700.0); }

/* Features (bands) of one frame: the DFT as a sum, the triangles as they are drawn. */
static inline void reference_log_mel(const kws_frontend *f, const float *samples,
                                     float *features) {
  const size_t window = kws_frontend_window(f);
  size_t length = 2;
  while (length < window) length *= 2;
  const double pi = acos(-1.0);
  double *power = malloc((length / 2 + 1) * sizeof *power);
  double *wave = malloc(2 * length * sizeof *wave), *windowed = malloc(window * sizeof *windowed);
  for (size_t i = 0; i < length; i++) {
    wave[2 * i] = cos(2.0 * pi * (double)i / (double)length);
    wave[2 * i + 1] = sin(2.0 * pi * (double)i / (double)length);
  }
  for (size_t i = 0; i < window; i++)
    windowed[i] = samples[i] * (0.5 - 0.5 * cos(2.0 * pi * (double)i / (double)window));
  for (size_t k = 0; k <= length / 2; k++) {
    double re = 0.0, im = 0.0;
    for (size_t i = 0; i < window; i++) {
      re += windowed[i] * wave[2 * (i * k % length)];
      im -= windowed[i] * wave[2 * (i * k % length) + 1];
    }
    power[k] = re * re + im * im;
  }
  for (int band = 0; band < f->bands; band++) {
    double corners[3], sum = f->floor;
    for (int i = 0; i < 3; i++) {
      const double low = reference_mel(f->low_hz);
      const double step = (reference_mel(f->high_hz) - low) / (f->bands + 1);
      corners[i] = 700.0 * (pow(10.0, (low + step * (band + i)) / 2595.0) - 1.0);
    }
    for (size_t k = 0; k <= length / 2; k++) {
      const double hz = (double)k * f->rate / (double)length;
      const double rising = (hz - corners[0]) / (corners[1] - corners[0]);
      const double falling = (corners[2] - hz) / (corners[2] - corners[1]);
      sum += fmax(0.0, fmin(rising, falling)) * power[k];
    }
    features[band] = (float)log(sum);
  }
  free(power), free(wave), free(windowed);
}

#endif
