/* SPDX-License-Identifier: Apache-2.0 */
/* A line on a terminal that says how far a long piece of work is; and being asked to stop. */
#ifndef PK_CMD_PROGRESS_H
#define PK_CMD_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

struct progress {
    int shown;          /* stderr is a terminal and there is more than one thing to do */
    int visible;        /* a line stands there now */
    int width;
    int64_t done, total; /* total 0: unknown */
    double began_ms, drawn_ms;
    const char *what;   /* "pictures" */
};

double progress_now_ms(void);
void progress_start(struct progress *p, const char *what, int64_t total);
/* One more is done. Draws at most ten times a second. */
void progress_step(struct progress *p);
/* Takes the line away, for something else to be printed. */
void progress_hide(struct progress *p);

/* Set by SIGINT and SIGTERM from progress_catch() on; a second one ends the program at once. */
extern atomic_int progress_stop;
void progress_catch(void);

#endif
