/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dumping: what the operators of chosen models took and gave, one .npy file each, for every run.
 *
 * A model is chosen when it is loaded. The tensors wanted are made outputs of its graph behind the
 * program's own ones, so that no pass fuses them away, and an execution brings them out of whatever
 * layout they are computed in. A model that is not chosen costs nothing.
 */
#ifndef PK_ACL_DUMP_H
#define PK_ACL_DUMP_H

#include "acl/acl.h"
#include "acl/model.h"

struct json_t;

/* The section `dump` of a configuration file: models loaded from now on are dumped as it says. */
aclError dump_configure(const char *call, const char *path, const struct json_t *root);
/* Whether and what to dump of the model g: *out is NULL when not. `file` it came from, or NULL. */
aclError dump_select(const char *call, const char *file, const struct model_info *info,
                     struct graph *g, struct dump **out);
void dump_destroy(struct dump *d); /* NULL is fine */
/* Writes what a run has left in its outputs. What cannot be written is said in the log. */
void dump_run(struct dump *d, const struct model_info *info, int device,
              const struct instance *run, uint32_t stream, uint32_t task);

/* ---- operators called alone; dump_op.c ---- */

struct dump_settings;

/* One run of one. `settings` NULL: it is not dumped, and the other calls do nothing. */
struct dump_op {
    struct dump_settings *settings; /* held */
    const char *type;
    int device, n_inputs;
    uint32_t stream, task;
    const struct view *inputs; /* what it is given, which it may overwrite */
    bool were_finite;
    uint64_t stamp;
    char *rows; /* of the table, with "dump_data": "stats" */
};

/* Before it runs; the views must stay until dump_op_end. */
void dump_op_begin(struct dump_op *d, const char *type, int device, uint32_t stream, uint32_t task,
                   int n_inputs, const struct view *inputs);
/* After it; outputs NULL when it failed. */
void dump_op_end(struct dump_op *d, int n_outputs, const struct view *const *outputs);
/* An input of a run that failed, of an operator or a model, if "dump_scene" asks for it. */
void dump_failure(const char *type, const char *name, int device, uint32_t stream, uint32_t task,
                  int index, const struct view *input);
void dump_reset(void); /* inside aclFinalize */

#endif
