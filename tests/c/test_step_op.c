/* KwsTemporalStep behind a mock of TFLite's context: on windows and, with its state, call by call
 * through a stream, against its definition in double precision; malformed nodes are refused, and no
 * bytes of options make it read or write where it must not (run it under the sanitizers). */
#include <math.h>

#include "mock_tflite.h"
#include "reference.h"
#include "temporal_step_op.h"

enum { X, PACKED, BEFORE, Y, AFTER };
enum { MOST = 12, CALLS = 6, MAX_STEPS = 160, MAX_OPTIONS = 128, SCALES = 3 };

typedef struct {
  int version, inputs, units, rank, taps, stride, shortcut, history, pool;
  int batch, steps; /* of x in a call */
} test_case;

/* ---- Options: a flexbuffer map whose offsets and values take a byte each --------------------- */

static uint8_t options[MAX_OPTIONS];
static int options_size;

static void set_options(const test_case *c) {
  /* Keys are sorted; the first two are of version 2 only. */
  const char *const keys[] = {"history", "pool", "rank", "shortcut", "stride", "taps", "units",
                              "version"};
  const int values[] = {c->history, c->pool, c->rank, c->shortcut, c->stride, c->taps, c->units,
                        c->version};
  const int first = c->version == 1 ? 2 : 0, count = 8 - first;
  int at[8], size = 0;
  for (int k = first; k < 8; k++) {
    at[k] = size;
    memcpy(options + size, keys[k], strlen(keys[k]) + 1);
    size += (int)strlen(keys[k]) + 1;
  }
  options[size++] = (uint8_t)count;
  const int names = size;
  for (int k = first; k < 8; k++, size++) options[size] = (uint8_t)(size - at[k]);
  options[size] = (uint8_t)(size - names);
  options[size + 1] = 1;
  options[size + 2] = (uint8_t)count;
  size += 3;
  const int map = size;
  for (int k = first; k < 8; k++) options[size++] = (uint8_t)values[k];
  for (int k = first; k < 8; k++) options[size++] = 1 << 2; /* an int of one byte */
  options[size] = (uint8_t)(size - map);
  options[size + 1] = 9 << 2; /* a map */
  options[size + 2] = 1;
  options_size = size + 3;
}

/* ---- A node of random numbers ---------------------------------------------------------------- */

static unsigned seed = 1;

static int random_int(int from, int to) { /* both may come */
  seed = seed * 1664525u + 1013904223u;
  return from + (int)((seed >> 8) % (unsigned)(to - from + 1));
}

static const float SCALE[SCALES] = {0.01f, 0.02f, 0.03f};
static int8_t mix[2 * MOST * MOST], weights[MOST * MOST], bias[MOST];

static int size_of(const test_case *c) { return c->inputs > c->units ? c->inputs : c->units; }

static int mix_size(const test_case *c) {
  return c->rank ? 2 * c->rank * size_of(c) : c->inputs * c->units;
}

static void append(size_t *bytes, const void *data, size_t size) {
  memcpy((char *)tensors[PACKED].data + *bytes, data, size);
  *bytes += size;
}

static int outputs_of(const test_case *c) {
  return (c->steps + c->history - c->taps) / c->stride + 1;
}

static int state_rows(const test_case *c) {
  return c->history + (c->shortcut ? c->taps / 2 : 0) + (c->pool ? c->pool - outputs_of(c) : 0);
}

