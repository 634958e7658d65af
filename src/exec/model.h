/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model ready to run: one graph, one set of packed weights, programs by input shape.
 *
 *     struct device *dev;  struct model *m;  struct instance *r;
 *     TRY(device_create(0, &dev));                  // 0: as many threads as allowed
 *     TRY(model_create(graph, dev, &m));            // takes the graph
 *     TRY(instance_create(m, &r));
 *     TRY(instance_set_input(r, 0, shape, data, bytes));   // borrowed until the run ends
 *     TRY(instance_set_output(r, 0, data, capacity));      // or let the instance own it
 *     TRY(instance_run(r));
 *     const struct view *y = instance_output(r, 0);
 *     instance_destroy(r); model_destroy(m); device_destroy(dev);
 *
 * A model is immutable once created and may be run by several instances in several threads at
 * once. An instance holds the arena and scratch of one run at a time and belongs to one thread at
 * a time. A run for input shapes already planned allocates nothing.
 */
#ifndef PK_EXEC_MODEL_H
#define PK_EXEC_MODEL_H

#include "base/cpu.h"
#include "ir/graph.h"
#include "ops/op.h"

struct device;
struct model;
struct instance;

enum status device_create(int n_threads, struct device **out);
/* Keeps its workers on these cores; before it is used. */
void device_pin(struct device *d, const struct core_set *cores);
void device_destroy(struct device *d);
int device_threads(const struct device *d);
struct pool *device_pool(struct device *d);

/* Plans at once when every input shape is known, or the largest gear, so that load tells about
 * everything that cannot run. Takes `g`, also on failure. */
enum status model_create(struct graph *g, struct device *d, struct model **out);
/* Plans for these shapes now instead of at their first run. */
enum status model_plan(struct model *m, const struct shape *shapes);
/* Waits for nothing: no instance may be left. NULL is fine. */
void model_destroy(struct model *m);
/* Names, dtypes and shapes (dims -1 where the run decides) of the borders, and nothing else. */
const struct graph *model_graph(const struct model *m);
size_t model_arena_bytes(const struct model *m);   /* of the program planned at load; 0 if none */
size_t model_weights_bytes(const struct model *m); /* packed weights now held */
int64_t model_macs(const struct model *m); /* multiply-adds of the program planned at load */
/* The plan as text: a line a step with kernel, shapes, layouts, tiles, offsets. */
enum status model_print_plan(const struct model *m, FILE *to);

enum status instance_create(struct model *m, struct instance **out);
void instance_destroy(struct instance *r);
/* Row-major data of the graph's dtype. `bytes` must be at least what the shape needs. */
enum status instance_set_input(struct instance *r, int i, struct shape shape, const void *data,
                               size_t bytes);
/* Where output i shall be written; too small a capacity makes instance_run fail with a sentence
 * naming output, size and need. NULL: the instance keeps it. */
enum status instance_set_output(struct instance *r, int i, void *data, size_t capacity);
/* Ends a run with STATUS_TIMEOUT after a step that took longer; 0: no limit. */
void instance_limit_steps(struct instance *r, int64_t ns);
/* Where runs borrow their working memory. take: NULL when there is none; what it gives is any
 * address of so many bytes, and comes back before the run has ended. */
struct instance_lender {
    void *(*take)(void *user, size_t bytes);
    void (*give_back)(void *user);
    void *user;
};
/* From now on; NULL: the instance's own, which it keeps meanwhile. */
void instance_borrow(struct instance *r, const struct instance_lender *from);
/* max_threads: 0 = the device's. */
enum status instance_run(struct instance *r, int max_threads);
/* Valid until the next run. */
const struct view *instance_output(const struct instance *r, int i);

/* Time of each step of the last run, when PRUSIK_PROF is set or instance_profile(r, true) was
 * called. Valid until the next run. */
struct step_time {
    const char *node, *op, *kernel;
    double ms;
    int64_t macs;
    int64_t begin_ns, end_ns;  /* CLOCK_MONOTONIC */
    int64_t bytes;             /* of all its node takes and gives */
    int n_tiles;
    const struct node *source; /* in the graph instance_program() gives; NULL: none */
    const struct planned_conv *conv; /* of struct step, plan/program.h */
};
void instance_profile(struct instance *r, bool on);
int instance_step_times(const struct instance *r, const struct step_time **out);
/* The graph the last run executed, its shapes known as far as they can be, and a number that tells
 * it from every other the model has planned. */
const struct graph *instance_program(const struct instance *r, uint64_t *serial);

#endif
