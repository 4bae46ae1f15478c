/* The few C structs of TensorFlow Lite that an op needs, declared here so that the library is
 * built without TensorFlow and imports no symbol of it. Field order is that of TFLite's
 * core/c/common.h, which keeps it stable: seen working in tf.lite 2.21, LiteRT 2.3, tflite-runtime
 * 2.14 and the TFLite C library 2.17. Fields that the op never touches have plain pointer types. */
#ifndef KWS_TFLITE_ABI_H
#define KWS_TFLITE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { kTfLiteOk = 0, kTfLiteError = 1 } TfLiteStatus;

typedef enum {
  kTfLiteNoType = 0,
  kTfLiteFloat32 = 1,
  kTfLiteInt8 = 9,
  kTfLiteFloat16 = 10
} TfLiteType;

typedef enum { kTfLiteMemNone = 0, kTfLiteMmapRo = 1 } TfLiteAllocationType;

enum { kTfLiteOptionalTensor = -1, kTfLiteDelegateFlagsAllowDynamicTensors = 1 };

typedef struct {
  int size;
  int data[];
} TfLiteIntArray;

typedef struct {
  TfLiteType type;
  void *data;
  TfLiteIntArray *dims;
  struct {
    float scale;
    int32_t zero_point;
  } params;
  TfLiteAllocationType allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  void *delegate;
  int buffer_handle;
  bool data_is_stale, is_variable;
  struct {
    int type;
    void *params;
  } quantization;
  void *sparsity;
  const TfLiteIntArray *dims_signature;
} TfLiteTensor;

typedef struct {
  TfLiteIntArray *inputs, *outputs, *intermediates, *temporaries;
  void *user_data, *builtin_data;
  const void *custom_initial_data;
  int custom_initial_data_size;
  void *delegate;
  bool might_have_side_effect;
} TfLiteNode;

typedef struct TfLiteContext TfLiteContext;
typedef struct TfLiteDelegate TfLiteDelegate;

typedef struct {
  void *(*init)(TfLiteContext *, const char *buffer, size_t length);
  void (*free)(TfLiteContext *, void *state);
  TfLiteStatus (*prepare)(TfLiteContext *, TfLiteNode *);
  TfLiteStatus (*invoke)(TfLiteContext *, TfLiteNode *);
  const char *(*profiling_string)(const TfLiteContext *, const TfLiteNode *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  /* Handed over by value, and newer runtimes have more fields: these stay zero for them. */
  void *later_fields[16];
} TfLiteRegistration;

struct TfLiteContext {
  size_t tensors_size;
  TfLiteStatus (*GetExecutionPlan)(TfLiteContext *, TfLiteIntArray **plan);
  TfLiteTensor *tensors;
  void *impl_;
  TfLiteStatus (*ResizeTensor)(TfLiteContext *, TfLiteTensor *, TfLiteIntArray *size);
  void (*ReportError)(TfLiteContext *, const char *format, ...);
  TfLiteStatus (*AddTensors)(TfLiteContext *, int count, int *first);
  TfLiteStatus (*GetNodeAndRegistration)(TfLiteContext *, int index, TfLiteNode **,
                                         TfLiteRegistration **);
  TfLiteStatus (*ReplaceNodeSubsetsWithDelegateKernels)(TfLiteContext *, TfLiteRegistration,
                                                        const TfLiteIntArray *nodes,
                                                        TfLiteDelegate *);
  int recommended_num_threads;
  void *GetExternalContext, *SetExternalContext;
  bool allow_fp32_relax_to_fp16;
  void *profiler;
  void *(*AllocatePersistentBuffer)(TfLiteContext *, size_t bytes);
  TfLiteStatus (*AllocateBufferForEval)(TfLiteContext *, size_t bytes, void **);
  TfLiteStatus (*RequestScratchBufferInArena)(TfLiteContext *, size_t bytes, int *index);
  void *(*GetScratchBuffer)(TfLiteContext *, int index);
  TfLiteStatus (*ResizeTensorExplicit)(TfLiteContext *, TfLiteTensor *, int dims,
                                       const int *shape);
};

struct TfLiteDelegate {
  void *data_;
  TfLiteStatus (*Prepare)(TfLiteContext *, TfLiteDelegate *);
  void *CopyFromBufferHandle, *CopyToBufferHandle, *FreeBufferHandle;
  int64_t flags;
  void *opaque_delegate_builder;
};

typedef struct {
  TfLiteDelegate *delegate;
  TfLiteIntArray *nodes_to_replace, *input_tensors, *output_tensors;
} TfLiteDelegateParams;

#endif
