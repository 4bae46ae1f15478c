#define _GNU_SOURCE /* sched_setaffinity, mallinfo2 */

#include "machine.h"

#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#ifdef __aarch64__
#include <sys/auxv.h>
#endif
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

/* The value behind a word that begins a line of a file. */
static bool find_line(const char *path, const char *word, char *value, size_t size) {
  char line[256];
  FILE *file = fopen(path, "r");
  bool found = false;
  while (file && !found && fgets(line, sizeof line, file)) {
    if (strncmp(line, word, strlen(word)) != 0) continue;
    const char *at = line + strlen(word);
    at += strspn(at, " \t:");
    snprintf(value, size, "%.*s", (int)strcspn(at, "\n"), at);
    found = true;
  }
  if (file) fclose(file);
  return found;
}

void kws_machine_name(char *text, size_t size) {
  struct utsname system;
  char processor[128] = "unknown processor";
  uname(&system);
  if (!find_line("/proc/cpuinfo", "model name", processor, sizeof processor))
    find_line("/proc/cpuinfo", "CPU part", processor, sizeof processor);
  snprintf(text, size, "%s, %ld cores, %s %s %s", processor, sysconf(_SC_NPROCESSORS_ONLN),
           system.sysname, system.release, system.machine);
}

void kws_cpu_features(char *text, size_t size) {
  text[0] = 0;
  size_t length = 0;
#define FEATURE(condition, name)    \
  if ((condition) && length < size) \
  length += (size_t)snprintf(text + length, size - length, "%s ", name)
#if defined __x86_64__
  FEATURE(__builtin_cpu_supports("sse4.2"), "sse4.2");
  FEATURE(__builtin_cpu_supports("avx"), "avx");
  FEATURE(__builtin_cpu_supports("fma"), "fma");
  FEATURE(__builtin_cpu_supports("avx2"), "avx2");
  FEATURE(__builtin_cpu_supports("avx512f"), "avx512f");
  FEATURE(__builtin_cpu_supports("avx512vl"), "avx512vl");
  FEATURE(__builtin_cpu_supports("avx512dq"), "avx512dq");
  FEATURE(__builtin_cpu_supports("avx512vnni"), "avx512vnni");
#elif defined __aarch64__
  const unsigned long has = getauxval(AT_HWCAP), has2 = getauxval(AT_HWCAP2);
  FEATURE(has & 1 << 1, "asimd");
  FEATURE(has & 1 << 10, "fp16");
  FEATURE(has & 1 << 20, "dotprod");
  FEATURE(has & 1 << 22, "sve");
  FEATURE(has2 & 1 << 13, "i8mm");
  FEATURE(has2 & 1 << 14, "bf16");
#endif
#undef FEATURE
  if (length > 0 && length < size) text[length - 1] = 0;
}

void kws_libc_name(char *text, size_t size) {
#if defined __GLIBC__
  snprintf(text, size, "glibc %s", gnu_get_libc_version());
#elif defined __ANDROID__
  snprintf(text, size, "bionic, API %d", __ANDROID_API__);
#else
  snprintf(text, size, "unknown");
#endif
}

bool kws_pin_to(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  if (cpu < 0 || cpu >= CPU_SETSIZE) return false;
  CPU_SET(cpu, &one);
  return sched_setaffinity(0, sizeof one, &one) == 0;
}

double kws_cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

size_t kws_heap_bytes(void) {
#if defined __GLIBC__ && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#else
  return 0;
#endif
}

size_t kws_resident_bytes(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file && fscanf(file, "%*u %lu", &pages) != 1) pages = 0;
  if (file) fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Not getrusage's, which begins at what the process that started this one had in memory. */
size_t kws_peak_resident_bytes(void) {
  char kilobytes[64] = "0";
  find_line("/proc/self/status", "VmHWM", kilobytes, sizeof kilobytes);
  return strtoul(kilobytes, NULL, 10) * 1024;
}
