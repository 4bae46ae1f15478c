/* Which kernels there are, and which of them this processor runs. */
#include "kernels.h"

extern const kws_kernels kws_scalar, kws_simd4, kws_avx2, kws_avx512;

const kws_kernels *const *kws_all_kernels(size_t *count) {
#ifdef __x86_64__
  static const kws_kernels *const all[] = {&kws_scalar, &kws_simd4, &kws_avx2, &kws_avx512};
  *count = 2;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    *count = 3;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
      *count = 4;
  }
#else
  static const kws_kernels *const all[] = {&kws_scalar, &kws_simd4};
  *count = 2;
#endif
  return all;
}
