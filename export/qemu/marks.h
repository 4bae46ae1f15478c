/* Two of AArch64's hints that mean nothing to any processor, for the plugin to recognize. */
#ifndef KWS_MARKS_H
#define KWS_MARKS_H

#define KWS_MARK_BEGIN 0xd5032fdfu
#define KWS_MARK_END 0xd5032fffu

#ifdef __aarch64__
#define KWS_MARK(number) __asm__ volatile("hint " #number ::: "memory")
#else
#define KWS_MARK(number) ((void)0)
#endif
#define KWS_BEGIN() KWS_MARK(126)
#define KWS_END() KWS_MARK(127)

#endif
