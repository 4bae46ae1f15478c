/* The functions of TFLite's C API that a spotter calls, found in a library at run time. Objects are
 * opaque here, so that no header of TFLite is needed. */
#ifndef KWS_TFLITE_API_H
#define KWS_TFLITE_API_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TfLiteXNNPackDelegateOptions: its first member and, as it comes by value, room for the others. */
typedef struct {
  int32_t threads;
  char others[508];
} kws_xnnpack_options;

/* Members that every library has, and those that may be missing: result, name, arguments. */
#define KWS_TFLITE_NEEDED(X)                                                                  \
  X(void *, TfLiteModelCreate, (const void *bytes, size_t size))                              \
  X(void, TfLiteModelDelete, (void *model))                                                   \
  X(void *, TfLiteInterpreterOptionsCreate, (void))                                           \
  X(void, TfLiteInterpreterOptionsDelete, (void *options))                                    \
  X(void, TfLiteInterpreterOptionsSetNumThreads, (void *options, int32_t threads))            \
  X(void, TfLiteInterpreterOptionsAddDelegate, (void *options, void *delegate))               \
  X(void, TfLiteInterpreterOptionsSetErrorReporter,                                           \
    (void *options, void (*report)(void *user, const char *format, va_list), void *user))     \
  X(void *, TfLiteInterpreterCreate, (const void *model, const void *options))                \
  X(void, TfLiteInterpreterDelete, (void *interpreter))                                       \
  X(int, TfLiteInterpreterAllocateTensors, (void *interpreter))                               \
  X(int, TfLiteInterpreterInvoke, (void *interpreter))                                        \
  X(int32_t, TfLiteInterpreterGetInputTensorCount, (const void *interpreter))                 \
  X(int32_t, TfLiteInterpreterGetOutputTensorCount, (const void *interpreter))                \
  X(void *, TfLiteInterpreterGetInputTensor, (const void *interpreter, int32_t index))        \
  X(const void *, TfLiteInterpreterGetOutputTensor, (const void *interpreter, int32_t index)) \
  X(int, TfLiteTensorType, (const void *tensor))                                              \
  X(int32_t, TfLiteTensorNumDims, (const void *tensor))                                       \
  X(int32_t, TfLiteTensorDim, (const void *tensor, int32_t index))                            \
  X(size_t, TfLiteTensorByteSize, (const void *tensor))                                       \
  X(void *, TfLiteTensorData, (const void *tensor))                                           \
  X(const char *, TfLiteVersion, (void))

#define KWS_TFLITE_OPTIONAL(X)                                                 \
  X(kws_xnnpack_options, TfLiteXNNPackDelegateOptionsDefault, (void))          \
  X(void *, TfLiteXNNPackDelegateCreate, (const kws_xnnpack_options *options)) \
  X(void, TfLiteXNNPackDelegateDelete, (void *delegate))

typedef struct {
  void *library;
#define KWS_MEMBER(result, name, arguments) result(*name) arguments;
  KWS_TFLITE_NEEDED(KWS_MEMBER)
  KWS_TFLITE_OPTIONAL(KWS_MEMBER)
#undef KWS_MEMBER
} kws_tflite_api;

/* Open a library; those that may be missing are NULL then. False, and why in message (one line), if
 * it cannot be opened or is no TFLite C library. */
bool kws_tflite_open(const char *path, kws_tflite_api *api, char *message, size_t message_size);
void kws_tflite_close(kws_tflite_api *api);

#endif
