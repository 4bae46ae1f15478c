#include "toeplitz_like.h"

#include <stdbool.h>
#include <string.h>

#include "fft.h"

enum { LARGEST_PLAN = 1 << 28 };

/* 2 rank + 2 transforms beat the matrix from inputs * units = CROSSING (rank + 1) n on: measured on
 * x86-64 for n = 32 .. 2048 and rank 1, 2, 4, 8 with this scalar FFT. kws/inspect_model.py has the
 * same rule. */
enum { CROSSING = 128 };

struct kws_ldr_plan {
  kws_ldr_shape shape;
  float *bias; /* units */

  float *matrix; /* inputs x units: the transposed matrix; NULL where transforms are used */

  kws_complex *twiddles; /* m / 2, of the FFT of length m = n / 2 */
  kws_complex *roots;    /* m + 1: e^(i pi k / n), twists the skew-circulant half */
  kws_complex *skew;     /* rank x m: spectra of h, scaled by 1 / m */
  kws_complex *circular; /* rank x (m + 1): spectra of g, scaled by 1 / n */
};

int kws_ldr_size(const kws_ldr_shape *shape) {
  return shape->inputs > shape->units ? shape->inputs : shape->units;
}

static bool by_fft(const kws_ldr_shape *shape) {
  const size_t n = (size_t)kws_ldr_size(shape);
  const size_t entries = (size_t)shape->inputs * (size_t)shape->units;
  return (n & (n - 1)) == 0 && entries >= CROSSING * ((size_t)shape->rank + 1) * n;
}

