#include "toeplitz_like.h"

#include <stdint.h>
#include <string.h>

#include "spectrum.h"

enum { LARGEST_PLAN = 1 << 28, ALIGNMENT = 64 };

struct kws_ldr_plan {
  kws_ldr_shape shape;
  kws_ldr_method method;
  kws_transform transform;
  kws_dense dense;
};

int kws_ldr_size(const kws_ldr_shape *shape) {
  return shape->inputs > shape->units ? shape->inputs : shape->units;
}

size_t kws_ldr_fft_length(const kws_ldr_shape *shape, const kws_kernels *kernels) {
  const size_t n = (size_t)kws_ldr_size(shape), width = kernels->width;
  const size_t smallest = width > 1 ? width * width : 2;
  if ((n & (n - 1)) == 0 && n / 2 >= smallest) return n / 2;
  size_t m = smallest;
  while (m < n) m *= 2;
  return m;
}

/* n = 2 m: the circulant needs no room to unroll. */
static bool is_circular(const kws_ldr_plan *plan) {
  return (size_t)kws_ldr_size(&plan->shape) == 2 * plan->transform.m;
}

static size_t padded(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static void *aligned(void *memory) {
  return (void *)(((uintptr_t)memory + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

/* The plan's arrays, behind each other. */
typedef struct {
  float *twiddles, *twist, *skew, *same, *mirrored, *panels, *bias;
  size_t bytes;
} layout;

static float *take(layout *l, float *base, size_t floats) {
  float *array = base ? base + l->bytes / sizeof *base : NULL;
  l->bytes += padded(floats * sizeof *base);
  return array;
}

/* With a null base it only counts. */
static layout lay_out(const kws_ldr_shape *shape, kws_ldr_method method, float *base) {
  const size_t panel = 2 * method.kernels->width, rank = (size_t)shape->rank;
  const size_t units = ((size_t)shape->units + panel - 1) / panel * panel;
  layout l = {.bytes = padded(sizeof(kws_ldr_plan))};
  l.bias = take(&l, base, units);
  if (!method.by_transforms) {
    l.panels = take(&l, base, units * (size_t)shape->inputs);
    return l;
  }
  const size_t m = kws_ldr_fft_length(shape, method.kernels);
  l.twiddles = take(&l, base, 2 * m);
  l.twist = take(&l, base, 2 * m);
  l.skew = take(&l, base, rank * 2 * m);
  l.same = take(&l, base, rank * 2 * m);
  if ((size_t)kws_ldr_size(shape) == 2 * m) l.mirrored = take(&l, base, rank * 2 * m);
  return l;
}

size_t kws_ldr_plan_bytes(const kws_ldr_shape *shape, kws_ldr_method method) {
  if (shape->inputs < 1 || shape->units < 1 || shape->rank < 1) return 0;
  if (kws_ldr_size(shape) > KWS_LDR_MAX_SIZE || shape->rank > KWS_LDR_MAX_RANK) return 0;
  const size_t bytes = lay_out(shape, method, NULL).bytes + ALIGNMENT;
  return bytes <= LARGEST_PLAN ? bytes : 0;
}

size_t kws_ldr_scratch_bytes(const kws_ldr_shape *shape, kws_ldr_method method) {
  if (!method.by_transforms) return 0;
  return 4 * kws_ldr_fft_length(shape, method.kernels) * 2 * sizeof(float) + ALIGNMENT;
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

static void materialise(const kws_ldr_shape *shape, const float *g, const float *h, size_t panel,
                        float *panels) {
  const size_t n = (size_t)kws_ldr_size(shape);
  const size_t inputs = (size_t)shape->inputs, units = (size_t)shape->units;
  memset(panels, 0, (units + panel - 1) / panel * panel * inputs * sizeof *panels);
  for (size_t start = 0; start < n; start++) {
    double value = first_column(shape, g, h, start);
    for (size_t column = 0; column < inputs; column++) {
      const size_t row = (start + column) % n, next = (row + 1) % n;
      if (row < units)
        panels[row / panel * panel * inputs + column * panel + row % panel] = (float)value;
      for (size_t i = 0; i < (size_t)shape->rank; i++)
        value -= 2.0 * (double)g[i * n + next] * (double)h[i * n + n - 1 - column];
    }
  }
}

/* ---- Spectra --------------------------------------------------------------------------------- */

static void put(size_t width, size_t k, kws_complex value, float *array) {
  array[kws_complex_at(width, k)] = (float)value.re;
  array[kws_complex_at(width, k) + width] = (float)value.im;
}

/* A spectrum in natural order into the kernels' order, divided by its length. */
static void put_spectrum(size_t width, size_t m, const kws_complex *spectrum, float *array) {
  for (size_t place = 0; place < m; place++) {
    const kws_complex value = spectrum[kws_fft_frequency(width, m, place)];
    put(width, place, (kws_complex){value.re / (double)m, value.im / (double)m}, array);
  }
}

/* data[k] holds element k of a skew-circulant's first column and, as its imaginary part, element
 * k + m. */
static void skew_spectrum(size_t width, size_t m, kws_complex *data, float *array) {
  for (size_t k = 0; k < m; k++) data[k] = kws_mul(data[k], kws_root((double)k, 2.0 * (double)m));
  kws_reference_fft(m, data);
  put_spectrum(width, m, data, array);
}

/* With E and O the spectra of the even and the odd samples of x, P and Q those of g, and
 * w = e^(-2 pi i k / m), those of the product are P E + w Q O and Q E + P O. In Z = E + i O, whose
 * conjugate at m - k is E - i O, the product's is S Z_k + T conj Z_{m-k} with
 *     S = P + i (1 - w) Q / 2,   T = i (1 + w) Q / 2. */
static void circulant_spectra(size_t width, size_t m, const float *g, kws_complex *even,
                              kws_complex *odd, float *same, float *mirrored) {
  for (size_t k = 0; k < m; k++) {
    even[k] = (kws_complex){g[2 * k], 0.0};
    odd[k] = (kws_complex){g[2 * k + 1], 0.0};
  }
  kws_reference_fft(m, even);
  kws_reference_fft(m, odd);
  for (size_t k = 0; k < m; k++) {
    const kws_complex w = kws_root(-2.0 * (double)k, (double)m);
    const kws_complex minus = {0.5 * w.im, 0.5 * (1.0 - w.re)}; /* i (1 - w) / 2 */
    const kws_complex plus = {-0.5 * w.im, 0.5 * (1.0 + w.re)}; /* i (1 + w) / 2 */
    even[k] = kws_add(even[k], kws_mul(minus, odd[k]));
    odd[k] = kws_mul(plus, odd[k]);
  }
  put_spectrum(width, m, even, same);
  put_spectrum(width, m, odd, mirrored);
}

/* The first column of the skew-circulant of length 2 m whose upper left corner is the n x n
 * Toeplitz matrix of first column c, wrapped around with a sign: c below the diagonal and,
 * as column elements 2 m - k, above it. */
static void embed(size_t n, size_t m, const float *c, double sign, kws_complex *data) {
  memset(data, 0, m * sizeof *data);
  for (size_t k = 0; k < n; k++) data[k].re = c[k];
  for (size_t k = 1; k < n; k++) data[m - k].im = -sign * (double)c[n - k];
}

static void make_spectra(const kws_ldr_plan *plan, layout *l, const float *g, const float *h,
                         kws_complex *scratch) {
  const size_t n = (size_t)kws_ldr_size(&plan->shape), m = plan->transform.m;
  const size_t width = plan->method.kernels->width;
  kws_fft_twiddles(width, m, l->twiddles);
  for (size_t k = 0; k < m; k++) put(width, k, kws_root((double)k, 2.0 * (double)m), l->twist);
  for (size_t i = 0; i < (size_t)plan->shape.rank; i++, g += n, h += n) {
    float *skew = l->skew + i * 2 * m, *same = l->same + i * 2 * m;
    if (is_circular(plan)) {
      for (size_t k = 0; k < m; k++) scratch[k] = (kws_complex){h[k], h[k + m]};
      skew_spectrum(width, m, scratch, skew);
      circulant_spectra(width, m, g, scratch, scratch + m, same, l->mirrored + i * 2 * m);
    } else {
      embed(n, m, h, -1.0, scratch);
      skew_spectrum(width, m, scratch, skew);
      embed(n, m, g, 1.0, scratch);
      skew_spectrum(width, m, scratch, same);
    }
  }
}

/* ---- The plan -------------------------------------------------------------------------------- */

kws_ldr_plan *kws_ldr_plan_init(void *memory, const kws_ldr_shape *shape, kws_ldr_method method,
                                const float *g, const float *h, const float *bias, void *scratch) {
  kws_ldr_plan *plan = aligned(memory);
  layout l = lay_out(shape, method, (float *)plan);
  const size_t inputs = (size_t)shape->inputs, units = (size_t)shape->units;
  const size_t rank = (size_t)shape->rank;
  const size_t panel = 2 * method.kernels->width;
  *plan = (kws_ldr_plan){.shape = *shape, .method = method};
  memset(l.bias, 0, (units + panel - 1) / panel * panel * sizeof *l.bias);
  if (bias) memcpy(l.bias, bias, units * sizeof *bias);
  if (method.by_transforms) {
    const size_t m = kws_ldr_fft_length(shape, method.kernels);
    plan->transform = (kws_transform){inputs,     units,   rank,   m,      l.bias,
                                      l.twiddles, l.twist, l.skew, l.same, l.mirrored};
    make_spectra(plan, &l, g, h, aligned(scratch));
  } else {
    plan->dense = (kws_dense){inputs, units, l.bias, l.panels};
    materialise(shape, g, h, panel, l.panels);
  }
  return plan;
}

void kws_ldr_execute(const kws_ldr_plan *plan, size_t batch, const float *x, float *y,
                     void *scratch) {
  const kws_kernels *kernels = plan->method.kernels;
  if (!plan->method.by_transforms) {
    kernels->dense(&plan->dense, batch, x, y);
    return;
  }
  float *work = aligned(scratch);
  for (size_t row = 0; row < batch; row++) {
    if (is_circular(plan))
      kernels->circular(&plan->transform, x, y, work);
    else
      kernels->embedded(&plan->transform, x, y, work);
    x += plan->shape.inputs;
    y += plan->shape.units;
  }
}
