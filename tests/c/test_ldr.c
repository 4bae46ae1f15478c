/* The structured product against the sum of explicit matrices in double precision, the FFT against
 * the definition of the DFT, and several threads on one plan. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>

#include "fft.h"
#include "toeplitz_like.h"

static int failures;

static void expect(int condition, const char *what, double value) {
  if (condition) return;
  fprintf(stderr, "failed: %s (%g)\n", what, value);
  failures++;
}

static uint32_t seed = 1;

static float uniform(void) { /* xorshift, in [-1, 1) */
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return (float)seed / 2147483648.0f - 1.0f;
}

static float *random_floats(size_t count) {
  float *values = malloc(count * sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = uniform();
  return values;
}

static void test_fft(size_t length) {
  kws_complex *twiddles = malloc((length / 2 + 1) * sizeof *twiddles);
  kws_complex *x = malloc(length * sizeof *x), *data = malloc(length * sizeof *data);
  kws_complex *work = malloc(length * sizeof *work);
  kws_fft_twiddles(length, twiddles);
  for (size_t k = 0; k < length; k++) data[k] = x[k] = (kws_complex){uniform(), uniform()};

  kws_fft_forward(length, twiddles, data, work);
  double error = 0.0, energy = 0.0;
  for (size_t k = 0; k < length; k++) {
    double re = 0.0, im = 0.0;
    for (size_t j = 0; j < length; j++) {
      const double angle = -2.0 * acos(-1.0) * (double)(j * k % length) / (double)length;
      re += x[j].re * cos(angle) - x[j].im * sin(angle);
      im += x[j].re * sin(angle) + x[j].im * cos(angle);
    }
    error += pow(data[k].re - re, 2) + pow(data[k].im - im, 2);
    energy += re * re + im * im;
  }
  const double snr = 10.0 * log10(energy / (error + 1e-300));
  expect(snr > 120.0, "FFT against the DFT, dB", snr);

  kws_fft_inverse(length, twiddles, data, work);
  for (size_t k = 0; k < length; k++) {
    expect(fabs(data[k].re / (double)length - x[k].re) < 1e-5, "inverse of forward", data[k].re);
    expect(fabs(data[k].im / (double)length - x[k].im) < 1e-5, "inverse of forward", data[k].im);
  }
  free(twiddles), free(x), free(data), free(work);
}

/* y = crop(sum Z_1(g) Z_{-1}(h) pad(x)) + bias from the definition of the two matrices. */
static void by_definition(kws_ldr_shape shape, const float *g, const float *h, const float *bias,
                          const float *x, double *y) {
  const int n = kws_ldr_size(&shape);
  double *between = malloc((size_t)n * sizeof *between);
  for (int u = 0; u < shape.units; u++) y[u] = bias ? bias[u] : 0.0;
  for (int i = 0; i < shape.rank; i++) {
    for (int u = 0; u < n; u++) {
      between[u] = 0.0;
      for (int v = 0; v < shape.inputs; v++) {
        const double entry = u >= v ? h[i * n + u - v] : -h[i * n + n + u - v];
        between[u] += entry * x[v];
      }
    }
    for (int u = 0; u < shape.units; u++)
      for (int v = 0; v < n; v++) y[u] += (double)g[i * n + (u - v + n) % n] * between[v];
  }
  free(between);
}

static void test_product(int inputs, int units, int rank, size_t batch, int with_bias) {
  const kws_ldr_shape shape = {inputs, units, rank};
  const size_t n = (size_t)kws_ldr_size(&shape);
  float *g = random_floats((size_t)rank * n), *h = random_floats((size_t)rank * n);
  float *bias = with_bias ? random_floats((size_t)units) : NULL;
  float *x = random_floats(batch * (size_t)inputs), *y = random_floats(batch * (size_t)units);
  double *expected = malloc((size_t)units * sizeof *expected);
  void *memory = malloc(kws_ldr_plan_bytes(&shape));
  void *scratch = malloc(kws_ldr_scratch_bytes(&shape) + 1);

  const kws_ldr_plan *plan = kws_ldr_plan_init(memory, &shape, g, h, bias, scratch);
  kws_ldr_execute(plan, batch, x, y, scratch);

  double error = 0.0, energy = 0.0;
  for (size_t row = 0; row < batch; row++) {
    by_definition(shape, g, h, bias, x + row * (size_t)inputs, expected);
    for (int u = 0; u < units; u++) {
      error += pow(y[row * (size_t)units + (size_t)u] - expected[u], 2);
      energy += expected[u] * expected[u];
    }
  }
  const double snr = 10.0 * log10(energy / (error + 1e-300));
  if (!(snr > 120.0)) fprintf(stderr, "%d -> %d, rank %d: ", inputs, units, rank);
  expect(snr > 120.0, "product against the definition, dB", snr);
  free(g), free(h), free(bias), free(x), free(y), free(expected), free(memory), free(scratch);
}

static void test_shapes(void) {
  const kws_ldr_shape refused[] = {{0, 4, 1},  {4, 0, 1},        {4, 4, 0},
                                   {-1, 4, 1}, {1 << 17, 4, 1},  {4, 4, 1 << 20},
                                   {4, 4, -2}, {65535, 65535, 1}};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    expect(kws_ldr_plan_bytes(&refused[i]) == 0, "a shape that must be refused", (double)i);
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
  void *memory = malloc(kws_ldr_plan_bytes(&shape));
  const size_t scratch_bytes = kws_ldr_scratch_bytes(&shape);
  void *scratch[2] = {malloc(scratch_bytes), malloc(scratch_bytes)};
  const kws_ldr_plan *plan = kws_ldr_plan_init(memory, &shape, g, h, NULL, scratch[0]);
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
  for (size_t length = 1; length <= 1024; length *= 2) test_fft(length);
  const int sizes[] = {1, 2, 3, 7, 16, 31, 64, 97, 100, 128, 255, 256, 512, 1024};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int rank = 1; rank <= 4; rank++) test_product(sizes[i], sizes[i], rank, 2, rank % 2);
  const int shapes[][2] = {{1, 9}, {9, 1}, {40, 64}, {256, 12}, {100, 256}, {700, 1024}, {1024, 650}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int rank = 1; rank <= 4; rank++)
      test_product(shapes[i][0], shapes[i][1], rank, 3, 1);
  test_product(1674, 1674, 1, 1, 0);
  test_product(2048, 2048, 2, 1, 0);
  test_shapes();
  test_threads();
  if (!failures) puts("ok");
  return failures != 0;
}
