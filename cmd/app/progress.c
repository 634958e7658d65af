/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

atomic_int progress_stop;

double progress_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

void progress_start(struct progress *p, const char *what, int64_t total) {
    struct winsize size;
    *p = (struct progress){.what = what, .total = total, .began_ms = progress_now_ms()};
    p->shown = isatty(STDERR_FILENO) && total != 1;
    p->width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 ? size.ws_col : 80;
}

static void time_text(double seconds, char text[static 24]) {
    long s = (long)(seconds + 0.5);
    if (s >= 3600) snprintf(text, 24, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else snprintf(text, 24, "%ld:%02ld", s / 60, s % 60);
}

static void draw(struct progress *p) {
    char text[200], left[24], bar[64] = "";
    double seconds = (progress_now_ms() - p->began_ms) / 1e3,
           rate = seconds > 0 ? (double)p->done / seconds : 0;
    if (p->total > 0 && p->done <= p->total) {
        int full = (int)(20 * p->done / p->total);
        time_text(rate > 0 ? (double)(p->total - p->done) / rate : 0, left);
        if (p->width >= 60) snprintf(bar, sizeof bar, "[%.*s%.*s] ", full, "####################",
                                     20 - full, "....................");
        snprintf(text, sizeof text, "%s%lld/%lld %s, %.1f/s, %s left", bar, (long long)p->done,
                 (long long)p->total, p->what, rate, left);
    } else {
        time_text(seconds, left);
        snprintf(text, sizeof text, "%lld %s, %.1f/s, %s", (long long)p->done, p->what, rate, left);
    }
    fprintf(stderr, "\r\033[K%.*s", p->width - 1, text);
    p->visible = 1;
}

void progress_step(struct progress *p) {
    p->done++;
    if (!p->shown) return;
    double now = progress_now_ms();
    if (now - p->drawn_ms < 100) return;
    p->drawn_ms = now;
    draw(p);
}

void progress_hide(struct progress *p) {
    if (p->visible) fputs("\r\033[K", stderr);
    p->visible = 0;
    p->drawn_ms = 0;
}

static void on_signal(int number) {
    if (atomic_exchange(&progress_stop, 1)) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

void progress_catch(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}
