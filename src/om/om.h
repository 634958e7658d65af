/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offline model: a graph in a file that `atc` writes and aclmdlLoadFromFile reads.
 *
 * Bytes (little-endian). The container is CANN's, so that tools which open its files open ours:
 *
 *     0     header, 256 bytes
 *             0  u32  magic 0x444F4D49 ("IMOD")
 *             4  u32  headsize 256
 *             8  u32  version 0x20000000
 *            12  u8   checksum[64], zero
 *            76  u32  length: file size - 256
 *            80  u8   is_encrypt 0, 81 is_checksum 1 (no check), 82 modeltype 0, 83 genmode 0
 *            84  char name[32], the graph's, cut to 31 bytes
 *           116  u32  ops 0;  120 userdefineinfo[32], zero;  152 u32 om_ir_version 0
 *           156  u32  model_num 1
 *           160  char platform_version[20] "prusik", 180 u8 platform_type 0, rest zero
 *     256   partition table: u32 count, then per partition u32 type, u32 offset, u32 bytes;
 *           offsets count from the end of the table, and the partitions follow it back to back
 *     296   partition 0 MODEL_DEF     ge.proto.ModelDef (modeldef.proto)
 *           partition 1 WEIGHTS_DATA  constants; each starts at a multiple of 64 in the partition
 *           partition 2 TASK_INFO     domi.ModelTaskDef (taskdef.proto)
 *
 * Files of CANN 6.3 and later may have a table of 24-byte entries (u32 type, 4 bytes nothing, u64
 * offset, u64 bytes, after u32 count and 4 bytes nothing) and further partitions; om_describe_file
 * reads both.
 *
 * ModelDef of ours, format 1:
 *
 *     attr "prusik.format" (i)  the format version, which marks the file as ours
 *     attr K (s)                the graph's meta K, if K begins with "prusik." or "atc_";
 *     attr "prusik.meta." K (s)   any other
 *                               "prusik.dynamic" says what sizes open inputs may have: ir/dynamic.h
 *                               "prusik.tuning.ISA.CPU" has hints of prusik tune: ir/tuning.h
 *     attrs memory_size, weight_size, stream_num, event_num, attr_model_out_nodes_name: as CANN's
 *     graph[0]: name; op: in this order
 *       type "Data", one an input of the graph: attr "index" (i); output_desc[0] is the tensor
 *       type "Const", one a constant: attr "value" (t) whose desc has data_offset and weight_size
 *         (bytes, in WEIGHTS_DATA); output_desc[0] is the tensor
 *       one a node, in execution order, its type the ONNX operator: input "PRODUCER:INDEX" ("" for
 *         one left out), input_desc equal to the producer's output_desc, output_desc (name "" for
 *         one not wanted), attributes as i, f, s, and list with val_type int or float
 *       type "NetOutput": input and input_desc are the outputs of the graph
 *
 * An operator's name is unique in the file; where the graph's own name of a node could not be kept,
 * it is the attribute "prusik.name". A tensor's name, dtype, shape (-1 unknown dimension, one
 * dimension -2 unknown rank) and layout stand in its TensorDescriptor.
 *
 * The reader takes nothing on trust: every count, offset, size, name and shape is checked, and the
 * error names the field.
 */
#ifndef PK_OM_OM_H
#define PK_OM_OM_H

#include "base/pool.h"
#include "ir/graph.h"

enum { OM_FORMAT = 1 };

/* What was wrong with a file, for callers that have a code for each. */
enum om_fault {
    OM_FAULT_NONE = 0,
    OM_FAULT_MISSING,   /* no file, or it cannot be read */
    OM_FAULT_HEADER,    /* too short, no offline model, or its length field is wrong */
    OM_FAULT_PARTITION, /* the partition table, or a partition that must be there is not */
    OM_FAULT_MODEL,     /* MODEL_DEF */
    OM_FAULT_WEIGHTS,   /* WEIGHTS_DATA, or a constant that lies outside it */
    OM_FAULT_TASK,      /* TASK_INFO */
    OM_FAULT_FOREIGN,   /* made by CANN's atc for a chip, or by a newer version of ours */
    OM_FAULT_OTHER      /* out of memory and the like: see the status */
};

/* Writes a verified graph: into a temporary file beside `path`, which then takes its name, so that
 * `path` is never half a model. */
enum status om_write_file(const struct graph *g, const char *path);
/* The same bytes in memory; the caller frees *bytes with mem_free. */
enum status om_write_memory(const struct graph *g, void **bytes, size_t *n_bytes);

/* Reads an offline model of ours, with the threads of `pool`, or alone when that is NULL. *out
 * belongs to the caller; it is sorted, inferred and verified, and holds its own copy of the
 * weights. */
enum status om_read_file(const char *path, struct pool *pool, struct graph **out);
enum status om_read_memory(const void *bytes, size_t n_bytes, struct pool *pool,
                           struct graph **out);
/* Of this thread's last om_read_file, om_read_memory or om_describe_...; NONE if it succeeded. */
enum om_fault om_last_fault(void);

/* Memory for the values between operators when each lives only as long as it is needed: the peak
 * over an execution in order, inputs and outputs included. -1 if a shape is not known. */
int64_t om_activation_bytes(const struct graph *g);

/* ---- describing ---- */

struct om_tensor_info {
    const char *name, *dtype, *layout; /* layout "" where there is none */
    int rank;                          /* -1: unknown */
    const int64_t *dim;                /* -1: unknown */
    int64_t bytes;                     /* -1: unknown */
    const char *note;                  /* what else the file says of it, or "" */
};

struct om_count {
    const char *name;
    int64_t n;
};

struct om_pair {
    const char *key, *value;
};

/* What people ask of a model file. Everything lies in `arena`; om_description_deinit frees. */
struct om_description {
    struct arena arena;
    const char *kind; /* a few words for people */
    const char *name;
    bool runnable; /* this library can load it */
    const char *remark; /* why not, or what a reader should know; "" if nothing */
    int n_inputs, n_outputs, n_ops, n_partitions, n_meta;
    struct om_tensor_info *inputs, *outputs;
    struct om_count *ops;        /* operator types, most frequent first */
    struct om_count *partitions; /* names and bytes; none for a graph */
    struct om_pair *meta;
    int64_t file_bytes;       /* 0 for a graph */
    int64_t n_operators;      /* inputs, constants and outputs are none */
    int64_t n_weights;        /* constant tensors */
    int64_t weight_bytes;
    int64_t macs;             /* multiply-adds of one execution; -1 unknown */
    int64_t activation_bytes; /* -1 unknown */
};

/* Any offline model, ours or made by CANN. */
enum status om_describe_file(const char *path, struct om_description *out);
enum status om_describe_memory(const void *bytes, size_t n_bytes, struct om_description *out);
enum status om_describe_graph(const struct graph *g, const char *kind, struct om_description *out);
void om_description_deinit(struct om_description *d);
/* As a JSON object, or as lines for people. */
enum status om_description_print(const struct om_description *d, bool json, FILE *to);

/* MODEL_DEF as JSON, with the names the protobuf fields have; fields at their default are left out,
 * and bytes that are no text become "(N bytes)". */
enum status om_file_to_json(const char *path, FILE *to);
enum status om_graph_to_json(const struct graph *g, FILE *to);
/* A number; the texts "nan", "inf" and "-inf" for those that JSON has not. NULL: out of memory. */
struct json_t *om_float_to_json(double value);

#endif
