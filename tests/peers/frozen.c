/* A clock that stands still, for a real server whose replies are compared with transcripts.
 *
 * Loaded in front of the C library, it answers every question about the time with what the file named by FROZEN_CLOCK
 * says: microseconds since 1970, eight bytes. Both kinds of clock get the same answer, so a transcript's `@1500` moves
 * deadlines, timers and idle times alike. Waiting in the kernel is not touched: a server whose clock stands still wakes
 * up as often as before and finds nothing due. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *clock_us;

static int64_t now_us(void) {
    if (!clock_us) {
        const char *path = getenv("FROZEN_CLOCK");
        int file = path ? open(path, O_RDONLY) : -1;
        void *page = file < 0 ? MAP_FAILED : mmap(0, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
        if (page == MAP_FAILED) _exit(99);
        close(file);
        clock_us = page;
    }
    return *clock_us;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
    int64_t us = now_us();
    (void)zone;
    tv->tv_sec = us / 1000000;
    tv->tv_usec = us % 1000000;
    return 0;
}

int clock_gettime(clockid_t which, struct timespec *ts) {
    int64_t us = now_us();
    (void)which;
    ts->tv_sec = us / 1000000;
    ts->tv_nsec = us % 1000000 * 1000;
    return 0;
}

time_t time(time_t *out) {
    time_t seconds = now_us() / 1000000;
    if (out) *out = seconds;
    return seconds;
}
