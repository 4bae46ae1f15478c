/* A plugin for QEMU's user-mode emulators that prints how many instructions the program executed:
 *     qemu-aarch64 -plugin ./libcount_instructions.so ... 2>&1 >/dev/null
 * and first, a line each, those between an instruction KWS_MARK_BEGIN and the next KWS_MARK_END.
 * The few declarations of QEMU's plugin interface, version 1, that it takes stand here, because no
 * package has the header. For programs of one thread. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "marks.h"

#define EXPORTED __attribute__((visibility("default")))

struct qemu_plugin_tb; /* a block of instructions that are executed together */
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_INLINE_ADD_U64 = 0, QEMU_PLUGIN_CB_NO_REGS = 0 };
enum { MOST_MARKED = 1 << 16 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation,
                                              void *operand, uint64_t constant);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
                                            void (*executed)(unsigned, void *), int registers,
                                            void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*leaving)(uint64_t, void *), void *data);

EXPORTED extern const int qemu_plugin_version;
EXPORTED int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

const int qemu_plugin_version = 1;

static uint64_t instructions, begun, marked[MOST_MARKED];
static size_t count;

/* A block is counted as a whole when it begins; `rest` is what it holds from the mark on. */
static void begin(unsigned cpu, void *rest) {
  (void)cpu;
  begun = instructions - (uintptr_t)rest;
}

static void end(unsigned cpu, void *rest) {
  (void)cpu;
  if (count < MOST_MARKED) marked[count++] = instructions - (uintptr_t)rest - begun;
}

static void translated(uint64_t id, struct qemu_plugin_tb *block) {
  (void)id;
  const size_t length = qemu_plugin_tb_n_insns(block);
  qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &instructions,
                                           length);
  for (size_t k = 0; k < length; k++) {
    struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, k);
    uint32_t code = 0;
    if (qemu_plugin_insn_size(instruction) == sizeof code)
      memcpy(&code, qemu_plugin_insn_data(instruction), sizeof code);
    void *rest = (void *)(uintptr_t)(length - k);
    if (code == KWS_MARK_BEGIN)
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, begin, QEMU_PLUGIN_CB_NO_REGS, rest);
    if (code == KWS_MARK_END)
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, end, QEMU_PLUGIN_CB_NO_REGS, rest);
  }
}

static void leaving(uint64_t id, void *data) {
  (void)id, (void)data;
  for (size_t k = 0; k < count; k++) fprintf(stderr, "marked: %" PRIu64 "\n", marked[k]);
  fprintf(stderr, "instructions: %" PRIu64 "\n", instructions);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
  (void)info, (void)argc, (void)argv;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, leaving, NULL);
  return 0;
}
