/* Every kernel: the structured product against the sum of explicit matrices in double precision,
 * the FFT against one in double precision and that against the definition of the DFT, and several
 * threads on one plan. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>

#include "check.h"
#include "reference.h"
#include "spectrum.h"
#include "storage.h"
#include "toeplitz_like.h"

static float *random_floats(size_t count) {
  float *values = malloc(count * sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = uniform();
  return values;
}

static double decibel(double energy, double error) {
  return 10.0 * log10(energy / (error + 1e-300));
}

static void *aligned_floats(size_t count) { return aligned_alloc(64, (count * 4 + 63) / 64 * 64); }

static void test_reference_fft(size_t m) {
  kws_complex *x = malloc(m * sizeof *x), *data = malloc(m * sizeof *data);
  for (size_t k = 0; k < m; k++) data[k] = x[k] = (kws_complex){uniform(), uniform()};
  kws_reference_fft(m, data);
  double error = 0.0, energy = 0.0;
  for (size_t k = 0; k < m; k++) {
    const kws_complex sum = reference_dft(m, x, k);
    error += pow(data[k].re - sum.re, 2) + pow(data[k].im - sum.im, 2);
    energy += sum.re * sum.re + sum.im * sum.im;
  }
  expect(decibel(energy, error) > 250.0, "reference FFT against the DFT", decibel(energy, error));
  free(x), free(data);
}

static void test_fft(const kws_kernels *kernels, size_t m) {
  const size_t width = kernels->width;
  float *twiddles = aligned_floats(2 * m), *data = aligned_floats(2 * m);
  kws_complex *x = malloc(m * sizeof *x), *spectrum = malloc(m * sizeof *spectrum);
  kws_fft_twiddles(width, m, twiddles);
  for (size_t k = 0; k < m; k++) {
    spectrum[k] = x[k] = (kws_complex){uniform(), uniform()};
    data[kws_complex_at(width, k)] = (float)x[k].re;
    data[kws_complex_at(width, k) + width] = (float)x[k].im;
  }
  kws_reference_fft(m, spectrum);

  kernels->forward(m, twiddles, data);
  double error = 0.0, energy = 0.0;
  for (size_t place = 0; place < m; place++) {
    const kws_complex expected = spectrum[kws_fft_frequency(width, m, place)];
    const size_t at = kws_complex_at(width, place);
    error += pow(data[at] - expected.re, 2) + pow(data[at + width] - expected.im, 2);
    energy += pow(expected.re, 2) + pow(expected.im, 2);
  }
  expect(decibel(energy, error) > 130.0, kernels->name, decibel(energy, error));

  kernels->inverse(m, twiddles, data);
  error = energy = 0.0;
  for (size_t k = 0; k < m; k++) {
    const size_t at = kws_complex_at(width, k);
    error +=
        pow(data[at] / (double)m - x[k].re, 2) + pow(data[at + width] / (double)m - x[k].im, 2);
    energy += pow(x[k].re, 2) + pow(x[k].im, 2);
  }
  expect(decibel(energy, error) > 130.0, "inverse of forward", decibel(energy, error));
  free(twiddles), free(data), free(x), free(spectrum);
}

/* y (units) by the definition. */
static void by_definition(kws_ldr_shape shape, const float *g, const float *h, const float *bias,
                          const float *x, double *y) {
  double *wide = malloc((size_t)shape.inputs * sizeof *wide);
  for (int i = 0; i < shape.inputs; i++) wide[i] = x[i];
  reference_toeplitz_like(shape.inputs, shape.units, shape.rank, g, h, wide, y);
  for (int u = 0; bias && u < shape.units; u++) y[u] += bias[u];
  free(wide);
}

static double snr_of(kws_ldr_shape shape, kws_ldr_method method, size_t batch, const float *g,
                     const float *h, const float *bias, const float *x, const double *expected) {
  const size_t count = batch * (size_t)shape.units;
  float *y = malloc(count * sizeof *y);
  void *memory = malloc(kws_ldr_plan_bytes(&shape, method));
  void *scratch = malloc(kws_ldr_scratch_bytes(&shape, method) + 1);
  const kws_ldr_plan *plan = kws_ldr_plan_init(memory, &shape, method, g, h, bias, scratch);
  kws_ldr_execute(plan, batch, x, y, scratch);
  double error = 0.0, energy = 0.0;
  for (size_t k = 0; k < count; k++) {
    error += pow(y[k] - expected[k], 2);
    energy += expected[k] * expected[k];
  }
  free(y), free(memory), free(scratch);
  return decibel(energy, error);
}

static double worst[2] = {INFINITY, INFINITY}; /* by matrix and by transforms */

