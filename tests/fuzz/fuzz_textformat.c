/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the text form of protocol buffers. What it takes must be a message that protobuf-c
 * packs and unpacks again. The first byte says whether unknown fields are skipped. */
#include <stdlib.h>

#include "import/textformat.h"
#include "textformat.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct text_message m;
    if (!n) return 0;
    struct text_options options = {.name = "fuzz", .skip_unknown = data[0] == '#'};
    if (text_unpack(&kinds__kinds__descriptor, (const char *)data, n, &options, &m) != STATUS_OK)
        return 0;
    if (!protobuf_c_message_check(m.message)) abort();
    size_t packed = protobuf_c_message_get_packed_size(m.message);
    uint8_t *bytes = malloc(packed + 1);
    if (bytes && protobuf_c_message_pack(m.message, bytes) != packed) abort();
    ProtobufCMessage *again =
        bytes ? protobuf_c_message_unpack(&kinds__kinds__descriptor, NULL, packed, bytes) : NULL;
    if (bytes && !again) abort();
    protobuf_c_message_free_unpacked(again, NULL);
    free(bytes);
    text_message_deinit(&m);
    return 0;
}
