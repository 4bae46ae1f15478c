#include "toeplitz_like_op.h"

#include <stdlib.h>
#include <string.h>

#include "node.h"
#include "storage.h"
#include "toeplitz_like.h"

typedef struct {
  /* The node's tensors by index, as the model lists them: the delegate's own node has them in
   * another order. */
  int x, g, h, scales, bias, y;
  int64_t units;
  const char *error; /* what is wrong with the node, for Prepare to report; Init cannot fail */

  kws_ldr_shape shape; /* of the plan, and how it computes: another batch may need another plan */
  kws_ldr_method method;
  void *memory, *scratch;
  const kws_ldr_plan *plan;
} op_state;

static TfLiteStatus refuse(TfLiteContext *context, const char *reason) {
  context->ReportError(context, KWS_OP_NAME ": %s", reason);
  return kTfLiteError;
}

static void read_node(op_state *op, const TfLiteNode *node) {
  int64_t version, scaled = 0, bias = node->inputs->size == 4;
  if (!kws_node_option(node, "version", &version) || !kws_node_option(node, "units", &op->units))
    op->error = "its options are damaged or lack version or units";
  else if (version < 1 || version > KWS_OP_VERSION)
    op->error = "the model needs a newer version of this op; update kws";
  else if (version == 1 && node->inputs->size != 3 && node->inputs->size != 4)
    op->error = "takes 3 or 4 inputs: x, g, h and a bias";
  else if (version > 1 && (!kws_node_option(node, "scaled", &scaled) || scaled >> 1 ||
                           !kws_node_option(node, "bias", &bias) || bias >> 1))
    op->error = "its options scaled and bias must be 0 or 1";
  else if (version > 1 && node->inputs->size != 3 + (int)scaled + (int)bias)
    op->error = "takes the inputs x, g, h and what its options scaled and bias announce";
  else if (node->outputs->size != 1)
    op->error = "has one output";
  if (op->error) return;
  const int *inputs = node->inputs->data;
  op->x = inputs[0];
  op->g = inputs[1];
  op->h = inputs[2];
  op->scales = scaled ? inputs[3] : kTfLiteOptionalTensor;
  op->bias = bias ? inputs[3 + scaled] : kTfLiteOptionalTensor;
  op->y = node->outputs->data[0];
}

static void *init(TfLiteContext *context, const char *buffer, size_t length) {
  (void)length;
  op_state *op = calloc(1, sizeof *op);
  if (!op) return NULL;
  const TfLiteNode *node = kws_replaced_node(context, buffer);
  if (node)
    read_node(op, node);
  else
    op->error = "the runtime does not hand out its node";
  return op;
}

static void release_plan(op_state *op) {
  free(op->memory);
  free(op->scratch);
  op->memory = op->scratch = NULL;
  op->plan = NULL;
}

static void release(TfLiteContext *context, void *state) {
  (void)context;
  if (!state) return;
  release_plan(state);
  free(state);
}

/* Bytes of a number that generators may be stored as; 0 for other types. */
static size_t width_of(TfLiteType type) {
  switch (type) {
    case kTfLiteFloat32: return sizeof(float);
    case kTfLiteFloat16: return sizeof(uint16_t);
    case kTfLiteInt8: return sizeof(int8_t);
    default: return 0;
  }
}

/* A constant of rows x columns, or of one dimension if rows is 0. */
static bool is_constant(const TfLiteTensor *tensor, TfLiteType type, int rows, int columns) {
  if (!tensor || tensor->type != type || !tensor->dims || !tensor->data) return false;
  if (tensor->allocation_type != kTfLiteMmapRo) return false;
  const TfLiteIntArray *dims = tensor->dims;
  const bool shaped = rows ? dims->size == 2 && dims->data[0] == rows && dims->data[1] == columns
                           : dims->size == 1 && dims->data[0] == columns;
  return shaped && tensor->bytes == width_of(type) * (size_t)(rows ? rows : 1) * (size_t)columns;
}

/* The tensors that Prepare works on; scales and bias may be null. */
typedef struct {
  const TfLiteTensor *x, *g, *h, *scales, *bias;
  TfLiteTensor *y;
} op_tensors;

