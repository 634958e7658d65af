/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The half of `prusik` that uses libascendcl.so as any program would: detect, classify, run,
 * bench. It is a program of its own (prusik-app, started by prusik), because the other half links
 * the core statically, and a process must not hold two worker pools.
 */
#ifndef PK_CMD_APP_H
#define PK_CMD_APP_H

#include <stddef.h>
#include <stdint.h>

#include <acl/acl.h>

#include "npy.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define COMMAND(name, arguments, sentence) int app_##name(int argc, char **argv);
#include "commands.def"
#undef COMMAND

/* Says on stderr what is wrong with a command line, as help_wrong of ../help.h does, and how the
 * subcommand is called; returns EXIT_USAGE. */
int app_usage(const char *name, const char *why, const char *what);

/* Folders to write to, made if need be; NULL: not. The two exclude each other. */
struct app_record {
    const char *profile, *dump;
};

/* aclInit, device 0; threads 0 leaves PRUSIK_THREADS alone. Prints a sentence on failure. */
int app_start(int threads);
/* The same, with a configuration that profiles or dumps all that is loaded from now on. */
int app_start_recording(const char *command, int threads, const struct app_record *record);
void app_end(void);

/* "prusik detect: " and a sentence, to stderr; returns EXIT_FAILED. */
int app_fail(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A number option; 0 on success, else a sentence has been printed. */
int app_number(const char *command, const char *option, const char *text, double low, double high,
               double *out);
/* The same for a part of 1, more than nothing. */
int app_fraction(const char *command, const char *option, const char *text, float *out);
/* The same for whole numbers. */
int app_integer(const char *command, const char *option, const char *text, int low, int high,
                int *out);

/* Cores this process may use: its affinity mask, no more than its cgroup's quota. */
int app_cores(void);

#endif
