/* What an interpreter is made of and where its time goes: a TfLiteDelegate that takes no op but
 * looks at the graph behind all other delegates, and a clock around the ops that are left.
 *
 * TFLite's own profiler costs 0.14 us an op, nearly half of the time of a small network's look,
 * and makes XNNPACK keep times of its own. So each op's function is replaced here by one that calls
 * it and then reads the clock, once. An op's time is from when the one before it was through, the
 * interpreter's share in calling it included; what timing an op that does nothing gives is the cost
 * of that, to be taken off. */
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
  const TfLiteNode *node;
  TfLiteStatus (*invoke)(TfLiteContext *, TfLiteNode *);
  int calls;
  float us[KWS_MOST_CALLS]; /* what each of them took */
} kws_op;

typedef struct {
  TfLiteDelegate delegate;
  const TfLiteContext *context;
  int ops;                             /* of the model and its delegates, by their index as nodes */
  kws_op op[KWS_MOST_OPS + 1];         /* the last is that which does nothing */
  int calls, next, call[KWS_MOST_OPS]; /* the ops that an inference calls, in turn; the next one */
  double busy_until;                   /* when the op before it was through */
  const kws_spotter *spotter;          /* whose inferences are timed; NULL until they are to be */
} kws_graph;

/* One graph can be looked at and timed at a time. */
void kws_graph_init(kws_graph *graph);

/* Whether a node stands for others. */
bool kws_graph_is_delegate(const kws_graph *graph, int index);

/* Bytes from the first to the last of the tensors in the interpreter's arena, once it is made. */
size_t kws_graph_arena_bytes(const kws_graph *graph);

/* The same for an op that does nothing; call it when all else is timed. */
kws_op *kws_graph_time_nothing(kws_graph *graph);

#endif
