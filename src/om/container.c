/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing the offline model's header and partition table, and getting its messages out.
 *
 * Two table layouts exist and nothing in the file says which one it has, so both readings are
 * tried: the one whose entries fit the file, and add up to it, is the one.
 */
#include "om/container.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "import/wire.h"
#include "om/taskdef.pb-c.h"

enum { MODEL_MAX_DEPTH = 32 };
#define MODEL_MAX_BYTES ((uint64_t)512 << 20)
#define TASK_MAX_BYTES ((uint64_t)64 << 20)

static _Thread_local enum om_fault last_fault;

void om_set_fault(enum om_fault fault) { last_fault = fault; }
enum om_fault om_last_fault(void) { return last_fault; }

/* ---- bytes ---- */

static uint32_t get_u32(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static uint64_t get_u64(const unsigned char *p) {
    return get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}
static void put_u32(unsigned char *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> 8 * i);
}

enum status om_source_open(const char *path, struct om_source *out) {
    *out = (struct om_source){.fd = -1, .name = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    OM_CHECK(fd >= 0, OM_FAULT_MISSING, STATUS_FILE, "cannot open '%s': %s", path, strerror(errno));
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        OM_FAIL(OM_FAULT_MISSING, STATUS_FILE, "'%s' is not a file; give the path of an .om file",
                path);
    }
    out->fd = fd;
    out->bytes = (uint64_t)st.st_size;
    return STATUS_OK;
}

void om_source_close(struct om_source *s) {
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
}

enum status om_source_read(const struct om_source *s, uint64_t offset, void *to, size_t n_bytes) {
    OM_CHECK(offset <= s->bytes && n_bytes <= s->bytes - offset, OM_FAULT_HEADER, STATUS_FORMAT,
             "'%s' is cut short", s->name);
    if (s->memory) {
        if (n_bytes) memcpy(to, s->memory + offset, n_bytes);
        return STATUS_OK;
    }
    for (size_t done = 0; done < n_bytes;) {
        ssize_t got = pread(s->fd, (char *)to + done, n_bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        OM_CHECK(got >= 0, OM_FAULT_MISSING, STATUS_FILE, "cannot read '%s': %s", s->name,
                 strerror(errno));
        OM_CHECK(got > 0, OM_FAULT_HEADER, STATUS_FORMAT, "'%s' became shorter while it was read",
                 s->name);
        done += (size_t)got;
    }
    return STATUS_OK;
}

/* ---- header and table ---- */

static const char *const partition_names[] = {
    [0] = "MODEL_DEF", [1] = "WEIGHTS_DATA", [2] = "TASK_INFO", [3] = "TBE_KERNELS",
    [4] = "CUST_AICPU_KERNELS", [5] = "SO_BINS", [6] = "FLOW_MODEL", [7] = "FLOW_SUBMODEL",
    [8] = "MODEL_INOUT_INFO", [9] = "STATIC_TASK_DESC", [10] = "DYNAMIC_TASK_DESC",
    [11] = "TASK_PARAM", [12] = "TILING_DATA", [20] = "PRE_MODEL_DESC", [21] = "PRE_MODEL_SQE",
    [22] = "PRE_KERNEL_ARGS", [23] = "PRE_MODEL_DESC_EXTEND", [24] = "BUNDLE_MODEL_INFO",
};

const char *om_partition_name(uint32_t type) {
    return type < sizeof partition_names / sizeof *partition_names ? partition_names[type] : NULL;
}

const struct om_partition *om_container_find(const struct om_container *c, uint32_t type) {
    for (int i = 0; i < c->n_partitions; i++)
        if (c->partition[i].type == type) return &c->partition[i];
    return NULL;
}

/* Tries one layout of the table. Returns the bytes of the file that the partitions leave over, or
 * -1 if the table cannot be of this layout. */
static int64_t read_table(const unsigned char *head, size_t n_head, uint64_t file_bytes, bool wide,
                          struct om_container *c) {
    size_t first = wide ? 8 : 4, entry = wide ? 24 : 12;
    if (n_head < OM_HEADER_BYTES + 4) return -1;
    const unsigned char *table = head + OM_HEADER_BYTES;
    uint32_t n = get_u32(table);
    if (n < 1 || n > OM_MAX_PARTITIONS) return -1;
    size_t table_bytes = first + n * entry;
    if (n_head < OM_HEADER_BYTES + table_bytes) return -1;
    uint64_t start = OM_HEADER_BYTES + table_bytes, room = file_bytes - start, sum = 0;
    c->wide_table = wide;
    c->n_partitions = 0;
    for (uint32_t i = 0; i < n; i++) {
        const unsigned char *e = table + first + i * entry;
        uint32_t type = get_u32(e);
        uint64_t offset = wide ? get_u64(e + 8) : get_u32(e + 4);
        uint64_t bytes = wide ? get_u64(e + 16) : get_u32(e + 8);
        if (type >= 64 || om_container_find(c, type)) return -1;
        if (offset > room || bytes > room - offset) return -1;
        sum += bytes; /* at most 32 times the file's size */
        c->partition[c->n_partitions++] = (struct om_partition){type, start + offset, bytes};
    }
    return sum <= room ? (int64_t)(room - sum) : -1;
}

static void copy_text(char *to, const unsigned char *from, size_t n) {
    memcpy(to, from, n);
    to[n] = '\0';
    for (char *p = to; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127) *p = '?';
}

enum status om_container_read(const struct om_source *s, struct om_container *out) {
    *out = (struct om_container){0};
    unsigned char head[OM_HEAD_BYTES];
    size_t n_head = s->bytes < sizeof head ? (size_t)s->bytes : sizeof head;
    OM_CHECK(s->bytes > 0, OM_FAULT_HEADER, STATUS_FORMAT, "'%s' is empty", s->name);
    TRY(om_source_read(s, 0, head, n_head));
    OM_CHECK(n_head >= 4 && get_u32(head) == OM_MAGIC, OM_FAULT_HEADER, STATUS_FORMAT,
             "'%s' is not an offline model (its first bytes are not \"IMOD\"); convert the "
             "original model with atc", s->name);
    OM_CHECK(n_head >= OM_HEADER_BYTES, OM_FAULT_HEADER, STATUS_FORMAT,
             "'%s' has %zu bytes, less than the header of an offline model; it is cut short",
             s->name, n_head);
    OM_CHECK(get_u32(head + 4) == OM_HEADER_BYTES, OM_FAULT_HEADER, STATUS_FORMAT,
             "'%s': header field headsize is %u, not 256", s->name, get_u32(head + 4));
    uint64_t length = get_u32(head + 76), wide_length = get_u64(head + 184);
    uint64_t body = s->bytes - OM_HEADER_BYTES;
    OM_CHECK(length == body || (wide_length && (wide_length == body || wide_length == s->bytes)),
             OM_FAULT_HEADER, STATUS_FORMAT,
             "'%s': header field length says %llu bytes follow the header, there are %llu; the "
             "file is cut short or changed", s->name, (unsigned long long)length,
             (unsigned long long)body);
    copy_text(out->name, head + 84, 32);
    copy_text(out->platform, head + 160, 20);
    out->encrypted = head[80] != 0;
    out->model_num = get_u32(head + 156);

