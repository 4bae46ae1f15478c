#define _GNU_SOURCE /* RTLD_NODELETE */

#include "tflite_api.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* C has no conversion from dlsym's pointer to one to a function. */
static bool find(void *library, const char *name, void *function) {
  void *symbol = dlsym(library, name);
  memcpy(function, &symbol, sizeof symbol);
  return symbol != NULL;
}

bool kws_tflite_open(const char *path, kws_tflite_api *api, char *message, size_t message_size) {
  memset(api, 0, sizeof *api);
  /* The library keeps what it allocated once, so it would lose that with every closing. */
  api->library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!api->library) {
    snprintf(message, message_size, "the TFLite library cannot be opened: %s", dlerror());
    return false;
  }
  const char *missing = NULL;
#define FIND(result, name, arguments) \
  if (!find(api->library, #name, &api->name) && !missing) missing = #name;
  KWS_TFLITE_NEEDED(FIND)
  const char *needed = missing;
  KWS_TFLITE_OPTIONAL(FIND)
#undef FIND
  if (!needed) return true;
  snprintf(message, message_size, "%s is no library with TFLite's C API: it has no %s", path,
           needed);
  kws_tflite_close(api);
  return false;
}

void kws_tflite_close(kws_tflite_api *api) {
  if (api->library) dlclose(api->library);
  api->library = NULL;
}
