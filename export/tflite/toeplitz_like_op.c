#include "toeplitz_like_op.h"

#include <stdlib.h>
#include <string.h>

#include "flexbuffer.h"
#include "toeplitz_like.h"

typedef struct {
  /* The node's tensors by index, as the model lists them: the delegate's own node has them in
   * another order. */
  int x, g, h, bias, y;
  int64_t version, units;
  const char *error; /* what is wrong with the node, for Prepare to report; Init cannot fail */

  kws_ldr_shape shape; /* of the plan; another batch needs no other plan */
  kws_ldr_plan *plan;
  void *scratch;
} op_state;

static TfLiteStatus refuse(TfLiteContext *context, const char *reason) {
  context->ReportError(context, KWS_OP_NAME ": %s", reason);
  return kTfLiteError;
}

static void read_node(op_state *op, const TfLiteNode *node) {
  if (node->inputs->size != 3 && node->inputs->size != 4)
    op->error = "takes 3 or 4 inputs: x, g, h and a bias";
  else if (node->outputs->size != 1)
    op->error = "has one output";
  else if (node->custom_initial_data_size < 0 ||
           !kws_flexbuffer_int(node->custom_initial_data, (size_t)node->custom_initial_data_size,
                               "version", &op->version) ||
           !kws_flexbuffer_int(node->custom_initial_data, (size_t)node->custom_initial_data_size,
                               "units", &op->units))
    op->error = "its options are damaged or lack version or units";
  if (op->error) return;
  op->x = node->inputs->data[0];
  op->g = node->inputs->data[1];
  op->h = node->inputs->data[2];
  op->bias = node->inputs->size == 4 ? node->inputs->data[3] : kTfLiteOptionalTensor;
  op->y = node->outputs->data[0];
}

static void *init(TfLiteContext *context, const char *buffer, size_t length) {
  (void)length;
  const TfLiteDelegateParams *params = (const void *)buffer;
  TfLiteNode *node;
  TfLiteRegistration *registration;
  op_state *op = calloc(1, sizeof *op);
  if (!op) return NULL;
  if (context->GetNodeAndRegistration(context, params->nodes_to_replace->data[0], &node,
                                      &registration) != kTfLiteOk)
    op->error = "the runtime does not hand out its node";
  else
    read_node(op, node);
  return op;
}

static void release_plan(op_state *op) {
  free(op->plan);
  free(op->scratch);
  op->plan = NULL;
  op->scratch = NULL;
}

static void release(TfLiteContext *context, void *state) {
  (void)context;
  if (!state) return;
  release_plan(state);
  free(state);
}

static TfLiteTensor *tensor_at(TfLiteContext *context, int index) {
  return index >= 0 && (size_t)index < context->tensors_size ? &context->tensors[index] : NULL;
}

static bool is_float(const TfLiteTensor *tensor) {
  return tensor && tensor->type == kTfLiteFloat32 && tensor->dims;
}

/* A float32 constant of rows x columns, or of one dimension if rows is 0. */
static bool is_constant(const TfLiteTensor *tensor, int rows, int columns) {
  if (!is_float(tensor) || tensor->allocation_type != kTfLiteMmapRo || !tensor->data) return false;
  const TfLiteIntArray *dims = tensor->dims;
  const bool shaped = rows ? dims->size == 2 && dims->data[0] == rows && dims->data[1] == columns
                           : dims->size == 1 && dims->data[0] == columns;
  return shaped && tensor->bytes == sizeof(float) * (size_t)(rows ? rows : 1) * (size_t)columns;
}

/* Why the node cannot be computed, or NULL; fills shape. */
static const char *check(const op_state *op, const TfLiteTensor *x, const TfLiteTensor *g,
                         const TfLiteTensor *h, const TfLiteTensor *bias, const TfLiteTensor *y,
                         kws_ldr_shape *shape) {
  if (op->version < 1 || op->version > KWS_OP_VERSION)
    return "the model needs a newer version of this op; update kws";
  if (!is_float(x) || !is_float(y)) return "x and the output must be float32";
  if (x->dims->size < 1) return "x must have at least one dimension";
  if (!is_float(g) || g->dims->size != 2) return "g must be a float32 matrix (rank, n)";

  const int inputs = x->dims->data[x->dims->size - 1];
  if (op->units < 1 || op->units > KWS_LDR_MAX_SIZE || inputs < 1 || inputs > KWS_LDR_MAX_SIZE)
    return "inputs and units must be between 1 and 65536";
  *shape = (kws_ldr_shape){inputs, (int)op->units, g->dims->data[0]};
  if (!kws_ldr_plan_bytes(shape)) return "the layer is too large, or its rank is not positive";

  const int n = kws_ldr_size(shape);
  if (!is_constant(g, shape->rank, n)) return "g must be a constant (rank, max(inputs, units))";
  if (!is_constant(h, shape->rank, n)) return "h must be a constant (rank, max(inputs, units))";
  if (op->bias != kTfLiteOptionalTensor && !is_constant(bias, 0, shape->units))
    return "the bias must be a constant (units)";
  return NULL;
}

static TfLiteStatus resize_output(TfLiteContext *context, const TfLiteTensor *x, int units,
                                  TfLiteTensor *y) {
  /* ResizeTensor takes the array over and frees it, as malloc's. */
  const size_t dims = (size_t)x->dims->size;
  TfLiteIntArray *size = malloc(sizeof *size + dims * sizeof(int));
  if (!size) return refuse(context, "out of memory");
  size->size = x->dims->size;
  for (size_t i = 0; i < dims; i++) size->data[i] = x->dims->data[i];
  size->data[dims - 1] = units;
  return context->ResizeTensor(context, y, size);
}

static bool make_plan(op_state *op, const kws_ldr_shape *shape, const float *g, const float *h,
                      const float *bias) {
  if (op->plan && memcmp(&op->shape, shape, sizeof *shape) == 0) return true;
  const size_t scratch_bytes = kws_ldr_scratch_bytes(shape);
  release_plan(op);
  op->shape = *shape;
  op->plan = malloc(kws_ldr_plan_bytes(shape));
  op->scratch = malloc(scratch_bytes ? scratch_bytes : 1);
  if (!op->plan || !op->scratch) {
    release_plan(op);
    return false;
  }
  kws_ldr_plan_init(op->plan, shape, g, h, bias, op->scratch);
  return true;
}

static TfLiteStatus prepare(TfLiteContext *context, TfLiteNode *node) {
  op_state *op = node->user_data;
  if (!op) return refuse(context, "out of memory");
  if (op->error) return refuse(context, op->error);
  const TfLiteTensor *x = tensor_at(context, op->x);
  const TfLiteTensor *g = tensor_at(context, op->g), *h = tensor_at(context, op->h);
  const TfLiteTensor *bias = tensor_at(context, op->bias);
  TfLiteTensor *y = tensor_at(context, op->y);
  kws_ldr_shape shape;
  const char *reason = check(op, x, g, h, bias, y, &shape);
  if (reason) return refuse(context, reason);

  if (!make_plan(op, &shape, g->data, h->data, bias ? bias->data : NULL))
    return refuse(context, "out of memory");
  return resize_output(context, x, shape.units, y);
}

static TfLiteStatus invoke(TfLiteContext *context, TfLiteNode *node) {
  const op_state *op = node->user_data;
  const TfLiteTensor *x = tensor_at(context, op->x), *y = tensor_at(context, op->y);
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
