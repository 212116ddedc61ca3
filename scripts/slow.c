/* A clock that runs slower by the factor in SLOW_CLOCK, for a server under valgrind: what happens so many times a second
 * then comes once in as many requests as without valgrind. Loaded in front of the C library. Waiting in the kernel is not
 * touched: who waits for a time wakes up early and waits again. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec *ts) {
    static int64_t factor, began[16];
    if (!factor) {
        const char *word = getenv("SLOW_CLOCK");
        factor = word ? atoi(word) : 1;
    }
    int failed = syscall(SYS_clock_gettime, which, ts);
    if (failed || which < 0 || which >= 16) return failed;
    int64_t now = ts->tv_sec * 1000000000ll + ts->tv_nsec;
    if (!began[which]) began[which] = now;
    now = began[which] + (now - began[which]) / factor;
    ts->tv_sec = now / 1000000000;
    ts->tv_nsec = now % 1000000000;
    return 0;
}
