#include "temporal_step_op.h"

#include <stdlib.h>

#include "node.h"
#include "step.h"

typedef struct {
  /* The node's tensors by index, as the model lists them: the delegate's own node has them in
   * another order. */
  int x, packed, before, y, after;
  int64_t version, units, rank, taps, stride, shortcut, history, pool;
  const char *error; /* what is wrong with the node, for Prepare to report; Init cannot fail */

  size_t steps, input_size, output_size, state_size; /* of one item of the batch */
  void *memory, *scratch;
  const kws_step *step;
} op_state;

static TfLiteStatus refuse(TfLiteContext *context, const char *reason) {
  context->ReportError(context, KWS_STEP_OP_NAME ": %s", reason);
  return kTfLiteError;
}

static void read_node(op_state *op, const TfLiteNode *node) {
  if (!node)
    op->error = "the runtime does not hand out its node";
  else if (!kws_node_option(node, "version", &op->version))
    op->error = "its options are damaged or lack a version";
  else if (op->version < 1 || op->version > KWS_STEP_OP_VERSION)
    op->error = "the model needs a newer version of this op; update kws";
  else if (!kws_node_option(node, "units", &op->units) ||
           !kws_node_option(node, "rank", &op->rank) || !kws_node_option(node, "taps", &op->taps) ||
           !kws_node_option(node, "stride", &op->stride) ||
           !kws_node_option(node, "shortcut", &op->shortcut) || op->shortcut >> 1)
    op->error = "its options units, rank, taps, stride and shortcut are damaged or missing";
  else if (op->version > 1 && (!kws_node_option(node, "history", &op->history) ||
                               !kws_node_option(node, "pool", &op->pool)))
    op->error = "its options history and pool are damaged or missing";
  else if (op->version == 1 && (node->inputs->size != 2 || node->outputs->size != 1))
    op->error = "has two inputs and one output";
  else if (op->version > 1 && (node->inputs->size != 3 || node->outputs->size != 2))
    op->error = "has three inputs and two outputs in a stream";
  if (op->error) return;
  op->x = node->inputs->data[0];
  op->packed = node->inputs->data[1];
  op->y = node->outputs->data[0];
  const bool streams = op->version > 1;
  op->before = streams ? node->inputs->data[2] : kTfLiteOptionalTensor;
  op->after = streams ? node->outputs->data[1] : kTfLiteOptionalTensor;
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

/* Whether a state has the shape of x but for the last two dimensions. */
static bool is_state(const TfLiteTensor *state, const TfLiteTensor *x, const int *last) {
  if (!kws_is_float(state) || state->dims->size != x->dims->size) return false;
  const int leading = x->dims->size - 2;
  for (int i = 0; i < state->dims->size; i++)
    if (state->dims->data[i] != (i < leading ? x->dims->data[i] : last[i - leading])) return false;
  return true;
}

/* Why the node cannot be computed, or NULL; fills shape and the number of steps. */
static const char *check(const op_state *op, const TfLiteTensor *x, const TfLiteTensor *packed,
                         kws_step_shape *shape, size_t *steps) {
  if (!kws_is_float(x)) return "x must be float32";
  if (x->dims->size < 2) return "x must have at least two dimensions";
  const int inputs = x->dims->data[x->dims->size - 1], in_time = x->dims->data[x->dims->size - 2];
  if (!fits(op->units) || !fits(op->rank) || !fits(op->taps) || !fits(op->stride) ||
      !fits(op->history) || !fits(op->pool))
    return "units, rank, taps, stride, history and pool must be between 0 and 65536";
  *shape = (kws_step_shape){.mix = {inputs, (int)op->units, (int)op->rank},
                            .taps = (int)op->taps,
                            .stride = (int)op->stride,
                            .shortcut = op->shortcut,
                            .streams = op->version > 1,
                            .history = (int)op->history,
                            .pool = (int)op->pool};
  *steps = in_time > 0 ? (size_t)in_time : 0;
  const char *error = kws_step_error(shape, *steps);
  if (error) return error;
  if (!packed || packed->type != kTfLiteInt8 || packed->allocation_type != kTfLiteMmapRo ||
      !packed->data || packed->bytes != kws_step_packed_bytes(shape))
    return "its packed numbers must be an int8 constant of the size that its options say";
  return NULL;
}

static TfLiteStatus prepare(TfLiteContext *context, TfLiteNode *node) {
  op_state *op = node->user_data;
  if (!op) return refuse(context, "out of memory");
  release_step(op);
  if (op->error) return refuse(context, op->error);
  const TfLiteTensor *x = kws_tensor_at(context, op->x);
  const TfLiteTensor *packed = kws_tensor_at(context, op->packed);
  TfLiteTensor *y = kws_tensor_at(context, op->y), *after = kws_tensor_at(context, op->after);
  kws_step_shape shape;
  const char *reason = check(op, x, packed, &shape, &op->steps);
  if (reason) return refuse(context, reason);
  const int units = shape.mix.units;
  const int outputs[2] = {(int)kws_step_output_rows(&shape, op->steps), units};
  const int state[2] = {(int)kws_step_state_rows(&shape, op->steps), units};
  if (!kws_is_float(y) || (shape.streams && !kws_is_float(after)))
    return refuse(context, "its outputs must be float32");
  if (shape.streams && !is_state(kws_tensor_at(context, op->before), x, state))
    return refuse(context, "the state must be float32 of the size that its options say");

  op->memory = malloc(kws_step_bytes(&shape, op->steps));
  op->scratch = malloc(kws_step_scratch_bytes(&shape, op->steps));
  if (!op->memory || !op->scratch) {
    release_step(op);
    return refuse(context, "out of memory");
  }
  op->step = kws_step_init(op->memory, &shape, op->steps, packed->data, op->scratch);
  op->input_size = op->steps * (size_t)shape.mix.inputs;
  op->output_size = (size_t)outputs[0] * (size_t)units;
  op->state_size = (size_t)state[0] * (size_t)units;
  const bool resized = kws_resize_like(context, x, 2, outputs, y) &&
                       (!shape.streams || kws_resize_like(context, x, 2, state, after));
  return resized ? kTfLiteOk : refuse(context, "out of memory");
}

/* Whether a tensor holds so many items of so many floats. */
static bool holds(const TfLiteTensor *tensor, size_t count, size_t size) {
  return tensor->bytes == count * size * sizeof(float) && (tensor->data || !tensor->bytes);
}

static TfLiteStatus invoke(TfLiteContext *context, TfLiteNode *node) {
  const op_state *op = node->user_data;
  const TfLiteTensor *x = kws_tensor_at(context, op->x), *y = kws_tensor_at(context, op->y);
  const TfLiteTensor *before = kws_tensor_at(context, op->before);
  const TfLiteTensor *after = kws_tensor_at(context, op->after);
  if (!op->step) return refuse(context, "was not prepared");
  const size_t batch = x->bytes / sizeof(float) / op->input_size;
  if (!holds(x, batch, op->input_size) || !holds(y, batch, op->output_size) ||
      (before && !(holds(before, batch, op->state_size) && holds(after, batch, op->state_size))))
    return refuse(context, "its tensors have no data, or not of the batch it was prepared for");
  for (size_t item = 0; item < batch; item++)
    kws_step_execute(op->step, (const float *)x->data + item * op->input_size,
                     before ? (const float *)before->data + item * op->state_size : NULL,
                     (float *)y->data + item * op->output_size,
                     after ? (float *)after->data + item * op->state_size : NULL, op->scratch);
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
