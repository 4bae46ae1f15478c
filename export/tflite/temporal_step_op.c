#include "temporal_step_op.h"

#include <stdlib.h>

#include "node.h"
#include "step.h"

typedef struct {
  /* The node's tensors by index, as the model lists them: the delegate's own node has them in
   * another order. */
  int x, packed, y;
  int64_t units, rank, taps, stride, shortcut;
  const char *error; /* what is wrong with the node, for Prepare to report; Init cannot fail */

  size_t steps, input_size, output_size; /* of one item of the batch */
  void *memory, *scratch;
  const kws_step *step;
} op_state;

static TfLiteStatus refuse(TfLiteContext *context, const char *reason) {
  context->ReportError(context, KWS_STEP_OP_NAME ": %s", reason);
  return kTfLiteError;
}

static void read_node(op_state *op, const TfLiteNode *node) {
  int64_t version;
  if (!node)
    op->error = "the runtime does not hand out its node";
  else if (!kws_node_option(node, "version", &version))
    op->error = "its options are damaged or lack a version";
  else if (version < 1 || version > KWS_STEP_OP_VERSION)
    op->error = "the model needs a newer version of this op; update kws";
  else if (!kws_node_option(node, "units", &op->units) ||
           !kws_node_option(node, "rank", &op->rank) || !kws_node_option(node, "taps", &op->taps) ||
           !kws_node_option(node, "stride", &op->stride) ||
           !kws_node_option(node, "shortcut", &op->shortcut) || op->shortcut >> 1)
    op->error = "its options units, rank, taps, stride and shortcut are damaged or missing";
  else if (node->inputs->size != 2 || node->outputs->size != 1)
    op->error = "has two inputs and one output";
  if (op->error) return;
  op->x = node->inputs->data[0];
  op->packed = node->inputs->data[1];
  op->y = node->outputs->data[0];
}

static void *init(TfLiteContext *context, const char *buffer, size_t length) {
  (void)length;
  op_state *op = calloc(1, sizeof *op);
  if (op) read_node(op, kws_replaced_node(context, buffer));
  return op;
}

static void release_step(op_state *op) {
  free(op->memory);
  free(op->scratch);
  op->memory = op->scratch = NULL;
  op->step = NULL;
}

static void release(TfLiteContext *context, void *state) {
  (void)context;
  if (!state) return;
  release_step(state);
  free(state);
}

static bool fits(int64_t value) { return value >= 0 && value <= KWS_LDR_MAX_SIZE; }

/* Why the node cannot be computed, or NULL; fills shape and the number of steps. */
static const char *check(const op_state *op, const TfLiteTensor *x, const TfLiteTensor *packed,
                         kws_step_shape *shape, int *steps) {
  if (!kws_is_float(x)) return "x must be float32";
  if (x->dims->size < 2) return "x must have at least two dimensions";
  const int inputs = x->dims->data[x->dims->size - 1];
  if (!fits(op->units) || !fits(op->rank) || !fits(op->taps) || !fits(op->stride))
    return "units, rank, taps and stride must be between 0 and 65536";
  *shape = (kws_step_shape){.mix = {inputs, (int)op->units, (int)op->rank},
                            .taps = (int)op->taps,
                            .stride = (int)op->stride,
                            .shortcut = op->shortcut};
  const char *error = kws_step_error(shape);
  if (error) return error;
  *steps = x->dims->data[x->dims->size - 2];
  if (*steps < shape->taps || *steps > KWS_LDR_MAX_SIZE)
    return "x must have at least as many steps as taps, and at most 65536";
  if (!packed || packed->type != kTfLiteInt8 || packed->allocation_type != kTfLiteMmapRo ||
      !packed->data || packed->bytes != kws_step_packed_bytes(shape))
    return "its packed numbers must be an int8 constant of the size that its options say";
  return NULL;
}

static TfLiteStatus prepare(TfLiteContext *context, TfLiteNode *node) {
  op_state *op = node->user_data;
  if (!op) return refuse(context, "out of memory");
  if (op->error) return refuse(context, op->error);
  const TfLiteTensor *x = kws_tensor_at(context, op->x);
  const TfLiteTensor *packed = kws_tensor_at(context, op->packed);
  TfLiteTensor *y = kws_tensor_at(context, op->y);
  if (!kws_is_float(y)) return refuse(context, "the output must be float32");
  kws_step_shape shape;
  int steps;
  const char *reason = check(op, x, packed, &shape, &steps);
  if (reason) return refuse(context, reason);

  release_step(op);
  op->steps = (size_t)steps;
  op->memory = malloc(kws_step_bytes(&shape, op->steps));
  op->scratch = malloc(kws_step_scratch_bytes(&shape, op->steps));
  if (!op->memory || !op->scratch) {
    release_step(op);
    return refuse(context, "out of memory");
  }
  op->step = kws_step_init(op->memory, &shape, op->steps, packed->data, op->scratch);

  const int last[2] = {(steps - shape.taps) / shape.stride + 1, shape.mix.units};
  op->input_size = op->steps * (size_t)shape.mix.inputs;
  op->output_size = (size_t)last[0] * (size_t)last[1];
  return kws_resize_like(context, x, 2, last, y) ? kTfLiteOk : refuse(context, "out of memory");
}

static TfLiteStatus invoke(TfLiteContext *context, TfLiteNode *node) {
  const op_state *op = node->user_data;
  const TfLiteTensor *x = kws_tensor_at(context, op->x), *y = kws_tensor_at(context, op->y);
  if (!op->step) return refuse(context, "was not prepared");
  const size_t batch = x->bytes / sizeof(float) / op->input_size;
  if (y->bytes != batch * op->output_size * sizeof(float))
    return refuse(context, "was not prepared for this batch");
  if (batch && (!x->data || !y->data)) return refuse(context, "its tensors have no data");
  const float *from = x->data;
  float *to = y->data;
  for (size_t item = 0; item < batch; item++, from += op->input_size, to += op->output_size)
    kws_step_execute(op->step, from, to, op->scratch);
  return kTfLiteOk;
}

TfLiteRegistration kws_temporal_step_registration(void) {
  return (TfLiteRegistration){
      .init = init,
      .free = release,
      .prepare = prepare,
      .invoke = invoke,
      .custom_name = KWS_STEP_OP_NAME,
      .version = KWS_STEP_OP_VERSION,
  };
}
