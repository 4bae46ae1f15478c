/* Runs a model so many times with the TFLite C library, on an input of small numbers:
 *     invoke_tflite LIBTENSORFLOWLITE_C MODEL CALLS xnnpack|OP_LIBRARY
 * with XNNPACK or with the operators of a plug-in, on one thread. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *library;

static void *symbol(void *from, const char *name) {
  void *found = dlsym(from, name);
  if (!found) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  return found;
}

static void *open_library(const char *path) {
  void *opened = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!opened) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  return opened;
}

/* Functions of the C API by their shape; a pointer from dlsym converts by a union. */
typedef union {
  void *symbol;
  void *(*make)(void);
  void *(*make_of)(const void *);
  void *(*make_of_two)(const void *, const void *);
  void (*change)(void *, void *);
  void (*set)(void *, int);
  int (*run)(void *);
  void *(*plugin)(const char *const *, const char *const *, size_t, void (*)(const char *));
  void *(*part)(const void *, int);
  size_t (*size)(const void *);
} function;

static function api(const char *name) { return (function){.symbol = symbol(library, name)}; }

static void *delegate(const char *operators) {
  if (strcmp(operators, "xnnpack") == 0) return api("TfLiteXNNPackDelegateCreate").make_of(NULL);
  void *plugin = open_library(operators);
  return (function){.symbol = symbol(plugin, "tflite_plugin_create_delegate")}.plugin(NULL, NULL, 0,
                                                                                      NULL);
}

static void fill(void *interpreter) {
  void *input = api("TfLiteInterpreterGetInputTensor").part(interpreter, 0);
  float *values = api("TfLiteTensorData").make_of(input);
  const size_t count = api("TfLiteTensorByteSize").size(input) / sizeof *values;
  for (size_t k = 0; k < count; k++) values[k] = (float)(k * 37 % 101) / 101.0f - 0.5f;
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: %s LIBTENSORFLOWLITE_C MODEL CALLS xnnpack|OP_LIBRARY\n", argv[0]);
    return 2;
  }
  library = open_library(argv[1]);
  void *model = api("TfLiteModelCreateFromFile").make_of(argv[2]);
  void *options = api("TfLiteInterpreterOptionsCreate").make();
  api("TfLiteInterpreterOptionsSetNumThreads").set(options, 1);
  api("TfLiteInterpreterOptionsAddDelegate").change(options, delegate(argv[4]));
  void *interpreter = model ? api("TfLiteInterpreterCreate").make_of_two(model, options) : NULL;
  if (!interpreter || api("TfLiteInterpreterAllocateTensors").run(interpreter) != 0) {
    fprintf(stderr, "%s cannot be run\n", argv[2]);
    return 1;
  }
  fill(interpreter);
  const function invoke = api("TfLiteInterpreterInvoke");
  for (int calls = atoi(argv[3]); calls > 0; calls--)
    if (invoke.run(interpreter) != 0) return 1;
  return 0;
}
