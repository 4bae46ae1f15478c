/* The op behind a mock of TFLite's context: well-formed nodes run, malformed ones are refused with
 * a message, and no bytes of options whatsoever make it read where it must not (run it under the
 * sanitizers: cmake -DKWS_SANITIZE=ON). */
#include "flexbuffer.h"
#include "mock_tflite.h"
#include "toeplitz_like_op.h"

/* {"units": 4, "version": 1} as the converter writes it. */
static const uint8_t OPTIONS[] = {'u', 'n', 'i', 't', 's', 0,    'v', 'e', 'r', 's', 'i', 'o',
                                  'n', 0,   2,   15,  10,  2,    1,   2,   4,   1,   4,   4,
                                  4,   36,  1};

/* {"version": 2, "units": 4, "scaled": 1, "bias": 1}; the values are the bytes from 33 on, in the
 * order of the keys: bias, scaled, units, version. */
static const uint8_t OPTIONS_2[] = {
    'v', 'e', 'r', 's', 'i', 'o', 'n', 0,   'u', 'n', 'i', 't', 's', 0, 's', 'c', 'a', 'l',
    'e', 'd', 0,   'b', 'i', 'a', 's', 0,   4,   6,   14,  21,  30,  4, 1,   4,   1,   1,
    4,   2,   4,   4,   4,   4,   8,   36,  1};
enum { BIAS_AT = 34, SCALED_AT = 35 };

/* ---- The tensors of a node ------------------------------------------------------------------ */

enum { X, G, H, BIAS, Y, SCALES, INPUTS = 3, UNITS = 4, RANK = 2, BATCH = 2 };

static void set_counting(int index, TfLiteAllocationType allocation, int dims, const int *shape) {
  float *values = set_tensor(index, allocation, dims, shape);
  for (size_t i = 0; i < tensors[index].bytes / sizeof(float); i++) values[i] = (float)i;
}

static void set_up(void) {
  set_counting(X, kTfLiteMemNone, 2, (int[]){BATCH, INPUTS});
  set_counting(G, kTfLiteMmapRo, 2, (int[]){RANK, UNITS});
  set_counting(H, kTfLiteMmapRo, 2, (int[]){RANK, UNITS});
  set_counting(BIAS, kTfLiteMmapRo, 1, (int[]){UNITS});
  set_counting(Y, kTfLiteMemNone, 1, (int[]){1});
  model_node = (TfLiteNode){.inputs = int_array(4, (int[]){X, G, H, BIAS}),
                            .outputs = int_array(1, (int[]){Y}),
                            .custom_initial_data = OPTIONS,
                            .custom_initial_data_size = sizeof OPTIONS};
}

static TfLiteStatus run(void) { return run_node(kws_toeplitz_like_registration()); }

