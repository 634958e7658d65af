/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire-level pre-pass over protocol buffers; see wire.h.
 *
 * The walk keeps an explicit stack of open messages. What stays as it is goes to the skeleton in
 * runs of bytes, as long as they get between two headers of messages. A message's length is not
 * known when its header is written to the skeleton, so it is a varint padded to five bytes, filled
 * in when the message closes. A singular message field that occurs twice is refused: the format
 * would merge the two, no writer produces it, and merging is the least tested corner of every
 * decoder.
 */
#include "import/wire.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
/* HEADER_BYTES is what a tag or a length may have; protobuf-c reads no longer ones. */
enum { DEPTH_LIMIT = 256, LENGTH_BYTES = 5, HEADER_BYTES = 5 };

struct frame {
    const ProtobufCMessageDescriptor *type;
    size_t end;       /* in the input */
    size_t length_at; /* where its length goes in the skeleton */
    unsigned last;    /* index of the field found last; the next is often it, or the one behind */
    bool left_out;    /* of the skeleton */
    uint64_t seen[4]; /* singular message fields, by their index in the descriptor */
};

struct walk {
    const uint8_t *in;
    size_t at;
    size_t kept; /* in a frame that is not left out: [kept, at) is still to go to the skeleton */
    uint8_t *out;
    size_t n_out, cap_out, first_cap;
    size_t n_messages;
    int depth;
    struct frame frames[DEPTH_LIMIT];
};

static enum status put(struct walk *w, const void *bytes, size_t n) {
    if (n > w->cap_out - w->n_out) {
        size_t wider = w->cap_out ? w->cap_out : w->first_cap;
        while (wider - w->n_out < n) CHECK(size_mul(wider, 2, &wider), STATUS_MEMORY, "too large");
        uint8_t *fresh = mem_realloc(w->out, wider);
        CHECK(fresh, STATUS_MEMORY, "out of memory while reading a model's structure");
        w->out = fresh;
        w->cap_out = wider;
    }
    if (n) memcpy(w->out + w->n_out, bytes, n);
    w->n_out += n;
    return STATUS_OK;
}

/* Sends what was kept up to `until` to the skeleton, and goes on at w->at. An empty input has no
 * address to add to. */
static enum status put_kept(struct walk *w, size_t until) {
    if (until > w->kept) TRY(put(w, w->in + w->kept, until - w->kept));
    w->kept = w->at;
    return STATUS_OK;
}

static enum status put_varint(struct walk *w, uint64_t v) {
    uint8_t b[10];
    size_t n = 0;
    for (; v > 127; v >>= 7) b[n++] = (uint8_t)(v | 128);
    b[n++] = (uint8_t)v;
    return put(w, b, n);
}

/* A number of at most max_bytes bytes. */
static enum status get_long_varint(struct walk *w, size_t end, int max_bytes, const char *where,
                                   uint64_t *out) {
    size_t start = w->at;
    uint64_t v = 0;
    for (int shift = 0; shift < 7 * max_bytes; shift += 7) {
        CHECK(w->at < end, STATUS_FORMAT, "%s is cut off in a number at byte %zu", where, start);
        uint8_t b = w->in[w->at++];
        if (shift < 64) v |= (uint64_t)(b & 127) << shift;
        if (b < 128) {
            *out = v;
            return STATUS_OK;
        }
    }
    FAIL(STATUS_FORMAT, "%s has a number longer than %d bytes at byte %zu", where, max_bytes,
         start);
}

static inline enum status get_varint(struct walk *w, size_t end, int max_bytes, const char *where,
                                     uint64_t *out) {
    if (w->at >= end || w->in[w->at] > 127) return get_long_varint(w, end, max_bytes, where, out);
    *out = w->in[w->at++];
    return STATUS_OK;
}

static const ProtobufCFieldDescriptor *find_field(struct frame *frame, uint64_t id) {
    const ProtobufCMessageDescriptor *type = frame->type;
    for (unsigned i = frame->last; i < type->n_fields && i < frame->last + 2; i++)
        if (type->fields[i].id == id) {
            frame->last = i;
            return &type->fields[i];
        }
    unsigned low = 0, high = type->n_fields;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (type->fields[mid].id < id) low = mid + 1;
        else high = mid;
    }
    if (low >= type->n_fields || type->fields[low].id != id) return NULL;
    frame->last = low;
    return &type->fields[low];
}

/* The wire type a field of this type has when it is not packed. */
static int wire_type_of(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return WIRE_32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return WIRE_BYTES;
    default: return WIRE_VARINT;
    }
}

