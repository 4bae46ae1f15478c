/* The library's two public functions: TFLite's plug-in interface for delegates, which
 * load_delegate(path) in Python and the external delegate in C++ look up. The delegate takes over
 * every KwsToeplitzLike node of a graph, each as a node of its own. */
#include <stdlib.h>
#include <string.h>

#include "toeplitz_like_op.h"

#define EXPORTED __attribute__((visibility("default")))

EXPORTED TfLiteDelegate *tflite_plugin_create_delegate(const char *const *keys,
                                                       const char *const *values, size_t count,
                                                       void (*report_error)(const char *));
EXPORTED void tflite_plugin_destroy_delegate(TfLiteDelegate *delegate);

static bool is_ours(TfLiteContext *context, int index) {
  TfLiteNode *node;
  TfLiteRegistration *registration;
  return context->GetNodeAndRegistration(context, index, &node, &registration) == kTfLiteOk &&
         registration->custom_name && strcmp(registration->custom_name, KWS_OP_NAME) == 0;
}

static TfLiteStatus prepare(TfLiteContext *context, TfLiteDelegate *delegate) {
  TfLiteIntArray *plan;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk) return kTfLiteError;

  /* Replacing nodes changes the plan, so their numbers, which stay, are collected first. */
  int *ours = malloc(((size_t)plan->size + 1) * sizeof *ours);
  TfLiteIntArray *one = malloc(sizeof *one + sizeof(int));
  TfLiteStatus status = ours && one ? kTfLiteOk : kTfLiteError;
  int count = 0;
  for (int i = 0; status == kTfLiteOk && i < plan->size; i++)
    if (is_ours(context, plan->data[i])) ours[count++] = plan->data[i];

  for (int i = 0; status == kTfLiteOk && i < count; i++) {
    one->size = 1;
    one->data[0] = ours[i];
    status = context->ReplaceNodeSubsetsWithDelegateKernels(
        context, kws_toeplitz_like_registration(), one, delegate);
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