    struct om_container narrow = *out, wide = *out;
    int64_t over_narrow = read_table(head, n_head, s->bytes, false, &narrow);
    int64_t over_wide = read_table(head, n_head, s->bytes, true, &wide);
    OM_CHECK(over_narrow >= 0 || over_wide >= 0, OM_FAULT_PARTITION, STATUS_FORMAT,
             "'%s': the partition table after the header (%u entries) does not fit the file",
             s->name, n_head >= OM_HEADER_BYTES + 4 ? get_u32(head + OM_HEADER_BYTES) : 0);
    bool use_wide = over_narrow < 0 || (over_wide >= 0 && over_wide < over_narrow);
    *out = use_wide ? wide : narrow;
    return STATUS_OK;
}

void om_container_write(unsigned char head[static OM_OWN_HEAD_BYTES], const char *name,
                        const uint32_t bytes[static 3]) {
    memset(head, 0, OM_OWN_HEAD_BYTES);
    put_u32(head, OM_MAGIC);
    put_u32(head + 4, OM_HEADER_BYTES);
    put_u32(head + 8, OM_VERSION);
    put_u32(head + 76, OM_OWN_HEAD_BYTES - OM_HEADER_BYTES + bytes[0] + bytes[1] + bytes[2]);
    head[81] = 1;
    memcpy(head + 84, name, strnlen(name, 31));
    put_u32(head + 156, 1);
    memcpy(head + 160, "prusik", 6);
    unsigned char *table = head + OM_HEADER_BYTES;
    put_u32(table, 3);
    uint32_t offset = 0;
    for (unsigned i = 0; i < 3; i++) {
        put_u32(table + 4 + 12 * i, i);
        put_u32(table + 8 + 12 * i, offset);
        put_u32(table + 12 + 12 * i, bytes[i]);
        offset += bytes[i];
    }
}

/* ---- messages ---- */

/* One partition into fresh memory, at least a byte of it. */
static enum status read_partition(const struct om_source *s, const struct om_partition *p,
                                  uint64_t max_bytes, enum om_fault fault, void **out) {
    *out = NULL;
    OM_CHECK(p->bytes <= max_bytes, fault, STATUS_LIMIT,
             "'%s': partition %s has %llu bytes; at most %llu are supported", s->name,
             om_partition_name(p->type), (unsigned long long)p->bytes,
             (unsigned long long)max_bytes);
    void *bytes = mem_alloc((size_t)p->bytes + 1);
    OM_CHECK(bytes, OM_FAULT_OTHER, STATUS_MEMORY, "out of memory while reading '%s'", s->name);
    enum status status = om_source_read(s, p->offset, bytes, (size_t)p->bytes);
    if (status != STATUS_OK) mem_free(bytes);
    else *out = bytes;
    return status;
}

/* Reads a partition and unpacks the message it is into `arena`. */
static enum status read_message(const struct om_source *s, const struct om_container *c,
                                uint32_t partition, const ProtobufCMessageDescriptor *type,
                                uint64_t max_bytes, enum om_fault fault,
                                struct wire_options options, struct arena *arena, void *out) {
    const struct om_partition *p = om_container_find(c, partition);
    OM_CHECK(p, OM_FAULT_PARTITION, STATUS_FORMAT, "'%s' has no partition %s", s->name,
             om_partition_name(partition));
    void *bytes;
    TRY(read_partition(s, p, max_bytes, fault, &bytes));
    /* An attribute, the smallest thing there is many of, is two messages in nine bytes. */
    options.max_depth = MODEL_MAX_DEPTH;
    options.max_messages = 64 + (size_t)p->bytes / 3;
    struct wire_message m;
    enum status status = wire_unpack(type, bytes, (size_t)p->bytes, &options, &m);
    mem_free(bytes);
    if (status != STATUS_OK) {
        om_set_fault(status == STATUS_MEMORY ? OM_FAULT_OTHER : fault);
        status_prefix("'%s': partition %s", s->name, om_partition_name(partition));
        return status;
    }
    arena_adopt(arena, &m.arena);
    *(void **)out = m.message;
    return STATUS_OK;
}

/* What an operator's inputs are, its producers' outputs say; the rest is for other readers. */
static const struct wire_unused not_of_a_graph[] = {
    {&ge__proto__op_def__descriptor, 33}, /* input_desc */
    {&ge__proto__tensor_descriptor__descriptor, 4}, /* layout */
};

enum status om_model_read(const struct om_source *s, const struct om_container *c, bool all,
                          void *memory, size_t memory_bytes, struct arena *arena,
                          Ge__Proto__ModelDef **out) {
    OM_CHECK(!c->encrypted, OM_FAULT_FOREIGN, STATUS_UNSUPPORTED,
             "'%s' is encrypted; encrypted models cannot be read", s->name);
    struct wire_options options = {.memory = memory, .memory_bytes = memory_bytes};
    if (!all) {
        options.unused = not_of_a_graph;
        options.n_unused = sizeof not_of_a_graph / sizeof *not_of_a_graph;
    }
    return read_message(s, c, OM_MODEL_DEF, &ge__proto__model_def__descriptor, MODEL_MAX_BYTES,
                        OM_FAULT_MODEL, options, arena, out);
}

enum status om_task_read(const struct om_source *s, const struct om_container *c,
                         uint64_t *memory_bytes, uint64_t *weight_bytes) {
    struct arena arena;
    arena_init(&arena, 0);
    Domi__ModelTaskDef *m = NULL;
    enum status status = read_message(s, c, OM_TASK_INFO, &domi__model_task_def__descriptor,
                                      TASK_MAX_BYTES, OM_FAULT_TASK, (struct wire_options){0},
                                      &arena, &m);
    if (status == STATUS_OK) {
        *memory_bytes = m->memory_size;
        *weight_bytes = m->weight_size;
    }
    arena_deinit(&arena);
    return status;
}

const Ge__Proto__AttrDef *om_attr(Ge__Proto__AttrEntry *const *attrs, size_t n, const char *key) {
    for (size_t i = 0; i < n; i++)
        if (!strcmp(attrs[i]->key, key)) return attrs[i]->value;
    return NULL;
}

int64_t om_attr_int(Ge__Proto__AttrEntry *const *attrs, size_t n, const char *key,
                    int64_t fallback) {
    const Ge__Proto__AttrDef *a = om_attr(attrs, n, key);
    return a && a->value_case == GE__PROTO__ATTR_DEF__VALUE_I ? a->i : fallback;
}

/* ---- element types ---- */

static const unsigned char proto_dtype[DT_COUNT] = {
    [DT_F32] = GE__PROTO__DATA_TYPE__DT_FLOAT, [DT_F16] = GE__PROTO__DATA_TYPE__DT_FLOAT16,
    [DT_BF16] = GE__PROTO__DATA_TYPE__DT_BF16, [DT_F64] = GE__PROTO__DATA_TYPE__DT_DOUBLE,
    [DT_I8] = GE__PROTO__DATA_TYPE__DT_INT8,   [DT_U8] = GE__PROTO__DATA_TYPE__DT_UINT8,
    [DT_I16] = GE__PROTO__DATA_TYPE__DT_INT16, [DT_U16] = GE__PROTO__DATA_TYPE__DT_UINT16,
    [DT_I32] = GE__PROTO__DATA_TYPE__DT_INT32, [DT_U32] = GE__PROTO__DATA_TYPE__DT_UINT32,
    [DT_I64] = GE__PROTO__DATA_TYPE__DT_INT64, [DT_U64] = GE__PROTO__DATA_TYPE__DT_UINT64,
    [DT_BOOL] = GE__PROTO__DATA_TYPE__DT_BOOL,
};

Ge__Proto__DataType om_dtype_to_proto(enum dtype t) { return proto_dtype[t]; }

enum dtype om_dtype_from_proto(int t) {
    for (int i = DT_NONE + 1; i < DT_COUNT; i++)
        if (proto_dtype[i] == t) return (enum dtype)i;
    return DT_NONE;
}
