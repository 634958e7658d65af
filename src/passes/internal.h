/* SPDX-License-Identifier: Apache-2.0 */
/* The passes, one per file; pipeline.c lists them in order. Below, what several of them ask. */
#ifndef PK_PASSES_INTERNAL_H
#define PK_PASSES_INTERNAL_H

#include "ops/activation.h"
#include "passes/passes.h"

enum status pass_fold_constants(struct graph *g);
enum status pass_remove_identity(struct graph *g);
enum status pass_fold_batch_norm(struct graph *g);
enum status pass_recognise_activation(struct graph *g);
enum status pass_join_convs(struct graph *g);
enum status pass_split_convs(struct graph *g);
enum status pass_defer_resize(struct graph *g);
enum status pass_weighted_sum(struct graph *g);
enum status pass_fuse_activation(struct graph *g);
enum status pass_fuse_residual(struct graph *g);
enum status pass_recognise_layer_norm(struct graph *g);
enum status pass_recognise_focus(struct graph *g);
enum status pass_fold_pad(struct graph *g);
enum status pass_dedupe(struct graph *g);
enum status pass_move_transposes(struct graph *g);
enum status pass_widen_half(struct graph *g);
enum status pass_trace_channels(struct graph *g);

/* The channels of the widest vectors there are: what is right for them is not wrong for others. */
enum { CHANNEL_VECTOR = 16 };
/* A two-dimensional Conv with constant weights that adds nothing else. */
bool is_plain_conv(const struct graph *g, const struct node *n);
/* What a node computes as an activation of the product before it; kind ACT_NONE if it cannot be
 * one. */
struct activation activation_to_fuse(const struct graph *g, const struct node *n);

#endif
