/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner's working state: from a graph to a program.
 *
 * plan.c walks the nodes in order and hands each to the lowering of its operator family
 * (lower_*.c), which appends steps. A tensor may exist in two layouts: PLAIN (row-major, as the
 * operator defines it) and BLOCKED (NCHWc, c = vector lanes; see kernels/kernels.h). A lowering
 * asks for the one it wants with plan_want(), which inserts a conversion at most once per tensor.
 *
 * Concat, and reshaping in front of a graph output, cost nothing where they can be addresses: each
 * tensor may have a *home*, decided before lowering (homes.c), which is where its producer should
 * write. A lowering that can, writes there; otherwise the consumer copies.
 */
#ifndef PK_PLAN_PLAN_H
#define PK_PLAN_PLAN_H

#include "ir/tuning.h"
#include "plan/program.h"

struct kernels; /* kernels/kernels.h */

enum layout { LAYOUT_PLAIN, LAYOUT_BLOCKED, LAYOUT_COUNT };

/* A piece of memory whose place is not decided yet. */
struct buffer {
    enum place place; /* ARENA or BORDER */
    int border;       /* BORDER: index */
    size_t bytes;
    int first_step, last_step; /* ARENA: when it is in use; first -1 = never */
    size_t offset;             /* ARENA: decided by plan_layout_memory() */
};

/* One representation of a tensor. */
struct value {
    bool valid;
    int buffer;           /* -1: constant or dynamic */
    size_t offset;        /* bytes into the buffer */
    int64_t batch_stride; /* BLOCKED: elements from one image to the next */
    const void *constant; /* PLAIN constants */
};

/* Where a tensor should be written. Strides in elements, for the tensor's own dims. */
struct home {
    bool valid;
    enum layout layout;
    int buffer;
    size_t offset;                    /* bytes */
    int64_t stride[SHAPE_MAX_RANK];   /* PLAIN */
    int64_t batch_stride;             /* BLOCKED */
    bool only_use; /* nothing but the node that gave the home reads this tensor */
};

/* A channel of a tensor that can be had blocked. */
struct channel {
    int tensor, channel;
};

struct plan_tensor {
    struct value in[LAYOUT_COUNT];
    const struct channel *channels; /* NULL, or where each channel is while it isn't in[BLOCKED] */
    const struct node *made_by;     /* NULL, or the Aipp that makes it while it isn't in[PLAIN] */
    struct home home;
    bool at_home; /* its elements are where home says */
    int dynamic;  /* index of its dynamic value, or -1 */
};

struct plan {
    struct graph *g;
    const struct graph *model; /* the graph g was made from; its constants outlive the program */
    struct program *p;
    struct weight_store *weights;
    const struct kernels *k;
    int block; /* channels of a block: vector lanes of k */
    bool reference; /* PRUSIK_REF=1: no fast kernels at all */
    bool own_constants;
    struct plan_tensor *tensors; /* one per tensor of g */
    struct graph_uses uses;
    unsigned char *done; /* per node: already computed as part of another */
    struct arena notes;  /* what only planning needs */
    struct tuning tuning; /* hints for this machine */
    int n_buffers, cap_buffers, cap_steps;
    struct buffer *buffers;
    /* Places that refs in steps name by buffer until plan_layout_memory() resolves them. */
    int n_fixups, cap_fixups;
    struct ref **fixups;
};

/* ---- steps ---- */
/* Appends a step; params of `bytes` zeroed bytes come from the program's memory. */
enum status plan_add_step(struct plan *s, const struct node *n, const char *kernel, int n_tiles,
                          enum status (*run)(const struct step *, struct run_env *, int, int),
                          size_t params_bytes, struct step **step, void *params);
void plan_want_scratch(struct plan *s, size_t bytes);
/* How many tiles to cut `units` equal units of `cost` (roughly: nanoseconds of one core) into: not
 * so small that dispatch shows, at most 64. */
int plan_tiles(int64_t units, double unit_cost_ns);
/* Part `tile` of `n_tiles` of 0..units: [begin, end). */
static inline void tile_range(int64_t units, int n_tiles, int tile, int64_t *begin, int64_t *end) {
    *begin = units * tile / n_tiles;
    *end = units * (tile + 1) / n_tiles;
}

/* ---- memory ---- */
enum status plan_add_buffer(struct plan *s, size_t bytes, int *out);
/* A step's reference to a value; call it after plan_add_step, for that last step: it extends the
 * buffer's life. `ref` must lie in the program's memory (step params). */
enum status plan_ref(struct plan *s, const struct value *v, struct ref *ref);
enum status plan_layout_memory(struct plan *s);

/* ---- values ---- */
/* Elements of one blocked image of this shape (rank 3 to 5: C then space), padding included. */
int64_t plan_blocked_image(const struct plan *s, const struct shape *shape);
/* The representation of tensor t in `layout`, converted if need be. */
enum status plan_want(struct plan *s, const struct node *n, int t, enum layout layout,
                      struct value *out);
bool plan_has(const struct plan *s, int t, enum layout layout);
/* Makes a place for output tensor t in `layout`: its home if that fits, else a buffer of its
 * own. */
