#include "node.h"

#include <stdlib.h>

#include "flexbuffer.h"

bool kws_node_option(const TfLiteNode *node, const char *key, int64_t *value) {
  return node->custom_initial_data_size >= 0 &&
         kws_flexbuffer_int(node->custom_initial_data, (size_t)node->custom_initial_data_size, key,
                            value);
}

const TfLiteNode *kws_replaced_node(TfLiteContext *context, const char *init_data) {
  const TfLiteDelegateParams *params = (const void *)init_data;
  TfLiteNode *node;
  TfLiteRegistration *registration;
  const int index = params->nodes_to_replace->data[0];
  return context->GetNodeAndRegistration(context, index, &node, &registration) == kTfLiteOk ? node
                                                                                            : NULL;
}

TfLiteTensor *kws_tensor_at(TfLiteContext *context, int index) {
  return index >= 0 && (size_t)index < context->tensors_size ? &context->tensors[index] : NULL;
}

bool kws_is_float(const TfLiteTensor *tensor) {
  return tensor && tensor->type == kTfLiteFloat32 && tensor->dims;
}

bool kws_resize_like(TfLiteContext *context, const TfLiteTensor *x, int count, const int *last,
                     TfLiteTensor *y) {
  /* ResizeTensor takes the array over and frees it, as malloc's. */
  const int dims = x->dims->size;
  TfLiteIntArray *size = malloc(sizeof *size + (size_t)dims * sizeof(int));
  if (!size) return false;
  size->size = dims;
  for (int i = 0; i < dims; i++)
    size->data[i] = i < dims - count ? x->dims->data[i] : last[i - (dims - count)];
  return context->ResizeTensor(context, y, size) == kTfLiteOk;
}
