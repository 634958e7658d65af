/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program: what a graph becomes for one set of input shapes. A list of steps, every tensor's
 * place, and how much memory a run needs. Immutable once built; any number of runs may execute it
 * at the same time, each with its own memory (struct run_env).
 *
 * Places. A tensor lies in the arena (one block a run, laid out by liveness), at the border (memory
 * of the caller: an input or an output), in a constant, or, when its shape is known only while
 * running, in a dynamic buffer that grows.
 *
 * A step is a fixed list of tiles. Tiles of one step never write the same bytes and never depend on
 * each other; what a tile computes does not depend on the worker that runs it.
 */
#ifndef PK_PLAN_PROGRAM_H
#define PK_PLAN_PROGRAM_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/pool.h"
#include "ir/graph.h"
#include "ops/op.h"

enum place { PLACE_NONE, PLACE_ARENA, PLACE_BORDER, PLACE_CONSTANT, PLACE_DYNAMIC };

/* Where a step finds or puts something. */
struct ref {
    enum place place;
    int index;            /* BORDER: inputs first, then outputs. DYNAMIC: which. */
    size_t offset;        /* bytes from the start of that place */
    const void *constant; /* CONSTANT: the address itself */
};

/* A tensor whose shape only running tells. */
struct dynamic_value {
    enum dtype dtype;
    struct shape shape;
    void *data; /* mem_alloc_aligned, `capacity` bytes, kept for the next run */
    size_t capacity;
};

enum { RUN_ERROR_BYTES = 1024 };

/* The memory of one run. */
struct run_env {
    unsigned char *arena;
    void **border; /* n_inputs + n_outputs addresses */
    size_t *input_bytes; /* of the memory behind each input, at least what its shape needs */
    struct dynamic_value *dynamic;
    unsigned char *scratch; /* scratch_stride bytes a worker */
    size_t scratch_stride;
    atomic_int status; /* of the first step that failed */
    char error[RUN_ERROR_BYTES];
};

static inline void *ref_at(const struct run_env *env, const struct ref *r) {
    switch (r->place) {
    case PLACE_ARENA: return env->arena + r->offset;
    case PLACE_BORDER: return (unsigned char *)env->border[r->index] + r->offset;
    case PLACE_CONSTANT: return (void *)(uintptr_t)r->constant;
    case PLACE_DYNAMIC: return env->dynamic[r->index].data;
    default: return NULL;
    }
}

struct step {
    const char *node;   /* name of the node it computes, or that it prepares data for */
    const char *kernel; /* "conv1x1 2x14", "reference", "reorder", ... */
    enum op_kind op;
    int source; /* that node in the program's graph, or -1 */
    int n_tiles;
    int64_t macs;
    const struct planned_conv *conv; /* plan/conv_steps.h: of a Conv with f32 weights, else NULL */
    enum status (*run)(const struct step *s, struct run_env *env, int tile, int worker);
    void *params; /* of run; in the program's memory */
};

/* A border tensor as the program sees it. */
struct border {
    enum dtype dtype;
    struct shape shape;
    size_t bytes;
    int dynamic; /* outputs: index of the dynamic value that holds it, or -1 */
};

struct program {
    int n_steps, n_inputs, n_outputs, n_dynamic;
    struct step *steps;
    struct border *borders; /* inputs, then outputs */
    size_t arena_bytes, scratch_bytes; /* scratch: of one worker */
    int64_t macs;
    struct graph *graph; /* specialised to the input shapes; owned; lives as long as the program */
    struct arena memory; /* steps and their parameters */
};

struct weight_store;

/* How constants are packed. */
struct packing {
    const void *signature; /* what the packed form depends on beside the constants */
    size_t signature_bytes, packed_bytes;
    /* Any thread may do it, later: what the context refers to lives as long as the constants. */
    void (*pack)(const void *context, void *memory);
    const void *context; /* copied */
    size_t context_bytes;
};

/* Packed weights shared by all programs of a model, keyed by the constants they come from and the
 * form they are packed in. For one thread at a time. */
enum status weight_store_create(size_t expected_bytes, struct weight_store **out);
void weight_store_destroy(struct weight_store *s);
size_t weight_store_bytes(const struct weight_store *s);
/* Where the packed form of `source` and `second` (which may be NULL) will be: nothing is there
 * before weight_store_fill(). */
enum status weight_store_get(struct weight_store *s, const struct tensor *source,
                             const struct tensor *second, const struct packing *how,
                             const void **out);
/* Packs what has been asked for since the last time. Nobody reads [lent, lent + lent_bytes) again
 * but for this: its memory is given back as packing goes on. NULL: somebody does. */
void weight_store_fill(struct weight_store *s, struct pool *pool, void *lent, size_t lent_bytes);

/* Plans `g`: sorted, inferred, all shapes of its inputs known. Takes `g`, also on failure. `model`
 * is the graph it was made from, at least until then; packed forms of constants that both have
 * in common go to `weights`, which the caller fills, also on failure. With own_constants the steps
 * read copies of constants, which lie with the packed forms, so that `model` can go. */
enum status program_create(struct graph *g, const struct graph *model, struct weight_store *weights,
                           bool own_constants, struct program **out);
void program_destroy(struct program *p);
enum status program_print(const struct program *p, FILE *to);

#endif