enum status plan_define(struct plan *s, int t, enum layout layout, struct value *out);
/* Output tensor t is the same bytes as `v`. */
void plan_alias(struct plan *s, int t, enum layout layout, const struct value *v);
/* True when tensor t can be blocked: f32, rank 4, known shape. */
bool plan_blockable(const struct plan *s, int t);

/* Sees to it that tensor t is where its home says. */
enum status plan_bring_home(struct plan *s, const struct node *n, int t);
/* Copies tensor t to `h`, whatever home it has itself. */
enum status plan_write_to(struct plan *s, const struct node *n, int t, const struct home *h);
/* A step that copies elements between two strided plain places. */
enum status plan_copy(struct plan *s, const struct node *n, const char *kernel,
                      const struct value *src, const int64_t *src_stride, const struct value *dst,
                      const int64_t *dst_stride, const struct shape *shape, size_t element_bytes);
/* Tensor t has been written to its home by a step. */
void plan_set_home_written(struct plan *s, int t);
/* The strides of a contiguous tensor. */
void plan_contiguous(const struct shape *shape, int64_t *stride);

/* A step from a plain f32 place whose pixels are evenly spaced to BLOCKED. */
enum status plan_to_blocked(struct plan *s, const struct node *n, const struct shape *shape,
                            const struct value *src, const int64_t *src_stride,
                            const struct value *dst);
/* The way back, of the channels from `first` on of a blocked tensor; `shape` is that of the plain
 * place. */
enum status plan_from_blocked(struct plan *s, const struct node *n, const struct shape *shape,
                              const struct value *src, int64_t first, const struct value *dst,
                              const int64_t *dst_stride);

/* ---- channels of other tensors; channels.c ---- */
/* y is the channels of x from `at` on; x can be had blocked. */
enum status plan_slice_channels(struct plan *s, int x, int y, int64_t at);
/* Whether a Concat is to name its inputs' channels instead of having them written side by side. */
bool plan_concat_is_by_channel(const struct plan *s, const struct node *n);
enum status plan_concat_channels(struct plan *s, const struct node *n);
/* Takes GatherChannels. */
enum status plan_gather_from(struct plan *s, const struct node *n, bool *done);
/* A step that writes tensor t, of which only the list of channels exists, to `to`, blocked. */
enum status plan_gather_channels(struct plan *s, const struct node *n, int t,
                                 const struct value *to);
/* True when tensor t, which has such a list, is one tensor's channels from *first on. */
bool plan_channel_run(const struct plan *s, int t, int *source, int64_t *first);

/* A step that writes what Aipp node n makes, or of that only pictures it resizes; lower_aipp.c. */
enum status plan_aipp_step(struct plan *s, const struct node *n, bool only_resized,
                           struct value *to);

/* ---- weights ---- */
/* weight_store_get() for constants that belong to the model, so that all its programs share the
 * packed form; a constant made for this program alone is packed into the program's memory. */
enum status plan_pack(struct plan *s, const struct tensor *w, const struct tensor *second,
                      const struct packing *how, const void **out);

/* ---- what several lowerings read from a node ---- */
struct fused_activation {
    int act; /* enum activation */
    float alpha, beta;
};
/* False when the kernels do not know this one. */
bool plan_fused_activation(const struct node *n, struct fused_activation *out);
struct window {
    int kh, kw, sh, sw, dh, dw, pt, pl, pb, pr;
};
/* Strides, dilations and padding of a 2-D window, auto_pad resolved; false when the kernels do not
 * take it. */
bool plan_window(const struct node *n, const struct shape *x, const struct shape *y, int kh, int kw,
                 struct window *w);

struct gemm_plan;
/* A step for one product of plain matrices, B packed; lower_gemm.c. */
enum status plan_gemm_packed(struct plan *s, const struct node *n, const struct gemm_plan *p,
                             const void *packed, const struct value *a, const struct value *c);

/* ---- lowerings: *done says whether the node was taken ---- */
enum status lower_reference(struct plan *s, const struct node *n);
enum status lower_conv(struct plan *s, const struct node *n, bool *done);
enum status lower_conv_integer(struct plan *s, const struct node *n, bool *done);
enum status lower_matmul_integer(struct plan *s, const struct node *n, bool *done);
enum status lower_quant(struct plan *s, const struct node *n, bool *done);
enum status lower_gemm(struct plan *s, const struct node *n, bool *done);
enum status lower_pool(struct plan *s, const struct node *n, bool *done);
enum status lower_eltwise(struct plan *s, const struct node *n, bool *done);
enum status lower_rows(struct plan *s, const struct node *n, bool *done);
enum status lower_aipp(struct plan *s, const struct node *n, bool *done);
enum status lower_cast(struct plan *s, const struct node *n, bool *done);
enum status lower_move(struct plan *s, const struct node *n, bool *done);

/* Gives tensor t a plain, contiguous home of its own when it has none. */
enum status plan_ensure_home(struct plan *s, int t);
/* Whether all parts of a Split are to lie as they would in one tensor at `x`. */
bool plan_parts_are_whole(const struct plan *s, const struct node *split, const struct home *x);
/* Decides homes; homes.c. home_steps_through() is the rule both sides share: when the output of
 * node n is at `y`, input i is at *x, or *x is not valid. */
enum status plan_find_homes(struct plan *s);
void home_steps_through(const struct plan *s, const struct node *n, int i, const struct home *y,
                        struct home *x);

#endif
