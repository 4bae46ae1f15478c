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

static TfLiteStatus look(TfLiteContext *context, TfLiteDelegate *delegate) {
  kws_graph *graph = delegate->data_;
  TfLiteIntArray *plan;
  graph->context = context;
  graph->calls = 0;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk) return kTfLiteOk;
  for (int i = 0; i < plan->size; i++) {
    const int index = plan->data[i];
    TfLiteNode *node, *replaced;
    TfLiteRegistration *registration;
    if (!node_at(context, index, &node, &registration)) continue;
    graph->call[graph->calls++] = index;
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
  for (int i = 0; i < KWS_MOST_OPS; i++) graph->op[i].delegate = -1;
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

/* TfLiteTelemetryProfilerStruct of TFLite's profiling/telemetry/c/profiler.h. */
typedef struct profiler {
  kws_graph *graph;
  void (*report_event)(struct profiler *, const char *name, uint64_t status);
  void (*report_op_event)(struct profiler *, const char *name, int64_t op, int64_t subgraph,
                          uint64_t status);
  void (*report_settings)(struct profiler *, const char *name, const void *settings);
  uint32_t (*begin_op)(struct profiler *, const char *name, int64_t op, int64_t subgraph);
  void (*end_op)(struct profiler *, uint32_t handle);
  void (*report_op)(struct profiler *, const char *name, uint64_t elapsed, int64_t op,
                    int64_t subgraph);
} profiler;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void ignore_event(profiler *p, const char *name, uint64_t status) {
  (void)p, (void)name, (void)status;
}

static void ignore_op_event(profiler *p, const char *name, int64_t op, int64_t subgraph,
                            uint64_t status) {
  (void)p, (void)name, (void)op, (void)subgraph, (void)status;
}

static void ignore_settings(profiler *p, const char *name, const void *settings) {
  (void)p, (void)name, (void)settings;
}

static double begun; /* the op that runs */

static uint32_t begin_op(profiler *p, const char *name, int64_t op, int64_t subgraph) {
  (void)p, (void)name, (void)subgraph;
  begun = seconds();
  return op >= 0 && op < KWS_MOST_OPS ? (uint32_t)op : KWS_MOST_OPS - 1;
}

/* This op ran from then until now. */
static void add_call(kws_graph *graph, int index, double from) {
  kws_op *op = &graph->op[index];
  graph->busy_until = seconds();
  if (op->calls < KWS_MOST_CALLS) op->us[op->calls++] = (float)(1e6 * (graph->busy_until - from));
  graph->next = 0;
  while (graph->next < graph->calls && graph->call[graph->next++] != index)
    ;
}

static void end_op(profiler *p, uint32_t handle) {
  if (p->graph->spotter) add_call(p->graph, (int)handle, begun);
}

/* XNNPACK's ops do not begin and end: behind all of a delegate's, each is reported with its whole
 * microseconds. The first of them tells that the delegate is through. */
static void report_op(profiler *p, const char *name, uint64_t elapsed, int64_t op,
                      int64_t subgraph) {
  (void)name, (void)elapsed, (void)subgraph;
  kws_graph *graph = p->graph;
  if (op != 0 || !graph->spotter) return;
  const double began = kws_spotter_costs(graph->spotter).began;
  const bool first = graph->busy_until < began;
  const int place = first ? 0 : graph->next;
  if (place < graph->calls) add_call(graph, graph->call[place], first ? began : graph->busy_until);
}

void *kws_graph_profiler(kws_graph *graph) {
  static profiler one;
  one = (profiler){graph,    ignore_event, ignore_op_event, ignore_settings,
                   begin_op, end_op,       report_op};
  return &one;
}