static void set_up(const test_case *c) {
  int8_t *const parts[] = {mix, weights, bias};
  const int sizes[] = {mix_size(c), c->taps * c->units, c->units};
  set_tensor(PACKED, kTfLiteMmapRo, 1,
             (int[]){SCALES + (sizes[0] + sizes[1] + sizes[2] + 3) / 4});
  tensors[PACKED].type = kTfLiteInt8;
  size_t bytes = 0;
  append(&bytes, SCALE, sizeof SCALE);
  for (int part = 0; part < 3; part++) {
    for (int i = 0; i < sizes[part]; i++) parts[part][i] = (int8_t)random_int(-127, 127);
    append(&bytes, parts[part], (size_t)sizes[part]);
  }
  tensors[PACKED].data = realloc(tensors[PACKED].data, bytes);
  tensors[PACKED].bytes = bytes;
  float *x = set_tensor(X, kTfLiteMemNone, 4, (int[]){c->batch, 1, c->steps, c->inputs});
  memset(x, 0, tensors[X].bytes);
  set_tensor(Y, kTfLiteMemNone, 1, (int[]){1});
  const bool streams = c->version > 1;
  if (streams) {
    float *before =
        set_tensor(BEFORE, kTfLiteMemNone, 4, (int[]){c->batch, 1, state_rows(c), c->units});
    memset(before, 0, tensors[BEFORE].bytes);
    set_tensor(AFTER, kTfLiteMemNone, 1, (int[]){1});
  }
  set_options(c);
  model_node = (TfLiteNode){.inputs = int_array(streams ? 3 : 2, (int[]){X, PACKED, BEFORE}),
                            .outputs = int_array(streams ? 2 : 1, (int[]){Y, AFTER}),
                            .custom_initial_data = options,
                            .custom_initial_data_size = options_size};
}

/* ---- The definition -------------------------------------------------------------------------- */

static double matrix[MOST][MOST]; /* units x inputs */

static void make_matrix(const test_case *c) {
  const int n = size_of(c);
  float g[2 * MOST], h[2 * MOST];
  for (int i = 0; i < c->rank * n; i++) {
    g[i] = SCALE[0] * (float)mix[i];
    h[i] = SCALE[0] * (float)mix[c->rank * n + i];
  }
  for (int j = 0; j < c->inputs; j++) {
    double unit[MOST] = {0.0}, column[MOST];
    unit[j] = 1.0;
    reference_toeplitz_like(c->inputs, c->units, c->rank, g, h, unit, column);
    for (int i = 0; i < c->units; i++)
      matrix[i][j] = c->rank ? column[i] : (double)SCALE[0] * mix[i * c->inputs + j];
  }
}

/* Inputs of all calls; there was nothing but zeros before. */
static double stream[MAX_STEPS][MOST];

static double input(int step, int channel) { return step < 0 ? 0.0 : stream[step][channel]; }

/* The output whose filter begins at input `first` and whose shortcut takes input `middle`. */
static double defined(const test_case *c, int first, int middle, int unit) {
  double sum = (double)SCALE[2] * bias[unit];
  for (int k = 0; k < c->taps; k++) {
    const double weight = (double)SCALE[1] * weights[k * c->units + unit];
    for (int i = 0; i < c->inputs; i++) sum += weight * matrix[unit][i] * input(first + k, i);
  }
  if (c->shortcut) sum += input(middle, unit);
  return sum > 0.0 ? sum : 0.0;
}

/* Output `t` since the stream began. */
static double streamed(const test_case *c, int t, int unit) {
  return t < 0 ? 0.0 : defined(c, t * c->stride - c->history, t - c->taps / 2, unit);
}

