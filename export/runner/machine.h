/* What the runner tells about the machine and its own memory. */
#ifndef KWS_MACHINE_H
#define KWS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

/* Processor and kernel as the system names them. */
void kws_machine_name(char *text, size_t size);

/* Instruction sets that matter to the kernels, with spaces between them. */
void kws_cpu_features(char *text, size_t size);

/* The C library and its version. */
void kws_libc_name(char *text, size_t size);

/* Run only on this core from now on. */
bool kws_pin_to(int cpu);

/* Processor time of all threads so far, in seconds. */
double kws_cpu_seconds(void);

/* Bytes in use in the heap, or 0 where the C library does not tell; resident now, and at most. */
size_t kws_heap_bytes(void);
size_t kws_resident_bytes(void);
size_t kws_peak_resident_bytes(void);

#endif
