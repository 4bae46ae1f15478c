/* libFuzzer's target: a node of either op with whatever options, tensors, types and shapes the
 * bytes say, put through Init, Prepare, Invoke, a second Prepare with another batch, and Free. A
 * tensor's data is a heap block of exactly its bytes: the sanitizers see any step beyond. */
#include "mock_tflite.h"
#include "temporal_step_op.h"
#include "toeplitz_like_op.h"

static const uint8_t *input;
static size_t left;

static uint8_t next(void) { return left ? (left--, *input++) : 0; }

/* Mostly small, sometimes anything. */
static int next_int(void) {
  const uint8_t kind = next();
  if (kind < 200) return kind % 33;
  if (kind < 220) return 1 << kind % 17;
  uint32_t bits = 0;
  for (int i = 0; i < 4; i++) bits = bits << 8 | next();
  return (int)bits;
}

static TfLiteIntArray *next_ints(int most) {
  const int size = next() % (most + 1);
  TfLiteIntArray *array = malloc(sizeof *array + (size_t)size * sizeof(int));
  array->size = size;
  for (int i = 0; i < size; i++) array->data[i] = next_int();
  return array;
}

static void make_tensor(TfLiteTensor *tensor) {
  static const TfLiteType types[] = {kTfLiteFloat32, kTfLiteFloat32, kTfLiteFloat16, kTfLiteInt8};
  const uint8_t flags = next();
  *tensor = (TfLiteTensor){.type = flags & 64 ? (TfLiteType)next() : types[flags % 4],
                           .allocation_type = flags & 128 ? kTfLiteMemNone : kTfLiteMmapRo,
                           .dims = next_ints(3)};
  const size_t width = tensor->type == kTfLiteInt8 ? 1 : tensor->type == kTfLiteFloat16 ? 2 : 4;
  tensor->bytes = bytes_of(tensor->dims, width);
  if (tensor->bytes > MAX_BYTES || (flags & 48) == 48) tensor->bytes = (size_t)(next() * 4);
  tensor->data = (flags & 60) == 60 ? NULL : malloc(tensor->bytes);
  if (tensor->data) memset(tensor->data, flags, tensor->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input = data;
  left = size;
  const TfLiteRegistration op =
      next() % 2 ? kws_temporal_step_registration() : kws_toeplitz_like_registration();
  for (int i = 0; i < TENSORS; i++) make_tensor(&tensors[i]);
  model_node = (TfLiteNode){.inputs = next_ints(6), .outputs = next_ints(2)};
  const int other_batch = next_int();
  const size_t length = left; /* the options are what remains, copied to see reads behind them */
  uint8_t *options = malloc(length);
  if (length) memcpy(options, input, length);
  model_node.custom_initial_data = options;
  model_node.custom_initial_data_size = (int)length;

  TfLiteNode node;
  if (begin_node(op, &node) == kTfLiteOk) {
    op.invoke(&context, &node);
    TfLiteTensor *x = &tensors[model_node.inputs->data[0]];
    if (x->dims->size > 1 && x->allocation_type == kTfLiteMemNone) {
      x->dims->data[0] = other_batch;
      const size_t bytes = bytes_of(x->dims, sizeof(float));
      if (bytes <= MAX_BYTES) {
        free(x->data);
        x->data = calloc(1, bytes);
        x->bytes = bytes;
        if (op.prepare(&context, &node) == kTfLiteOk) op.invoke(&context, &node);
      }
    }
  }
  end_node(op, &node);
  tear_down();
  free(options);
  return 0;
}
