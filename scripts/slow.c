/* A clock that runs slower by the factor in SLOW_CLOCK, for a server under valgrind: what happens so many times a second
 * then comes once in as many requests as without valgrind. Loaded in front of the C library. Waiting for events takes as
 * much longer, or the loop would wake up in vain. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t slowness(void) {
    static int64_t factor;
    if (!factor) {
        const char *word = getenv("SLOW_CLOCK");
        factor = word ? atoi(word) : 1;
    }
    return factor;
}

int epoll_wait(int poll, struct epoll_event *events, int most, int timeout_ms) {
    if (timeout_ms > 0) timeout_ms *= slowness();
    return syscall(SYS_epoll_pwait, poll, events, most, timeout_ms, 0, 8);
}

int clock_gettime(clockid_t which, struct timespec *ts) {
    static int64_t began[16];
    int failed = syscall(SYS_clock_gettime, which, ts);
    if (failed || which < 0 || which >= 16) return failed;
    int64_t now = ts->tv_sec * 1000000000ll + ts->tv_nsec;
    if (!began[which]) began[which] = now;
    now = began[which] + (now - began[which]) / slowness();
    ts->tv_sec = now / 1000000000;
    ts->tv_nsec = now % 1000000000;
    return 0;
}
