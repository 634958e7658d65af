/* SPDX-License-Identifier: Apache-2.0 */
/* What the AscendCL tests share: assertions that print the library's sentence, a started runtime,
 * and small models made from the text form of graphs. */
#ifndef PK_TESTS_ACL_CHECK_H
#define PK_TESTS_ACL_CHECK_H

#include "../check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "acl/acl.h"
#include "base/alloc.h"
#include "om/om.h"
#include "ops/op.h"

#define assert_acl(expression)                                                                     \
    do {                                                                                           \
        aclError e_ = (expression);                                                                \
        if (e_ != ACL_SUCCESS) fail_msg("%s: %d: %s", #expression, e_, aclGetRecentErrMsg());      \
    } while (0)

/* Fails with the given code and a sentence that contains `part`. */
#define assert_acl_fails(expression, code, part)                                                   \
    do {                                                                                           \
        aclError e_ = (expression);                                                                \
        if (e_ != (aclError)(code))                                                                \
            fail_msg("%s: %d instead of %d: %s", #expression, e_, (int)(code),                     \
                     aclGetRecentErrMsg());                                                        \
        if (!strstr(aclGetRecentErrMsg(), (part)))                                                 \
            fail_msg("%s: \"%s\" does not say \"%s\"", #expression, aclGetRecentErrMsg(), (part)); \
    } while (0)

/* Fixtures: AscendCL started with device 0 set in the test's thread, and ended again. */
static inline int start(void **state) {
    (void)state;
    assert_acl(aclInit(NULL));
    assert_acl(aclrtSetDevice(0));
    return 0;
}

static inline int end(void **state) {
    (void)state;
    assert_acl(aclrtResetDevice(0));
    assert_acl(aclFinalize());
    return 0;
}

/* y = Relu(x + w) over 2x3, and z = 10 * x over the same. */
static const char small_net[] = "graph \"small\" {\n"
                                "  input x f32[2,3]\n"
                                "  const w f32[3] = {1, -2, 3}\n"
                                "  const ten f32[] = {10}\n"
                                "  a f32[2,3] = Add(x, w)\n"
                                "  y f32[2,3] = Relu(a)\n"
                                "  z f32[2,3] = Mul(x, ten)\n"
                                "  output y\n"
                                "  output z\n"
                                "}\n";

/* The offline model of a graph in text form, to be freed with mem_free. */
static inline void *om_of(const char *text, size_t *bytes) {
    struct graph *g;
    void *om = NULL;
    assert_ok(graph_parse(text, strlen(text), &g));
    assert_ok(graph_sort(g));
    assert_ok(graph_infer(g));
    assert_ok(graph_verify(g));
    assert_ok(om_write_memory(g, &om, bytes));
    graph_destroy(g);
    return om;
}

static inline uint32_t load_text(const char *text) {
    size_t bytes;
    uint32_t id = 0;
    void *om = om_of(text, &bytes);
    assert_acl(aclmdlLoadFromMem(om, bytes, &id));
    mem_free(om);
    return id;
}

/* A dataset of n buffers over the given memory, and its end. */
static inline aclmdlDataset *dataset_of(size_t n, void *const *data, const size_t *bytes) {
    aclmdlDataset *d = aclmdlCreateDataset();
    assert_non_null(d);
    for (size_t i = 0; i < n; i++) {
        aclDataBuffer *b = aclCreateDataBuffer(data[i], bytes[i]);
        assert_non_null(b);
        assert_acl(aclmdlAddDatasetBuffer(d, b));
    }
    return d;
}

static inline void dataset_end(aclmdlDataset *d) {
    for (size_t i = 0; i < aclmdlGetDatasetNumBuffers(d); i++)
        assert_acl(aclDestroyDataBuffer(aclmdlGetDatasetBuffer(d, i)));
    assert_acl(aclmdlDestroyDataset(d));
}

#endif
