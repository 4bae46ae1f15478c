/* What the ops here ask of a node and of its tensors. */
#ifndef KWS_NODE_H
#define KWS_NODE_H

#include "tflite_abi.h"

/* The integer option `key` of a custom op's node; false if there is none. */
bool kws_node_option(const TfLiteNode *node, const char *key, int64_t *value);

/* The node of the model that a node of the delegate stands for, from what its Init is given; NULL
 * if the runtime does not hand it out. */
const TfLiteNode *kws_replaced_node(TfLiteContext *context, const char *init_data);

/* The tensor at an index, NULL if there is none. */
TfLiteTensor *kws_tensor_at(TfLiteContext *context, int index);

bool kws_is_float(const TfLiteTensor *tensor);

/* Give y the shape of x but for the last dimensions, `count` of them. False if out of memory or if
 * the runtime refuses. */
bool kws_resize_like(TfLiteContext *context, const TfLiteTensor *x, int count, const int *last,
                     TfLiteTensor *y);

#endif