static size_t padded(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Lay the plan's arrays out behind each other from base on, and return the bytes taken.
 * Called with a null base it only counts. */
static size_t lay_out(struct kws_ldr_plan *plan, char *base) {
  const size_t inputs = (size_t)plan->shape.inputs, units = (size_t)plan->shape.units;
  const size_t rank = (size_t)plan->shape.rank, m = (size_t)kws_ldr_size(&plan->shape) / 2;
  size_t used = padded(sizeof *plan);
#define TAKE(field, count)                                  \
  do {                                                      \
    if (base) plan->field = (void *)(base + used);          \
    used += padded((size_t)(count) * sizeof *plan->field);  \
  } while (0)
  TAKE(bias, units);
  if (!by_fft(&plan->shape)) {
    TAKE(matrix, inputs * units);
    return used;
  }
  TAKE(twiddles, m / 2);
  TAKE(roots, m + 1);
  TAKE(skew, rank * m);
  TAKE(circular, rank * (m + 1));
#undef TAKE
  return used;
}

size_t kws_ldr_plan_bytes(const kws_ldr_shape *shape) {
  if (shape->inputs < 1 || shape->units < 1 || shape->rank < 1) return 0;
  if (kws_ldr_size(shape) > KWS_LDR_MAX_SIZE || shape->rank > KWS_LDR_MAX_RANK) return 0;
  struct kws_ldr_plan plan = {.shape = *shape};
  const size_t bytes = lay_out(&plan, NULL);
  return bytes <= LARGEST_PLAN ? bytes : 0;
}

size_t kws_ldr_scratch_bytes(const kws_ldr_shape *shape) {
  if (!by_fft(shape)) return 0;
  const size_t m = (size_t)kws_ldr_size(shape) / 2;
  return (4 * m + 1) * sizeof(kws_complex);
}

/* ---- The matrix ------------------------------------------------------------------------------
 * M = sum_i Z_1(g_i) Z_{-1}(h_i) satisfies Z_1 M - M Z_{-1} = 2 sum_i g_i (J h_i)^T, J reversing
 * (the displacement operator of the paper). Element by element that is
 *     M[u][v + 1] = M[u - 1][v] - 2 sum_i g_i[u] h_i[n - 1 - v],
 * so each wrapped diagonal follows from its element in column 0, which is sum_i Z_1(g_i) h_i:
 * 2 r n^2 operations in all, in double precision, and no workspace. */

static double first_column(const kws_ldr_shape *shape, const float *g, const float *h, size_t row) {
  const size_t n = (size_t)kws_ldr_size(shape);
  double sum = 0.0;
  for (size_t i = 0; i < (size_t)shape->rank; i++)
    for (size_t k = 0; k < n; k++)
      sum += (double)g[i * n + (row + n - k) % n] * (double)h[i * n + k];
  return sum;
}

static void materialise(const kws_ldr_shape *shape, const float *g, const float *h,
                        float *transposed) {
  const size_t n = (size_t)kws_ldr_size(shape);
  const size_t inputs = (size_t)shape->inputs, units = (size_t)shape->units;
  for (size_t start = 0; start < n; start++) {
    double value = first_column(shape, g, h, start);
    for (size_t column = 0; column < inputs; column++) {
      const size_t row = (start + column) % n;
      if (row < units) transposed[column * units + row] = (float)value;
      const size_t next = (row + 1) % n;
      for (size_t i = 0; i < (size_t)shape->rank; i++)
        value -= 2.0 * (double)g[i * n + next] * (double)h[i * n + n - 1 - column];
    }
  }
}

/* Column by column, so that the inner loop is independent additions, which compilers vectorise;
 * four columns at a time to load and store y less often. */
static void multiply(const kws_ldr_plan *plan, const float *restrict x, float *restrict y) {
  const size_t inputs = (size_t)plan->shape.inputs, units = (size_t)plan->shape.units;
  memcpy(y, plan->bias, units * sizeof *y);
  size_t j = 0;
  for (; j + 4 <= inputs; j += 4) {
    const float *restrict a = plan->matrix + j * units, *restrict b = a + units;
    const float *restrict c = b + units, *restrict d = c + units;
    const float xa = x[j], xb = x[j + 1], xc = x[j + 2], xd = x[j + 3];
    for (size_t u = 0; u < units; u++) y[u] += a[u] * xa + b[u] * xb + c[u] * xc + d[u] * xd;
  }
  for (; j < inputs; j++) {
    const float *restrict a = plan->matrix + j * units;
    for (size_t u = 0; u < units; u++) y[u] += a[u] * x[j];
  }
}

/* ---- Transforms ------------------------------------------------------------------------------
 * n is even, m = n / 2, and every FFT has length m. 2 r + 2 of them make one product: x is
 * transformed once, each rank goes back to time and forth again between its two factors, and the
 * sum over ranks is transformed back once.
 *
 * Skew-circulant: real polynomials modulo t^n + 1 are complex ones modulo t^m - i, with
 * coefficients x_k + i x_{k+m}; t = e^(i pi / n) s makes that a cyclic product of length m. */

static void skew_forward(const kws_ldr_plan *plan, kws_complex *data, kws_complex *work) {
  const size_t m = (size_t)kws_ldr_size(&plan->shape) / 2;
  for (size_t k = 0; k < m; k++) data[k] = kws_mul(data[k], plan->roots[k]);
  kws_fft_forward(m, plan->twiddles, data, work);
}

static void skew_inverse(const kws_ldr_plan *plan, kws_complex *data, kws_complex *work) {
  const size_t m = (size_t)kws_ldr_size(&plan->shape) / 2;
  kws_fft_inverse(m, plan->twiddles, data, work);
  for (size_t k = 0; k < m; k++) data[k] = kws_mul(data[k], kws_conj(plan->roots[k]));
}

/* Circulant: a real FFT of length n through a complex one of length m on x_{2k} + i x_{2k+1}.
 * With Z its result, the spectra of the even and the odd samples are
 *     E_k = (Z_k + conj Z_{m-k}) / 2,   O_k = (Z_k - conj Z_{m-k}) / 2i,
 * and X_k = E_k + e^(-2 pi i k / n) O_k for k = 0 .. m, indices of Z modulo m. */

static kws_complex half_turn(const kws_ldr_plan *plan, size_t k) {
  /* e^(2 pi i k / n), k <= m, from the roots e^(i pi k / n): the second half is minus their
   * mirrored conjugate. */
  const size_t m = (size_t)kws_ldr_size(&plan->shape) / 2;
  if (2 * k <= m) return plan->roots[2 * k];
  const kws_complex mirrored = plan->roots[2 * (m - k)];
  return (kws_complex){-mirrored.re, mirrored.im};
}

static kws_complex real_spectrum(const kws_ldr_plan *plan, const kws_complex *z, size_t k) {
  const size_t m = (size_t)kws_ldr_size(&plan->shape) / 2;
  const kws_complex a = z[k % m], b = kws_conj(z[(m - k) % m]);
  const kws_complex even = {0.5f * (a.re + b.re), 0.5f * (a.im + b.im)};
  const kws_complex odd = {0.5f * (a.im - b.im), -0.5f * (a.re - b.re)};
  const kws_complex turned = kws_mul(odd, kws_conj(half_turn(plan, k)));
  return (kws_complex){even.re + turned.re, even.im + turned.im};
}

static kws_complex packed_spectrum(const kws_ldr_plan *plan, const kws_complex *spectrum,
                                   size_t k) {
  /* The inverse of real_spectrum, times 2: Z_k = E_k + i O_k. */
  const size_t m = (size_t)kws_ldr_size(&plan->shape) / 2;
  const kws_complex a = spectrum[k], b = kws_conj(spectrum[m - k]);
  const kws_complex even = {a.re + b.re, a.im + b.im};
  const kws_complex odd = kws_mul((kws_complex){a.re - b.re, a.im - b.im}, half_turn(plan, k));
  return (kws_complex){even.re - odd.im, even.im + odd.re};
}

static void plan_spectra(kws_ldr_plan *plan, const float *g, const float *h, kws_complex *scratch) {
  const size_t n = (size_t)kws_ldr_size(&plan->shape), m = n / 2;
  kws_complex *data = scratch, *work = scratch + m;
  kws_fft_twiddles(m, plan->twiddles);
  for (size_t k = 0; k <= m; k++) plan->roots[k] = kws_root((double)k, (double)n);
  for (size_t i = 0; i < (size_t)plan->shape.rank; i++) {
    for (size_t k = 0; k < m; k++) data[k] = (kws_complex){h[i * n + k], h[i * n + k + m]};
    skew_forward(plan, data, work);
    for (size_t k = 0; k < m; k++)
      plan->skew[i * m + k] = (kws_complex){data[k].re / (float)m, data[k].im / (float)m};

    memcpy(data, g + i * n, n * sizeof *g);
    kws_fft_forward(m, plan->twiddles, data, work);
    for (size_t k = 0; k <= m; k++) {
      const kws_complex value = real_spectrum(plan, data, k);
      plan->circular[i * (m + 1) + k] = (kws_complex){value.re / (float)n, value.im / (float)n};
    }
  }
}

static void transform(const kws_ldr_plan *plan, const float *x, float *y, kws_complex *scratch) {
  const size_t n = (size_t)kws_ldr_size(&plan->shape), m = n / 2;
  const size_t inputs = (size_t)plan->shape.inputs, units = (size_t)plan->shape.units;
  kws_complex *input = scratch, *data = input + m, *work = data + m, *sum = work + m;

  for (size_t k = 0; k < m; k++)
    input[k] = (kws_complex){k < inputs ? x[k] : 0.0f, k + m < inputs ? x[k + m] : 0.0f};
  skew_forward(plan, input, work);

  memset(sum, 0, (m + 1) * sizeof *sum);
  for (size_t i = 0; i < (size_t)plan->shape.rank; i++) {
    for (size_t k = 0; k < m; k++) data[k] = kws_mul(input[k], plan->skew[i * m + k]);
    skew_inverse(plan, data, work);
    float *real = (float *)work; /* the n samples between the factors, in order */
    for (size_t k = 0; k < m; k++) {
      real[k] = data[k].re;
      real[k + m] = data[k].im;
    }
    memcpy(data, work, n * sizeof *real);
    kws_fft_forward(m, plan->twiddles, data, work);
    for (size_t k = 0; k <= m; k++) {
      const kws_complex term =
          kws_mul(real_spectrum(plan, data, k), plan->circular[i * (m + 1) + k]);
      sum[k].re += term.re;
      sum[k].im += term.im;
    }
  }

  for (size_t k = 0; k < m; k++) data[k] = packed_spectrum(plan, sum, k);
  kws_fft_inverse(m, plan->twiddles, data, work);
  const float *result = (const float *)data;
  for (size_t k = 0; k < units; k++) y[k] = result[k] + plan->bias[k];
}

/* ---- The plan ------------------------------------------------------------------------------ */

kws_ldr_plan *kws_ldr_plan_init(void *memory, const kws_ldr_shape *shape, const float *g,
                                const float *h, const float *bias, void *scratch) {
  kws_ldr_plan *plan = memory;
  *plan = (kws_ldr_plan){.shape = *shape};
  lay_out(plan, memory);
  for (int k = 0; k < shape->units; k++) plan->bias[k] = bias ? bias[k] : 0.0f;
  if (plan->matrix)
    materialise(shape, g, h, plan->matrix);
  else
    plan_spectra(plan, g, h, scratch);
  return plan;
}

void kws_ldr_execute(const kws_ldr_plan *plan, size_t batch, const float *x, float *y,
                     void *scratch) {
  for (size_t row = 0; row < batch; row++) {
    if (plan->matrix)
      multiply(plan, x, y);
    else
      transform(plan, x, y, scratch);
    x += plan->shape.inputs;
    y += plan->shape.units;
  }
}
