/* SPDX-License-Identifier: Apache-2.0 */
/* The offline model's container: header, partition table, and the messages in it, as read.c,
 * describe.c and write.c share them. The bytes are specified in om.h. */
#ifndef PK_OM_CONTAINER_H
#define PK_OM_CONTAINER_H

#include "om/modeldef.pb-c.h"
#include "om/om.h"

enum {
    OM_MAGIC = 0x444F4D49,
    OM_HEADER_BYTES = 256,
    OM_VERSION = 0x20000000,
    OM_MAX_PARTITIONS = 32,
    /* Header and the largest table either layout can have. */
    OM_HEAD_BYTES = OM_HEADER_BYTES + 8 + 24 * OM_MAX_PARTITIONS
};

enum om_partition_type { OM_MODEL_DEF = 0, OM_WEIGHTS_DATA = 1, OM_TASK_INFO = 2 };

struct om_partition {
    uint32_t type;
    uint64_t offset; /* from the start of the file */
    uint64_t bytes;
};

struct om_container {
    char name[33], platform[21];
    uint32_t model_num;
    bool encrypted, wide_table;
    int n_partitions;
    struct om_partition partition[OM_MAX_PARTITIONS];
};

/* Where a model's bytes come from: an open file, or memory when `memory` is not NULL. */
struct om_source {
    int fd;
    const unsigned char *memory;
    uint64_t bytes;
    const char *name; /* for messages */
};

enum status om_source_open(const char *path, struct om_source *out);
void om_source_close(struct om_source *s);
enum status om_source_read(const struct om_source *s, uint64_t offset, void *to, size_t n_bytes);

/* Reads and checks header and table: every partition lies inside the file. */
enum status om_container_read(const struct om_source *s, struct om_container *out);
const struct om_partition *om_container_find(const struct om_container *c, uint32_t type);
const char *om_partition_name(uint32_t type); /* NULL for an unknown type */
/* Header and a table of 12-byte entries for partitions 0, 1, 2 of these sizes, which must fit. */
enum { OM_OWN_HEAD_BYTES = OM_HEADER_BYTES + 4 + 3 * 12 };
void om_container_write(unsigned char head[static OM_OWN_HEAD_BYTES], const char *name,
                        const uint32_t bytes[static 3]);

/* Reads and unpacks MODEL_DEF into `arena`, after a check of depth, message count and bytes.
 * Without `all` only what a graph is made of; the rest is checked all the same. The memory is for
 * what is unpacked, as far as it goes, and outlives `arena`; NULL: there is none. */
enum status om_model_read(const struct om_source *s, const struct om_container *c, bool all,
                          void *memory, size_t memory_bytes, struct arena *arena,
                          Ge__Proto__ModelDef **out);
/* A model of ours as a graph; read.c. */
enum status om_read_source(const struct om_source *s, struct pool *pool, struct graph **out);
/* Reads and unpacks TASK_INFO; only its sizes. */
enum status om_task_read(const struct om_source *s, const struct om_container *c,
                         uint64_t *memory_bytes, uint64_t *weight_bytes);

/* The graph as a ModelDef built in `arena`. Constants get their place in WEIGHTS_DATA, whose size
 * is *weight_bytes. */
enum status om_model_build(const struct graph *g, struct arena *arena, Ge__Proto__ModelDef **out,
                           uint64_t *weight_bytes);
/* Where a constant of this size goes in WEIGHTS_DATA when `at` bytes are taken. */
static inline uint64_t om_weight_place(uint64_t at) { return (at + 63) & ~(uint64_t)63; }

const Ge__Proto__AttrDef *om_attr(Ge__Proto__AttrEntry *const *attrs, size_t n, const char *key);
/* Value of an integer attribute, `fallback` if absent or of another type. */
int64_t om_attr_int(Ge__Proto__AttrEntry *const *attrs, size_t n, const char *key,
                    int64_t fallback);

Ge__Proto__DataType om_dtype_to_proto(enum dtype t);
enum dtype om_dtype_from_proto(int t); /* DT_NONE if there is none */

void om_set_fault(enum om_fault fault);
/* A failure that also says what kind it was. */
#define OM_FAIL(fault, code, ...)                                                                  \
    do {                                                                                           \
        om_set_fault(fault);                                                                       \
        FAIL((code), __VA_ARGS__);                                                                 \
    } while (0)
#define OM_CHECK(condition, fault, code, ...)                                                      \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) OM_FAIL((fault), (code), __VA_ARGS__);              \
    } while (0)

#endif
