/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of protocol buffers (prototxt, aipp.cfg), from files nobody vouches for.
 *
 * protobuf-c reads only the binary form; this reader fills its structs from text, driven by the
 * same message descriptors. Nesting, bytes and the number of fields are bounded; a failure says
 * where (file:line:column), what stands there, and what would be right.
 *
 *     struct text_message m;
 *     TRY(text_unpack(&caffe__net_parameter__descriptor, text, n_bytes,
 *                     &(struct text_options){.name = path}, &m));
 *     const Caffe__NetParameter *net = (const Caffe__NetParameter *)m.message;
 *     ...
 *     text_message_deinit(&m);
 *
 * A field `base_` of the descriptor takes what the text calls `base`: that is how a name that C or
 * protobuf-c has taken for itself is written in a .proto.
 *
 * Taken:   field: value, field { } and field: < >, [lists], ',' and ';' after a field, # comments,
 *          numbers in decimal, hexadecimal and octal, inf, nan and the suffix f, neighbouring
 *          strings as one, enums by name or number.
 * Refused: fields the descriptor does not have (see skip_unknown), a singular field given twice,
 *          two fields of one oneof, a missing required field, extensions and Any.
 */
#ifndef PK_IMPORT_TEXTFORMAT_H
#define PK_IMPORT_TEXTFORMAT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

enum { TEXT_MAX_WARNINGS = 32 };

struct text_options {
    const char *name;    /* of the file, for messages; NULL: "text" */
    bool skip_unknown;   /* fields without a place are skipped with a warning, not refused */
    /* A message of which nothing is wanted: unknown fields within it are skipped silently. */
    const ProtobufCMessageDescriptor *ignored;
    int max_depth;       /* of messages within each other; 0: 64 */
    size_t max_bytes;    /* of the text; 0: 64 MiB */
    size_t max_fields;   /* values in all; 0: 4 million */
    bool keep_places;    /* text_place() will be asked */
};

struct text_message {
    ProtobufCMessage *message;
    struct arena arena; /* holds all of it */
    int n_warnings;     /* all there were; the first TEXT_MAX_WARNINGS are kept */
    const char *warnings[TEXT_MAX_WARNINGS];
    struct text_place *places; /* the last field first */
};

/* Where a field that is given stands; counted from 1. */
struct text_place {
    struct text_place *next;
    const ProtobufCMessage *message;
    const char *field;
    int line, column;
};

/* The text need not end in a NUL, and need not live on. */
enum status text_unpack(const ProtobufCMessageDescriptor *type, const char *text, size_t n_bytes,
                        const struct text_options *options, struct text_message *out);
void text_message_deinit(struct text_message *m);
/* Where `field` of `message` is given; NULL if it is not. For texts read with keep_places. */
const struct text_place *text_place(const struct text_message *m, const ProtobufCMessage *message,
                                    const char *field);

/* The one of n names that is nearest to `name` as people mistype; NULL if none is near. `names` is
 * the first of n pointers that lie `stride` bytes apart. */
const char *text_nearest(const char *name, size_t n, const char *const *names, size_t stride);

#endif