static double pooled(const test_case *c, int last, int unit) {
  double sum = 0.0;
  for (int t = last - c->pool + 1; t <= last; t++) sum += streamed(c, t, unit);
  return sum / c->pool;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static bool near(double value, double expected) {
  return fabs(value - expected) <= 2e-5 * (1.0 + fabs(expected));
}

/* Fills x of a call, and the definition's; a second item of a batch hears silence. */
static void hear(const test_case *c, int call) {
  float *x = tensors[X].data;
  for (int t = 0; t < c->steps; t++)
    for (int i = 0; i < c->inputs; i++) {
      const float value = (float)random_int(-1000, 1000) / 500.0f;
      stream[call * c->steps + t][i] = value;
      for (int item = 0; item < c->batch; item++)
        x[(item * c->steps + t) * c->inputs + i] = item ? 0.0f : value;
    }
}

static void check_item(const test_case *c, int call) {
  const int outputs = outputs_of(c), rows = c->pool ? 1 : outputs;
  const float *y = tensors[Y].data;
  expect(tensors[Y].dims->size == 4 && tensors[Y].dims->data[2] == rows &&
             tensors[Y].dims->data[3] == c->units,
         "shape of y", message);
  for (int row = 0; row < rows; row++)
    for (int unit = 0; unit < c->units; unit++) {
      const int t = call * outputs + row;
      const double expected = c->version == 1 ? defined(c, row * c->stride,
                                                        row + (c->taps - 1) / 2, unit)
                              : c->pool ? pooled(c, (call + 1) * outputs - 1, unit)
                                        : streamed(c, t, unit);
      expect(near(y[row * c->units + unit], expected), "value", c->pool ? "pooled" : "of the step");
    }
}

/* The second item of a batch hears silence, so that its values are those of zeros. */
static void check_silence(const test_case *c, int call) {
  const int rows = c->pool ? 1 : outputs_of(c), known = (call + 1) * outputs_of(c);
  const float *y = (const float *)tensors[Y].data + rows * c->units;
  for (int row = 0; row < rows; row++)
    for (int unit = 0; unit < c->units; unit++) {
      const double rest = fmax(0.0, (double)SCALE[2] * bias[unit]);
      const double share = c->pool ? fmin(known, c->pool) / c->pool : 1.0;
      expect(near(y[row * c->units + unit], rest * share), "value", "in silence");
    }
}

static void test_case_runs(const test_case *c) {
  const TfLiteRegistration op = kws_temporal_step_registration();
  TfLiteNode node;
  set_up(c);
  make_matrix(c);
  expect(begin_node(op, &node) == kTfLiteOk, "a good node is prepared", message);
  for (int call = 0; call < (c->version == 1 ? 1 : CALLS); call++) {
    hear(c, call);
    expect(op.invoke(&context, &node) == kTfLiteOk, "a good node runs", message);
    check_item(c, call);
    if (c->batch > 1) check_silence(c, call);
    if (c->version > 1) memcpy(tensors[BEFORE].data, tensors[AFTER].data, tensors[AFTER].bytes);
  }
  end_node(op, &node);
  tear_down();
}

static test_case random_case(int version) {
  test_case c = {.version = version, .batch = random_int(1, 2), .shortcut = random_int(0, 1)};
  c.inputs = random_int(1, MOST);
  c.units = c.shortcut ? c.inputs : random_int(1, MOST);
  c.rank = random_int(0, 2);
  c.taps = random_int(1, 7);
  c.stride = c.shortcut ? 1 : random_int(1, 3);
  c.steps = c.taps + random_int(0, 9);
  if (version == 1) return c;
  c.steps = c.stride * random_int(1, 8);
  const int least = c.taps > c.stride ? c.taps - c.stride : 0;
  c.history = random_int(least, c.taps - 1);
  c.pool = random_int(0, 1) ? outputs_of(&c) + random_int(0, 9) : 0;
  return c;
}

static void test_definition(void) {
  for (int trial = 0; trial < 600; trial++) {
    const test_case c = random_case(1 + trial % 2);
    if (c.version == 1 || state_rows(&c)) test_case_runs(&c);
  }
}

static const test_case WINDOW = {1, 3, 3, 1, 2, 1, 1, 0, 0, 1, 4};
static const test_case STREAM = {2, 3, 3, 1, 2, 1, 1, 1, 6, 1, 4};

static void refuse_case(test_case c, const char *reason) {
  set_up(&c);
  expect_refusal(kws_temporal_step_registration(), reason);
}

static void test_options_refused(void) {
  test_case c = STREAM;
  c.version = 3, refuse_case(c, "newer version");
  c.version = 0, refuse_case(c, "newer version");
  c = STREAM, c.history = 0, refuse_case(c, "the history must be at least taps - stride");
  c = STREAM, c.history = 2, refuse_case(c, "the history must be at least taps - stride");
  c = STREAM, c.pool = 3, refuse_case(c, "the pool must hold all outputs");
  c = STREAM, c.shortcut = 2, refuse_case(c, "are damaged or missing");
  c = STREAM, c.shortcut = 0, c.stride = 3, refuse_case(c, "a multiple of stride steps");
  c = STREAM, c.taps = 1, c.history = 0, c.pool = 0, refuse_case(c, "nothing of the past");
  c = WINDOW, c.taps = 5, refuse_case(c, "at least as many steps as taps");
  c = WINDOW, c.stride = 0, refuse_case(c, "taps and stride must be between");
}

static void refuse_step(const char *reason) {
  expect_refusal(kws_temporal_step_registration(), reason);
}

static void test_tensors_refused(void) {
  const char *const state = "the state must be float32 of the size that its options say";
  set_up(&STREAM), tensors[BEFORE].dims->data[2]++, refuse_step(state);
  set_up(&STREAM), tensors[BEFORE].dims->data[3]--, refuse_step(state);
  set_up(&STREAM), tensors[BEFORE].dims->data[0] = 2, refuse_step(state);
  set_up(&STREAM), tensors[BEFORE].dims->size = 3, refuse_step(state);
  set_up(&STREAM), tensors[BEFORE].type = kTfLiteInt8, refuse_step(state);
  set_up(&STREAM), model_node.inputs->data[2] = 99, refuse_step(state);
  set_up(&STREAM), model_node.inputs->data[2] = -1, refuse_step(state);
  set_up(&STREAM), model_node.inputs->size = 2, refuse_step("three inputs and two outputs");
  set_up(&STREAM), model_node.outputs->size = 1, refuse_step("three inputs and two outputs");
  set_up(&STREAM), tensors[AFTER].type = kTfLiteInt8, refuse_step("outputs must be float32");
  set_up(&STREAM), model_node.outputs->data[1] = 99, refuse_step("outputs must be float32");
  set_up(&STREAM), tensors[BEFORE].bytes -= 4, refuse_step("not of the batch");
  set_up(&STREAM), tensors[X].dims->data[2] = 0, refuse_step("between 1 and 65536 steps");
  set_up(&WINDOW), tensors[X].dims->data[2] = -1, refuse_step("between 1 and 65536 steps");
  set_up(&WINDOW), tensors[X].bytes -= 4, refuse_step("not of the batch");
  set_up(&WINDOW), tensors[X].dims->data[3] = -1, refuse_step("inputs and units must be");
  set_up(&WINDOW), tensors[X].dims->size = 1, refuse_step("at least two dimensions");
  set_up(&WINDOW), tensors[X].type = kTfLiteInt8, refuse_step("x must be float32");
  set_up(&WINDOW), tensors[Y].type = kTfLiteInt8, refuse_step("outputs must be float32");
  set_up(&WINDOW), model_node.inputs->size = 1, refuse_step("two inputs and one output");
  set_up(&WINDOW), tensors[PACKED].type = kTfLiteFloat32, refuse_step("an int8 constant");
  set_up(&WINDOW), tensors[PACKED].allocation_type = kTfLiteMemNone, refuse_step("int8 constant");
  set_up(&WINDOW), model_node.custom_initial_data = NULL, refuse_step("options are damaged");
}

/* Constants of any other length than what the options say. */
static void test_truncated_constants(void) {
  const test_case cases[] = {WINDOW, STREAM};
  for (int i = 0; i < 2; i++) {
    set_up(&cases[i]);
    const size_t whole = tensors[PACKED].bytes;
    tear_down();
    for (size_t bytes = 0; bytes < whole; bytes++) {
      set_up(&cases[i]);
      tensors[PACKED].data = realloc(tensors[PACKED].data, bytes ? bytes : 1);
      tensors[PACKED].bytes = bytes;
      refuse_step("an int8 constant of the size that its options say");
    }
  }
}

/* Every byte of the options replaced by every value: run or refused, never beyond a tensor. */
static void test_damaged_options(void) {
  const test_case cases[] = {WINDOW, STREAM};
  for (int i = 0; i < 2; i++) {
    set_options(&cases[i]);
    for (int at = 0, size = options_size; at < size; at++)
      for (int byte = 0; byte < 256; byte++) {
        set_up(&cases[i]);
        options[at] = (uint8_t)byte;
        run_node(kws_temporal_step_registration());
        tear_down();
      }
  }
}

int main(void) {
  test_definition();
  test_options_refused();
  test_tensors_refused();
  test_truncated_constants();
  test_damaged_options();
  if (!failures) puts("ok");
  return failures != 0;
}