static void expect_refused(const char *reason) {
  expect_refusal(kws_toeplitz_like_registration(), reason);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void test_well_formed(void) {
  set_up();
  expect(run() == kTfLiteOk, "a good node runs", message);
  expect(tensors[Y].dims->size == 2 && tensors[Y].dims->data[0] == BATCH, "batch", "rows");
  expect(tensors[Y].dims->data[1] == UNITS, "units", "columns");
  /* x = (0 1 2 | 0), (3 4 5 | 0); g = h = (0 1 2 3), (4 5 6 7); bias = (0 1 2 3). From the
   * matrices written out in Python: sum_i Z_1(g_i) Z_{-1}(h_i) x + bias. */
  const float expected[BATCH][UNITS] = {{0, 57, -6, -93}, {492, 633, 438, 147}};
  for (int i = 0; i < BATCH * UNITS; i++)
    expect(((float *)tensors[Y].data)[i] == expected[i / UNITS][i % UNITS], "value", "well formed");
  tear_down();
}

static void test_malformed(void) {
  set_up(), tensors[X].type = 9, expect_refused("x and the output must be float32");
  set_up(), tensors[Y].type = 9, expect_refused("x and the output must be float32");
  set_up(), tensors[G].type = 7, expect_refused("g must be a float32, float16 or int8 matrix");
  set_up(), tensors[H].type = 7, expect_refused("h must be a constant");
  set_up(), tensors[BIAS].type = 9, expect_refused("the bias must be a constant");
  set_up(), tensors[G].allocation_type = 2, expect_refused("g must be a constant");
  set_up(), tensors[H].allocation_type = 2, expect_refused("h must be a constant");
  set_up(), tensors[H].bytes -= 4, expect_refused("h must be a constant");
  set_up(), tensors[X].dims->size = 0, expect_refused("at least one dimension");
  set_up(), tensors[G].dims->size = 1, expect_refused("g must be a float32, float16 or int8 matrix");
  set_up(), tensors[G].dims->data[0] = -1, expect_refused("too large, or its rank");
  set_up(), tensors[G].dims->data[0] = 1 << 30, expect_refused("too large, or its rank");
  set_up(), tensors[G].dims->data[1] = 3, expect_refused("g must be a constant (rank");
  set_up(), tensors[H].dims->data[0] = 1, expect_refused("h must be a constant (rank");
  set_up(), tensors[BIAS].dims->data[0] = 5, expect_refused("the bias must be a constant");
  set_up(), tensors[X].dims->data[1] = 1 << 20, expect_refused("between 1 and 65536");
  set_up(), tensors[X].dims->data[1] = -3, expect_refused("between 1 and 65536");
  set_up(), model_node.inputs->size = 2, expect_refused("takes 3 or 4 inputs");
  set_up(), model_node.outputs->size = 0, expect_refused("has one output");
  set_up(), model_node.inputs->data[0] = 99, expect_refused("x and the output must be float32");
  set_up(), model_node.inputs->data[1] = -1, expect_refused("g must be a float32, float16 or int8 matrix");
  set_up(), model_node.custom_initial_data = NULL, expect_refused("options are damaged");
  set_up(), model_node.custom_initial_data_size = 0, expect_refused("options are damaged");

  uint8_t options[sizeof OPTIONS];
  memcpy(options, OPTIONS, sizeof options);
  options[21] = 9;
  set_up(), model_node.custom_initial_data = options, expect_refused("newer version");
  options[21] = 1, options[20] = 0;
  set_up(), model_node.custom_initial_data = options, expect_refused("between 1 and 65536");
}

static void test_bias_is_optional(void) {
  set_up();
  model_node.inputs->data[3] = kTfLiteOptionalTensor;
  expect(run() == kTfLiteOk, "optional bias", message);
  model_node.inputs->size = 3;
  expect(run() == kTfLiteOk, "no bias", message);
  tear_down();
}

/* Version 2 with the numbers of test_well_formed, so with its result. */
static void set_up_stored(TfLiteType type, uint8_t *options) {
  static const uint16_t HALVES[] = {0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600, 0x4700};
  set_up();
  const bool scaled = type == kTfLiteInt8;
  for (int index = G; index <= H; index++) {
    tensors[index].type = type;
    tensors[index].bytes = RANK * UNITS * (scaled ? 1 : 2);
    for (int k = 0; k < RANK * UNITS; k++)
      if (scaled)
        ((int8_t *)tensors[index].data)[k] = (int8_t)k;
      else
        ((uint16_t *)tensors[index].data)[k] = HALVES[k];
  }
  set_tensor(SCALES, kTfLiteMmapRo, 2, (int[]){2, RANK});
  memcpy(tensors[SCALES].data, (float[]){0.5f, 0.25f, 2.0f, 4.0f}, 4 * sizeof(float));
  memcpy(options, OPTIONS_2, sizeof OPTIONS_2);
  options[SCALED_AT] = scaled;
  free(model_node.inputs);
  model_node.inputs = scaled ? int_array(5, (int[]){X, G, H, SCALES, BIAS})
                             : int_array(4, (int[]){X, G, H, BIAS});
  model_node.custom_initial_data = options;
  model_node.custom_initial_data_size = sizeof OPTIONS_2;
}

static void test_stored(void) {
  uint8_t options[sizeof OPTIONS_2];
  const TfLiteType types[] = {kTfLiteFloat16, kTfLiteInt8};
  for (int i = 0; i < 2; i++) {
    set_up_stored(types[i], options);
    expect(run() == kTfLiteOk, "stored generators", message);
    const float expected[] = {0, 57, -6, -93, 492, 633, 438, 147};
    for (int k = 0; k < BATCH * UNITS; k++)
      expect(((float *)tensors[Y].data)[k] == expected[k], "value", "stored");
    tear_down();
  }
  set_up_stored(kTfLiteInt8, options), tensors[H].type = kTfLiteFloat16;
  expect_refused("of the type of g");
  set_up_stored(kTfLiteInt8, options), tensors[SCALES].dims->data[0] = 1;
  expect_refused("the scales must be");
  set_up_stored(kTfLiteInt8, options), tensors[SCALES].bytes--;
  expect_refused("the scales must be");
  set_up_stored(kTfLiteInt8, options), model_node.inputs->data[3] = 77;
  expect_refused("the scales must be");
  set_up_stored(kTfLiteInt8, options), model_node.inputs->data[3] = -1;
  expect_refused("int8 generators need scales");
  set_up_stored(kTfLiteInt8, options), options[SCALED_AT] = 0, model_node.inputs->size = 4;
  expect_refused("int8 generators need scales");
  set_up_stored(kTfLiteInt8, options), options[SCALED_AT] = 2;
  expect_refused("scaled and bias must be 0 or 1");
  set_up_stored(kTfLiteInt8, options), options[BIAS_AT] = 0;
  expect_refused("what its options scaled and bias announce");
  set_up_stored(kTfLiteFloat16, options), tensors[G].bytes *= 2;
  expect_refused("g must be a constant");
}

/* Every byte of the options replaced by every value, and every truncation, in a heap block of the
 * exact size so that the sanitizer sees any read beyond it. */
static void test_options(void) {
  int64_t value = 0;
  expect(kws_flexbuffer_int(OPTIONS, sizeof OPTIONS, "units", &value) && value == 4, "units", "");
  expect(kws_flexbuffer_int(OPTIONS, sizeof OPTIONS, "version", &value) && value == 1, "version",
         "");
  expect(!kws_flexbuffer_int(OPTIONS, sizeof OPTIONS, "rank", &value), "unknown key", "rank");
  for (size_t size = 0; size <= sizeof OPTIONS; size++)
    for (size_t at = 0; at < size; at++) {
      uint8_t *bytes = malloc(size);
      memcpy(bytes, OPTIONS + sizeof OPTIONS - size, size); /* the root is at the end */
      for (int byte = 0; byte < 256; byte++) {
        bytes[at] = (uint8_t)byte;
        kws_flexbuffer_int(bytes, size, "units", &value);
        kws_flexbuffer_int(bytes, size, "version", &value);
      }
      free(bytes);
    }
}

int main(void) {
  test_well_formed();
  test_malformed();
  test_bias_is_optional();
  test_stored();
  test_options();
  if (!failures) puts("ok");
  return failures != 0;
}
