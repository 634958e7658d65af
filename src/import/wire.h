/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocol buffers from files nobody vouches for.
 *
 * protobuf-c recurses per nested message, allocates what the bytes ask for, and copies every
 * `bytes` field. wire_unpack() therefore first walks the bytes itself, without recursion: it bounds
 * depth, message count and memory, checks every length and wire type against the message
 * descriptors, and writes a skeleton: the same message without fields the descriptors do not know
 * or the caller does not use, and with big `bytes` fields replaced by where they lie. Then
 * protobuf-c unpacks the skeleton with an allocator on an arena that has a budget.
 *
 *     struct wire_options options = {.cut = cuts, .n_cuts = 1};
 *     struct wire_message m;
 *     TRY(wire_unpack(&onnx__model_proto__descriptor, bytes, n_bytes, &options, &m));
 *     const Onnx__ModelProto *model = (const Onnx__ModelProto *)m.message;
 *     ...
 *     wire_message_deinit(&m);
 */
#ifndef PK_IMPORT_WIRE_H
#define PK_IMPORT_WIRE_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/* A `bytes` field that is not unpacked: the message gets two fixed64 fields instead, `offset_id`
 * (from the start of the input) and `offset_id` + 1 (length). Neither is accepted from the
 * input. */
struct wire_cut {
    const ProtobufCMessageDescriptor *message;
    uint32_t id, offset_id;
};

/* A field that is checked as the others are, but not unpacked. */
struct wire_unused {
    const ProtobufCMessageDescriptor *message;
    uint32_t id;
};

struct wire_options {
    int max_depth;         /* 0: 64 */
    size_t max_messages;   /* 0: 8 million */
    size_t max_bytes;      /* of the input; 0: 2 GiB, what protocol buffers allow */
    const struct wire_cut *cut;
    int n_cuts;
    const struct wire_unused *unused;
    int n_unused;
    void *memory; /* for the message before any other; lives longer than it */
    size_t memory_bytes;
};

struct wire_message {
    ProtobufCMessage *message;
    struct arena arena; /* holds all of it */
};

/* `bytes` need not live on, except for the parts that were cut out. */
enum status wire_unpack(const ProtobufCMessageDescriptor *type, const void *bytes, size_t n_bytes,
                        const struct wire_options *options, struct wire_message *out);
void wire_message_deinit(struct wire_message *m);

#endif