/* Why the node cannot be computed, or NULL; fills shape. */
static const char *check(const op_state *op, const op_tensors *t, kws_ldr_shape *shape) {
  if (!kws_is_float(t->x) || !kws_is_float(t->y)) return "x and the output must be float32";
  if (t->x->dims->size < 1) return "x must have at least one dimension";
  if (!t->g || !width_of(t->g->type) || !t->g->dims || t->g->dims->size != 2)
    return "g must be a float32, float16 or int8 matrix (rank, n)";

  const int inputs = t->x->dims->data[t->x->dims->size - 1];
  if (op->units < 1 || op->units > KWS_LDR_MAX_SIZE || inputs < 1 || inputs > KWS_LDR_MAX_SIZE)
    return "inputs and units must be between 1 and 65536";
  *shape = (kws_ldr_shape){inputs, (int)op->units, t->g->dims->data[0]};
  if (!kws_ldr_plan_bytes(shape, kws_ldr_choose(shape, 1)))
    return "the layer is too large, or its rank is not positive";

  const int n = kws_ldr_size(shape);
  if (!is_constant(t->g, t->g->type, shape->rank, n))
    return "g must be a constant (rank, max(inputs, units))";
  if (!is_constant(t->h, t->g->type, shape->rank, n))
    return "h must be a constant (rank, max(inputs, units)) of the type of g";
  if ((t->g->type == kTfLiteInt8) != (op->scales != kTfLiteOptionalTensor))
    return "int8 generators need scales, and only these";
  if (t->g->type == kTfLiteInt8 && !is_constant(t->scales, kTfLiteFloat32, 2, shape->rank))
    return "the scales must be a float32 constant (2, rank)";
  if (op->bias != kTfLiteOptionalTensor && !is_constant(t->bias, kTfLiteFloat32, 0, shape->units))
    return "the bias must be a constant (units)";
  return NULL;
}

/* The number of vectors in x. */
static size_t batch_of(const TfLiteTensor *x) {
  size_t batch = 1;
  for (int i = 0; i + 1 < x->dims->size; i++)
    batch *= x->dims->data[i] > 0 ? (size_t)x->dims->data[i] : 0;
  return batch;
}

/* Generators as floats; `scales` of their rows only where they are int8. */
static void read_generators(const TfLiteTensor *stored, const float *scales, float *values) {
  const size_t rank = (size_t)stored->dims->data[0], n = (size_t)stored->dims->data[1];
  if (stored->type == kTfLiteFloat16)
    kws_read_halves(rank * n, stored->data, values);
  else if (stored->type == kTfLiteInt8)
    kws_read_scaled(rank, n, stored->data, scales, values);
  else
    memcpy(values, stored->data, rank * n * sizeof *values);
}

static bool make_plan(op_state *op, const kws_ldr_shape *shape, const op_tensors *t) {
  const kws_ldr_method method = kws_ldr_choose(shape, batch_of(t->x));
  if (op->plan && memcmp(&op->shape, shape, sizeof *shape) == 0 &&
      op->method.kernels == method.kernels && op->method.by_transforms == method.by_transforms)
    return true;
  release_plan(op);
  op->shape = *shape;
  op->method = method;
  const size_t count = (size_t)shape->rank * (size_t)kws_ldr_size(shape);
  const size_t bytes = kws_ldr_plan_bytes(shape, method);
  float *generators = malloc(2 * count * sizeof *generators);
  op->memory = bytes ? malloc(bytes) : NULL;
  op->scratch = malloc(kws_ldr_scratch_bytes(shape, method) + 1);
  const bool enough = generators && op->memory && op->scratch;
  if (enough) {
    const float *scales = t->scales ? t->scales->data : NULL;
    read_generators(t->g, scales, generators);
    read_generators(t->h, scales ? scales + shape->rank : NULL, generators + count);
    op->plan = kws_ldr_plan_init(op->memory, shape, method, generators, generators + count,
                                 t->bias ? t->bias->data : NULL, op->scratch);
  } else {
    release_plan(op);
  }
  free(generators);
  return enough;
}

static TfLiteStatus prepare(TfLiteContext *context, TfLiteNode *node) {
  op_state *op = node->user_data;
  if (!op) return refuse(context, "out of memory");
  if (op->error) return refuse(context, op->error);
  const op_tensors tensors = {kws_tensor_at(context, op->x),    kws_tensor_at(context, op->g),
                              kws_tensor_at(context, op->h),    kws_tensor_at(context, op->scales),
                              kws_tensor_at(context, op->bias), kws_tensor_at(context, op->y)};
  kws_ldr_shape shape;
  const char *reason = check(op, &tensors, &shape);
  if (reason) return refuse(context, reason);
  if (!make_plan(op, &shape, &tensors)) return refuse(context, "out of memory");
  const bool resized = kws_resize_like(context, tensors.x, 1, &shape.units, tensors.y);
  return resized ? kTfLiteOk : refuse(context, "out of memory");
}

static TfLiteStatus invoke(TfLiteContext *context, TfLiteNode *node) {
  const op_state *op = node->user_data;
  const TfLiteTensor *x = kws_tensor_at(context, op->x), *y = kws_tensor_at(context, op->y);
  const size_t batch = x->bytes / sizeof(float) / (size_t)op->shape.inputs;
  if (!op->plan || y->bytes != batch * (size_t)op->shape.units * sizeof(float))
    return refuse(context, "was not prepared for this batch");
  if (batch && (!x->data || !y->data)) return refuse(context, "its tensors have no data");
  kws_ldr_execute(op->plan, batch, x->data, y->data, op->scratch);
  return kTfLiteOk;
}

TfLiteRegistration kws_toeplitz_like_registration(void) {
  return (TfLiteRegistration){
      .init = init,
      .free = release,
      .prepare = prepare,
      .invoke = invoke,
      .custom_name = KWS_OP_NAME,
      .version = KWS_OP_VERSION,
  };
}