/* Every kernel by either method. */
static void test_product(int inputs, int units, int rank, size_t batch, int with_bias) {
  const kws_ldr_shape shape = {inputs, units, rank};
  const size_t n = (size_t)kws_ldr_size(&shape);
  float *g = random_floats((size_t)rank * n), *h = random_floats((size_t)rank * n);
  float *bias = with_bias ? random_floats((size_t)units) : NULL;
  float *x = random_floats(batch * (size_t)inputs);
  double *expected = malloc(batch * (size_t)units * sizeof *expected);
  for (size_t row = 0; row < batch; row++)
    by_definition(shape, g, h, bias, x + row * (size_t)inputs, expected + row * (size_t)units);

  size_t count;
  const kws_kernels *const *all = kws_all_kernels(&count);
  for (size_t k = 0; k < 2 * count; k++) {
    const kws_ldr_method method = {k % 2, all[k / 2]};
    const double snr = snr_of(shape, method, batch, g, h, bias, x, expected);
    if (!(snr > 120.0))
      fprintf(stderr, "%s by %s, %d -> %d, rank %d, batch %zu: ", method.kernels->name,
              method.by_transforms ? "transforms" : "matrix", inputs, units, rank, batch);
    expect(snr > 120.0, "product against the definition, dB", snr);
    worst[k % 2] = fmin(worst[k % 2], snr);
  }
  free(g), free(h), free(bias), free(x), free(expected);
}

static void test_shapes(void) {
  const kws_ldr_shape refused[] = {
      {0, 4, 1},       {4, 0, 1},       {4, 4, 0},  {-1, 4, 1},
      {1 << 17, 4, 1}, {4, 4, 1 << 20}, {4, 4, -2}, {65535, 65535, 1 << 10}};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    expect(kws_ldr_plan_bytes(&refused[i], kws_ldr_choose(&refused[i], 1)) == 0,
           "a shape that must be refused", (double)i);
}

/* Half-precision numbers by their definition: all 65536. */
static void test_halves(void) {
  for (int bits = 0; bits < 1 << 16; bits++) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double size = exponent ? pow(2.0, exponent - 15) * (1.0 + fraction / 1024.0)
                                 : pow(2.0, -14) * (fraction / 1024.0);
    const double expected = bits >> 15 ? -size : size, value = kws_half((uint16_t)bits);
    if (exponent < 31)
      expect(value == expected, "half", bits);
    else
      expect(fraction ? isnan(value) : isinf(value) && (value < 0) == (bits >> 15), "half", bits);
  }
}

/* Two threads, one plan: the results must be those of one thread. */
typedef struct {
  const kws_ldr_plan *plan;
  const float *x;
  float *y;
  void *scratch;
} task;

static int run_task(void *argument) {
  const task *t = argument;
  for (int i = 0; i < 50; i++) kws_ldr_execute(t->plan, 4, t->x, t->y, t->scratch);
  return 0;
}

static void test_threads(void) {
  const kws_ldr_shape shape = {512, 512, 2};
  float *g = random_floats(1024), *h = random_floats(1024);
  float *x[2] = {random_floats(2048), random_floats(2048)};
  float *y[2] = {random_floats(2048), random_floats(2048)}, *alone = random_floats(2048);
  size_t count;
  const kws_ldr_method method = {true, kws_all_kernels(&count)[0]};
  void *memory = malloc(kws_ldr_plan_bytes(&shape, method));
  const size_t scratch_bytes = kws_ldr_scratch_bytes(&shape, method);
  void *scratch[2] = {malloc(scratch_bytes), malloc(scratch_bytes)};
  const kws_ldr_plan *plan = kws_ldr_plan_init(memory, &shape, method, g, h, NULL, scratch[0]);
  thrd_t threads[2];
  task tasks[2];
  for (int i = 0; i < 2; i++) {
    tasks[i] = (task){plan, x[i], y[i], scratch[i]};
    thrd_create(&threads[i], run_task, &tasks[i]);
  }
  for (int i = 0; i < 2; i++) thrd_join(threads[i], NULL);
  for (int i = 0; i < 2; i++) {
    kws_ldr_execute(plan, 4, x[i], alone, scratch[i]);
    for (int k = 0; k < 2048; k++) expect(y[i][k] == alone[k], "threads disturb each other", k);
    free(x[i]), free(y[i]), free(scratch[i]);
  }
  free(g), free(h), free(alone), free(memory);
}

int main(void) {
  for (size_t m = 1; m <= 512; m *= 2) test_reference_fft(m);
  size_t count;
  const kws_kernels *const *all = kws_all_kernels(&count);
  for (size_t i = 0; i < count; i++) {
    printf("%s\n", all[i]->name);
    for (size_t m = all[i]->width * all[i]->width; m <= 8192; m *= 2) test_fft(all[i], m);
  }
  const int sizes[] = {1, 2, 3, 7, 16, 31, 64, 97, 100, 128, 255, 256, 300, 512, 1024};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int rank = 1; rank <= 4; rank++) test_product(sizes[i], sizes[i], rank, 2, rank % 2);
  const int shapes[][2] = {{1, 9},     {9, 1},      {40, 64},    {256, 12},
                           {100, 256}, {700, 1024}, {1024, 650}, {130, 90}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int rank = 1; rank <= 4; rank++) test_product(shapes[i][0], shapes[i][1], rank, 3, 1);
  for (size_t batch = 1; batch <= 13; batch++) test_product(37, 53, 1, batch, 1);
  test_product(1674, 1674, 1, 1, 0);
  test_product(2048, 2048, 2, 1, 0);
  test_shapes();
  test_halves();
  test_threads();
  printf("lowest SNR: %.1f dB by matrix, %.1f dB by transforms\n", worst[0], worst[1]);
  if (!failures) puts("ok");
  return failures != 0;
}
