/* What an interpreter is made of and where its time goes: a TfLiteDelegate that takes no op but
 * looks at the graph behind all other delegates, and a telemetry profiler. */
#ifndef KWS_PROFILE_H
#define KWS_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "kws_spotter.h"
#include "tflite_abi.h"

enum { KWS_MOST_OPS = 1024, KWS_MOST_CALLS = 300 };

/* An op as the interpreter calls it: one of the model's, or a delegate's that stands for several.
 */
typedef struct {
  char name[48];
  int delegate; /* which of the op's calls of the interpreter stands for this op; -1 for itself */
  int calls;
  float us[KWS_MOST_CALLS]; /* what each of them took */
} kws_op;

typedef struct {
  TfLiteDelegate delegate;
  const TfLiteContext *context;
  int ops; /* of the model and its delegates, by their index as nodes */
  kws_op op[KWS_MOST_OPS];
  int calls, next, call[KWS_MOST_OPS]; /* the ops that an inference calls, in turn; the next one */
  double busy_until;                   /* when the op before it was through */
  const kws_spotter *spotter;          /* whose inferences are profiled */
} kws_graph;

void kws_graph_init(kws_graph *graph);

/* Whether a node stands for others. */
bool kws_graph_is_delegate(const kws_graph *graph, int index);

/* Bytes from the first to the last of the tensors in the interpreter's arena, once it is made. */
size_t kws_graph_arena_bytes(const kws_graph *graph);

/* A TfLiteTelemetryProfilerStruct that adds up the calls and seconds of the graph's ops from when
 * the graph knows its spotter. One graph can be profiled at a time. */
void *kws_graph_profiler(kws_graph *graph);

#endif