static bool made_by_us(const struct wire_options *o, const ProtobufCMessageDescriptor *type,
                       uint64_t id) {
    for (int i = 0; i < o->n_cuts; i++)
        if (o->cut[i].message == type &&
            (id == o->cut[i].offset_id || id == o->cut[i].offset_id + 1))
            return true;
    return false;
}

static bool is_unused(const struct wire_options *o, const ProtobufCMessageDescriptor *type,
                      uint64_t id) {
    for (int i = 0; i < o->n_unused; i++)
        if (o->unused[i].message == type && o->unused[i].id == id) return true;
    return false;
}

/* A message field whose tag ends at `tag_end` and whose content lies between w->at and `end`. */
static enum status open_message(struct walk *w, const struct wire_options *o,
                                const ProtobufCFieldDescriptor *f, size_t tag_end, size_t end,
                                bool left_out) {
    int max_depth = o->max_depth && o->max_depth < DEPTH_LIMIT ? o->max_depth : 64;
    size_t max_messages = o->max_messages ? o->max_messages : (size_t)8 << 20;
    CHECK(w->depth < max_depth, STATUS_LIMIT, "messages are nested more than %d deep at byte %zu",
          max_depth, w->at);
    CHECK(++w->n_messages <= max_messages, STATUS_LIMIT, "the file has more than %zu messages",
          max_messages);
    struct frame *frame = &w->frames[w->depth - 1];
    if (f->label != PROTOBUF_C_LABEL_REPEATED) {
        size_t i = (size_t)(f - frame->type->fields);
        CHECK(i < 256 && !(frame->seen[i / 64] >> i % 64 & 1), STATUS_FORMAT,
              "field %s of %s occurs twice at byte %zu", f->name, frame->type->short_name, w->at);
        frame->seen[i / 64] |= UINT64_C(1) << i % 64;
    }
    if (!left_out) TRY(put_kept(w, tag_end));
    w->frames[w->depth++] = (struct frame){
        .type = f->descriptor, .end = end, .length_at = w->n_out, .left_out = left_out};
    return left_out ? STATUS_OK : put(w, "\0\0\0\0\0", LENGTH_BYTES);
}

static enum status put_cut(struct walk *w, const struct wire_cut *cut, size_t at, size_t n) {
    uint64_t value[2] = {at, n};
    for (unsigned i = 0; i < 2; i++) {
        uint8_t b[8];
        for (int k = 0; k < 8; k++) b[k] = (uint8_t)(value[i] >> 8 * k);
        TRY(put_varint(w, (uint64_t)(cut->offset_id + i) << 3 | WIRE_64));
        TRY(put(w, b, sizeof b));
    }
    return STATUS_OK;
}

/* One field of the innermost message. */
static enum status walk_field(struct walk *w, const struct wire_options *o) {
    struct frame *frame = &w->frames[w->depth - 1];
    const char *message = frame->type->short_name;
    size_t start = w->at, end = frame->end;
    uint64_t tag, length = 0;
    TRY(get_varint(w, end, HEADER_BYTES, message, &tag));
    uint64_t id = tag >> 3;
    int wire_type = (int)(tag & 7);
    CHECK(id > 0 && id < UINT64_C(1) << 29, STATUS_FORMAT, "%s has a field number %" PRIu64
          " at byte %zu", message, id, start);
    size_t tag_end = w->at;
    switch (wire_type) {
    case WIRE_VARINT: {
        uint64_t ignored;
        TRY(get_varint(w, end, 10, message, &ignored));
        break;
    }
    case WIRE_64: length = 8; break;
    case WIRE_32: length = 4; break;
    case WIRE_BYTES: TRY(get_varint(w, end, HEADER_BYTES, message, &length)); break;
    default:
        FAIL(STATUS_FORMAT,
             "%s has a field of unknown wire type %d at byte %zu; the file is damaged, or no model",
             message, wire_type, start);
    }
    CHECK(length <= end - w->at, STATUS_FORMAT,
          "field %" PRIu64 " of %s at byte %zu says %" PRIu64 " bytes, but %zu are left; the file "
          "is truncated or damaged", id, message, start, length, end - w->at);
    const size_t payload = w->at, next = payload + (size_t)length;
    const ProtobufCFieldDescriptor *f = find_field(frame, id);
    const bool known = f && !made_by_us(o, frame->type, id);
    bool left_out = frame->left_out;
    if (!left_out && (!known || is_unused(o, frame->type, id))) {
        TRY(put_kept(w, start));
        w->kept = next;
        left_out = true;
    }
    if (!known) {
        w->at = next;
        return STATUS_OK;
    }
    int want = wire_type_of(f->type);
    bool packed = wire_type == WIRE_BYTES && want != WIRE_BYTES &&
                  f->label == PROTOBUF_C_LABEL_REPEATED;
    CHECK(wire_type == want || packed, STATUS_FORMAT,
          "field %s of %s has wire type %d instead of %d at byte %zu", f->name, message, wire_type,
          want, start);
    if (packed)
        CHECK(length % (want == WIRE_32 ? 4 : want == WIRE_64 ? 8 : 1) == 0, STATUS_FORMAT,
              "field %s of %s at byte %zu ends within an element", f->name, message, start);
    for (int i = 0; i < o->n_cuts; i++)
        if (o->cut[i].message == frame->type && o->cut[i].id == id) {
            w->at = next;
            if (left_out) return STATUS_OK;
            TRY(put_kept(w, start));
            return put_cut(w, &o->cut[i], payload, (size_t)length);
        }
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return open_message(w, o, f, tag_end, next, left_out);
    if (f->type == PROTOBUF_C_TYPE_STRING)
        CHECK(!memchr(w->in + payload, 0, (size_t)length), STATUS_FORMAT,
              "field %s of %s at byte %zu has a zero byte in its text", f->name, message, start);
    w->at = next;
    return STATUS_OK;
}

