#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include "profile.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ARENA = 2, ARENA_PERSISTENT = 3 }; /* TfLiteAllocationType */

static const struct {
  int code;
  const char *name;
} NAMES[] = {{0, "ADD"},
             {1, "AVERAGE_POOL_2D"},
             {2, "CONCATENATION"},
             {3, "CONV_2D"},
             {4, "DEPTHWISE_CONV_2D"},
             {6, "DEQUANTIZE"},
             {9, "FULLY_CONNECTED"},
             {14, "LOGISTIC"},
             {17, "MAX_POOL_2D"},
             {18, "MUL"},
             {19, "RELU"},
             {21, "RELU6"},
             {22, "RESHAPE"},
             {25, "SOFTMAX"},
             {27, "SVDF"},
             {28, "TANH"},
             {34, "PAD"},
             {36, "GATHER"},
             {39, "TRANSPOSE"},
             {40, "MEAN"},
             {41, "SUB"},
             {42, "DIV"},
             {43, "SQUEEZE"},
             {45, "STRIDED_SLICE"},
             {49, "SPLIT"},
             {53, "CAST"},
             {65, "SLICE"},
             {70, "EXPAND_DIMS"},
             {73, "LOG"},
             {74, "SUM"},
             {75, "SQRT"},
             {83, "PACK"},
             {88, "UNPACK"},
             {92, "SQUARE"},
             {102, "SPLIT_V"},
             {105, "REVERSE_V2"},
             {114, "QUANTIZE"},
             {126, "BATCH_MATMUL"},
             {129, "CALL_ONCE"},
             {131, "RFFT2D"},
             {133, "IMAG"},
             {134, "REAL"},
             {135, "COMPLEX_ABS"},
             {142, "VAR_HANDLE"},
             {143, "READ_VARIABLE"},
             {144, "ASSIGN_VARIABLE"}};

static void name_op(char name[48], const TfLiteRegistration *registration) {
  if (registration->custom_name) {
    snprintf(name, 48, "%s", registration->custom_name);
    return;
  }
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
    if (NAMES[i].code == registration->builtin_code) {
      snprintf(name, 48, "%s", NAMES[i].name);
      return;
    }
  snprintf(name, 48, "operator %d", (int)registration->builtin_code);
}

static bool node_at(TfLiteContext *context, int index, TfLiteNode **node,
                    TfLiteRegistration **registration) {
  return index >= 0 && index < KWS_MOST_OPS &&
         context->GetNodeAndRegistration(context, index, node, registration) == kTfLiteOk;
}

static kws_graph *timed; /* the graph whose ops are timed */

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The op of a node; an inference calls them in turn. */
static kws_op *next_op(kws_graph *graph, const TfLiteNode *node) {
  kws_op *op;
  do {
    op = &graph->op[graph->call[graph->next]];
    graph->next = (graph->next + 1) % graph->calls;
  } while (op->node != node);
  return op;
}

/* Stands in for every op's own function: calls it, and reads the clock once, behind it. */
static TfLiteStatus time_op(TfLiteContext *context, TfLiteNode *node) {
  kws_graph *graph = timed;
  kws_op *op = next_op(graph, node);
  const TfLiteStatus status = op->invoke(context, node);
  if (!graph->spotter) return status;
  const double began = kws_spotter_costs(graph->spotter).began, now = seconds();
  const double from = graph->busy_until > began ? graph->busy_until : began;
  if (op->calls < KWS_MOST_CALLS) op->us[op->calls++] = (float)(1e6 * (now - from));
  graph->busy_until = now;
  return status;
}

static TfLiteStatus look(TfLiteContext *context, TfLiteDelegate *delegate) {
  kws_graph *graph = delegate->data_;
  TfLiteIntArray *plan;
  if (graph->context) return kTfLiteOk; /* it has been here */
  graph->context = context;
  timed = graph;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk) return kTfLiteOk;
  for (int i = 0; i < plan->size; i++) {
    const int index = plan->data[i];
    TfLiteNode *node, *replaced;
    TfLiteRegistration *registration;
    if (!node_at(context, index, &node, &registration)) continue;
    graph->call[graph->calls++] = index;
    graph->op[index].node = node;
    graph->op[index].invoke = registration->invoke;
    registration->invoke = time_op;
    name_op(graph->op[index].name, registration);
    if (index >= graph->ops) graph->ops = index + 1;
    const TfLiteDelegateParams *params = node->delegate ? node->builtin_data : NULL;
    for (int k = 0; params && k < params->nodes_to_replace->size; k++) {
      const int other = params->nodes_to_replace->data[k];
      if (!node_at(context, other, &replaced, &registration)) continue;
      name_op(graph->op[other].name, registration);
      graph->op[other].delegate = index;
    }
  }
  return kTfLiteOk;
}

void kws_graph_init(kws_graph *graph) {
  memset(graph, 0, sizeof *graph);
  for (int i = 0; i <= KWS_MOST_OPS; i++) graph->op[i].delegate = -1;
  graph->delegate = (TfLiteDelegate){
      .data_ = graph, .Prepare = look, .flags = kTfLiteDelegateFlagsAllowDynamicTensors};
}

bool kws_graph_is_delegate(const kws_graph *graph, int index) {
  for (int i = 0; i < graph->ops; i++)
    if (graph->op[i].delegate == index) return true;
  return false;
}

size_t kws_graph_arena_bytes(const kws_graph *graph) {
  size_t bytes = 0;
  for (int kind = ARENA; graph->context && kind <= ARENA_PERSISTENT; kind++) {
    uintptr_t first = UINTPTR_MAX, last = 0;
    for (size_t i = 0; i < graph->context->tensors_size; i++) {
      const TfLiteTensor *tensor = &graph->context->tensors[i];
      const uintptr_t start = (uintptr_t)tensor->data;
      if ((int)tensor->allocation_type != kind || !start) continue;
      if (start < first) first = start;
      if (start + tensor->bytes > last) last = start + tensor->bytes;
    }
    if (last) bytes += last - first;
  }
  return bytes;
}

static TfLiteStatus do_nothing(TfLiteContext *context, TfLiteNode *node) {
  (void)context, (void)node;
  return kTfLiteOk;
}

kws_op *kws_graph_time_nothing(kws_graph *graph) {
  TfLiteNode node = {.inputs = NULL};
  kws_op *nothing = &graph->op[KWS_MOST_OPS];
  nothing->node = &node;
  nothing->invoke = do_nothing;
  nothing->calls = graph->next = 0;
  graph->calls = 1;
  graph->call[0] = KWS_MOST_OPS;
  graph->busy_until = seconds();
  for (int i = 0; i < KWS_MOST_CALLS; i++) time_op(NULL, &node);
  return nothing;
}
