/* SPDX-License-Identifier: Apache-2.0 */
/* What dumping models and dumping operators share: the settings, and how tensors are written. */
#ifndef PK_ACL_DUMP_INTERNAL_H
#define PK_ACL_DUMP_INTERNAL_H

#include <stdatomic.h>

#include "acl/acl_dump.h"
#include "base/arena.h"
#include "ops/op.h"

/* ---- settings; dump_settings.c ---- */

/* An entry of dump_list. */
struct dump_choice {
    const char *model; /* NULL: every model */
    int n_layers;      /* 0: all of them */
    const char **layers;
};

/* Of one aclInit or aclmdlSetDump; immutable, but for the atomics. */
struct dump_settings {
    struct dump_settings *next; /* older */
    atomic_int n_users;         /* the list, models and runs of operators */
    atomic_bool is_over;        /* aclmdlFinalizeDump was called: nothing is written any more */
    atomic_uint n_op_runs;      /* of operators called alone, for dump_step */
    atomic_bool has_failed;     /* operators: said once, not for every run */
    struct arena arena;
    const char *path, *time; /* the folder {dump_path}/{time} */
    bool inputs, outputs, statistics;
    bool operators; /* those called alone, too */
    bool overflow;  /* only operators that make an infinity or NaN of what was finite */
    bool failures;  /* what a run that fails was given */
    int n_steps;    /* ranges of runs; 0: every run */
    struct dump_steps {
        uint32_t first, last;
    } *steps;
    int n_choices;
    struct dump_choice *choices;
};

/* The newest settings that `wants` is true of, held, or NULL. */
struct dump_settings *dump_settings_find(bool (*wants)(const struct dump_settings *s, void *of),
                                         void *of);
void dump_settings_release(struct dump_settings *s); /* NULL is fine */
bool dump_wants_step(const struct dump_settings *s, uint32_t step); /* counted from 0 */

/* At most `most` bytes of a name; those that `allowed` does not have become '_'. */
const char *dump_fit_name(struct arena *arena, const char *name, const char *allowed, int most);

/* ---- writing; dump_write.c ---- */

struct dump_piece {
    const void *data;
    size_t bytes;
};

/* Where the bytes of one run go: the callback, or files. */
struct dump_target {
    int32_t (*callback)(const acldumpChunk *, int32_t);
    int32_t flag;
    acldumpChunk *chunk; /* with room for the bytes behind it; only with a callback */
};

/* Makes the folders of `path` behind its first n_root bytes, unless the program has a callback.
 * False: errno says why. Close it either way. */
bool dump_target_open(struct dump_target *to, char *path, size_t n_root);
void dump_target_close(struct dump_target *to);
const char *dump_remedy(const struct dump_target *to); /* what helps when writing fails */
/* A file, or chunks of the callback; false: errno says why. */
bool dump_put(const struct dump_target *to, const char *path, const struct dump_piece *pieces,
              int n);
bool dump_put_tensor(const struct dump_target *to, const char *path, const struct view *v);

enum { DUMP_ROW_BYTES = 512 };
#define DUMP_STATISTICS_HEAD                                                                       \
    "Input/Output,Index,Data Size,Data Type,Format,Shape,Max Value,Min Value,Avg Value,L2 Norm\n"
/* A line of the table; a NaN among the elements makes all four values NaN. */
int dump_statistics_row(bool is_input, int index, const struct view *v, char to[DUMP_ROW_BYTES]);

/* Whether no element is an infinity or NaN; true of integers. */
bool dump_is_finite(const struct view *v);

/* Makes the folders of `path` behind its first `from` bytes. */
bool dump_make_folders(char *path, size_t from);
/* Microseconds since 1970, which have 16 digits; greater than `last`. */
uint64_t dump_time_stamp(uint64_t last);

#endif
