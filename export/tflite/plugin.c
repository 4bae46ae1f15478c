/* The library's two public functions: TFLite's plug-in interface for delegates, which
 * load_delegate(path) in Python and the external delegate in C++ look up. The delegate takes over
 * every node of our ops in a graph, each as a node of its own. */
#include <stdlib.h>
#include <string.h>

#include "ops.h"
#include "temporal_step_op.h"
#include "toeplitz_like_op.h"

#define EXPORTED __attribute__((visibility("default")))

EXPORTED TfLiteDelegate *tflite_plugin_create_delegate(const char *const *keys,
                                                       const char *const *values, size_t count,
                                                       void (*report_error)(const char *));
EXPORTED void tflite_plugin_destroy_delegate(TfLiteDelegate *delegate);

bool kws_find_op(const char *name, TfLiteRegistration *registration) {
  const TfLiteRegistration ops[] = {kws_toeplitz_like_registration(),
                                    kws_temporal_step_registration()};
  for (size_t i = 0; name && i < sizeof ops / sizeof *ops; i++)
    if (strcmp(name, ops[i].custom_name) == 0) {
      *registration = ops[i];
      return true;
    }
  return false;
}

/* Whether the node is of one of our ops, and of which. */
static bool is_ours(TfLiteContext *context, int index, TfLiteRegistration *ours) {
  TfLiteNode *node;
  TfLiteRegistration *found;
  return context->GetNodeAndRegistration(context, index, &node, &found) == kTfLiteOk &&
         kws_find_op(found->custom_name, ours);
}

static TfLiteStatus prepare(TfLiteContext *context, TfLiteDelegate *delegate) {
  TfLiteIntArray *plan;
  TfLiteRegistration op;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk) return kTfLiteError;

  /* Replacing nodes changes the plan, so their numbers, which stay, are collected first. */
  int *ours = malloc(((size_t)plan->size + 1) * sizeof *ours);
  TfLiteIntArray *one = malloc(sizeof *one + sizeof(int));
  TfLiteStatus status = ours && one ? kTfLiteOk : kTfLiteError;
  int count = 0;
  for (int i = 0; status == kTfLiteOk && i < plan->size; i++)
    if (is_ours(context, plan->data[i], &op)) ours[count++] = plan->data[i];

  for (int i = 0; status == kTfLiteOk && i < count; i++) {
    one->size = 1;
    one->data[0] = ours[i];
    status = is_ours(context, ours[i], &op)
                 ? context->ReplaceNodeSubsetsWithDelegateKernels(context, op, one, delegate)
                 : kTfLiteError;
  }
  free(ours);
  free(one);
  return status;
}

TfLiteDelegate *tflite_plugin_create_delegate(const char *const *keys, const char *const *values,
                                              size_t count, void (*report_error)(const char *)) {
  (void)keys, (void)values, (void)count, (void)report_error;
  TfLiteDelegate *delegate = calloc(1, sizeof *delegate);
  if (!delegate) return NULL;
  delegate->Prepare = prepare;
  /* Without it the runtime prepares the original nodes first, which nothing else can run. */
  delegate->flags = kTfLiteDelegateFlagsAllowDynamicTensors;
  return delegate;
}

void tflite_plugin_destroy_delegate(TfLiteDelegate *delegate) { free(delegate); }
