/* A TFLite context of a few tensors and one node, for the tests of the ops and for the fuzzer. */
#ifndef KWS_TESTS_MOCK_TFLITE_H
#define KWS_TESTS_MOCK_TFLITE_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tflite_abi.h"

enum { TENSORS = 6, MAX_BYTES = 1 << 16 };

static int failures;
static TfLiteTensor tensors[TENSORS];
static TfLiteNode model_node;
static char message[256]; /* the op's latest */

static inline void expect(int condition, const char *what, const char *detail) {
  if (condition) return;
  fprintf(stderr, "failed: %s (%s)\n", what, detail);
  failures++;
}

static inline TfLiteIntArray *int_array(int size, const int *values) {
  TfLiteIntArray *array = malloc(sizeof *array + (size_t)size * sizeof(int));
  array->size = size;
  for (int i = 0; i < size; i++) array->data[i] = values[i];
  return array;
}

static void report_error(TfLiteContext *context, const char *format, ...) {
  (void)context;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
}

/* MAX_BYTES + 1 for a size that is negative or too large. */
static size_t bytes_of(const TfLiteIntArray *dims, size_t width) {
  size_t bytes = width;
  for (int i = 0; i < dims->size; i++) {
    if (dims->data[i] < 0 || (dims->data[i] && bytes > MAX_BYTES / (size_t)dims->data[i]))
      return MAX_BYTES + 1;
    bytes *= (size_t)dims->data[i];
  }
  return bytes;
}

/* Data of exactly the tensor's bytes, so that the sanitizers see any access outside of it. */
static TfLiteStatus resize(TfLiteContext *context, TfLiteTensor *tensor, TfLiteIntArray *size) {
  (void)context;
  const size_t bytes = bytes_of(size, sizeof(float));
  free(tensor->dims);
  tensor->dims = size;
  if (bytes > MAX_BYTES) return kTfLiteError;
  free(tensor->data);
  tensor->data = malloc(bytes);
  tensor->bytes = bytes;
  return kTfLiteOk;
}

static TfLiteStatus get_node(TfLiteContext *context, int index, TfLiteNode **node,
                             TfLiteRegistration **registration) {
  (void)context, (void)index;
  *node = &model_node;
  *registration = NULL;
  return kTfLiteOk;
}

static TfLiteContext context = {.tensors_size = TENSORS,
                                .tensors = tensors,
                                .ResizeTensor = resize,
                                .ReportError = report_error,
                                .GetNodeAndRegistration = get_node};

/* A float tensor; its values are for the caller to set. */
static inline float *set_tensor(int index, TfLiteAllocationType allocation, int dims, const int *shape) {
  tensors[index].type = kTfLiteFloat32;
  tensors[index].allocation_type = allocation;
  resize(&context, &tensors[index], int_array(dims, shape));
  return tensors[index].data;
}

static inline void tear_down(void) {
  for (int i = 0; i < TENSORS; i++) {
    free(tensors[i].dims), free(tensors[i].data);
    tensors[i] = (TfLiteTensor){0};
  }
  free(model_node.inputs), free(model_node.outputs);
  model_node = (TfLiteNode){0};
}

/* Init and Prepare on the node as it stands; end_node() goes with it. */
static inline TfLiteStatus begin_node(TfLiteRegistration op, TfLiteNode *node) {
  TfLiteIntArray *nodes = int_array(1, (int[]){0});
  const TfLiteDelegateParams params = {.nodes_to_replace = nodes};
  message[0] = 0;
  *node = (TfLiteNode){.user_data = op.init(&context, (const char *)&params, sizeof params)};
  free(nodes);
  return op.prepare(&context, node);
}

static inline void end_node(TfLiteRegistration op, TfLiteNode *node) {
  op.free(&context, node->user_data);
}

/* Init, Prepare, Invoke and Free. */
static inline TfLiteStatus run_node(TfLiteRegistration op) {
  TfLiteNode node;
  TfLiteStatus status = begin_node(op, &node);
  if (status == kTfLiteOk) status = op.invoke(&context, &node);
  end_node(op, &node);
  return status;
}

static inline void expect_refusal(TfLiteRegistration op, const char *reason) {
  expect(run_node(op) == kTfLiteError, "must be refused", reason);
  expect(strstr(message, reason) != NULL, reason, message);
  tear_down();
}

#endif