static enum status close_message(struct walk *w) {
    const struct frame *frame = &w->frames[--w->depth];
    if (frame->left_out) return STATUS_OK;
    TRY(put_kept(w, w->at));
    if (!w->depth) return STATUS_OK;
    size_t n = w->n_out - frame->length_at - LENGTH_BYTES;
    CHECK(n <= INT32_MAX, STATUS_LIMIT, "a message is larger than 2 GiB");
    for (int i = 0; i < LENGTH_BYTES; i++)
        w->out[frame->length_at + (size_t)i] =
            (uint8_t)((n >> 7 * i & 127) | (i < LENGTH_BYTES - 1 ? 128 : 0));
    return STATUS_OK;
}

static enum status make_skeleton(struct walk *w, const struct wire_options *o) {
    while (w->depth) {
        if (w->at < w->frames[w->depth - 1].end) TRY(walk_field(w, o));
        else TRY(close_message(w));
    }
    return STATUS_OK;
}

struct budget {
    struct arena *arena;
    bool exceeded;
};

static void *budget_alloc(void *data, size_t bytes) {
    struct budget *b = data;
    void *p = arena_alloc(b->arena, bytes);
    if (!p) b->exceeded = true;
    return p;
}
static void budget_free(void *data, void *p) {
    /* The arena goes as a whole. */
    (void)data;
    (void)p;
}

enum status wire_unpack(const ProtobufCMessageDescriptor *type, const void *bytes, size_t n_bytes,
                        const struct wire_options *options, struct wire_message *out) {
    *out = (struct wire_message){0};
    size_t max_bytes = options->max_bytes ? options->max_bytes : (size_t)INT32_MAX;
    CHECK(n_bytes <= max_bytes, STATUS_LIMIT,
          "the file has %zu bytes; a protocol buffer may have %zu (keep big weights in external "
          "data)", n_bytes, max_bytes);
    struct walk *w = mem_calloc(1, sizeof *w);
    CHECK(w, STATUS_MEMORY, "out of memory while reading a model's structure");
    w->in = bytes;
    /* Enough for a structure without cuts; what is cut out may be nearly all. */
    w->first_cap = options->n_cuts ? 4096 : 4096 + n_bytes / 2 * 3;
    w->depth = 1;
    w->frames[0] = (struct frame){.type = type, .end = n_bytes};
    enum status s = make_skeleton(w, options);
    if (s == STATUS_OK) {
        /* Structures in memory are larger than on the wire, at worst an empty message of two bytes
         * that becomes a struct; honest models stay below a factor of 20. */
        arena_init(&out->arena, ((size_t)256 << 20) + 32 * w->n_out);
        arena_lend(&out->arena, options->memory, options->memory_bytes);
        struct budget budget = {.arena = &out->arena};
        ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
        out->message = protobuf_c_message_unpack(type, &allocator, w->n_out,
                                                 w->out ? w->out : (const uint8_t *)"");
        if (!out->message && budget.exceeded)
            s = status_set(STATUS_MEMORY, __FILE__, __LINE__,
                           "unpacking %zu bytes of structure needs more memory than there is or "
                           "than is granted to such a file", w->n_out);
        else if (!out->message)
            s = status_set(STATUS_FORMAT, __FILE__, __LINE__, "this is not a valid %s",
                           type->short_name);
        if (s != STATUS_OK) arena_deinit(&out->arena);
    }
    mem_free(w->out);
    mem_free(w);
    return s;
}

void wire_message_deinit(struct wire_message *m) {
    arena_deinit(&m->arena);
    m->message = NULL;
}
