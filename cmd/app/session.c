/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdio.h>
#include <string.h>

static int fail(const char *command, const char *call, aclError code) {
    const char *why = aclGetRecentErrMsg();
    app_fail(command, "%s failed with %d: %s", call, (int)code,
             why && *why ? why : "no more is known");
    return -1;
}
#define ACL(call)                                                                                  \
    do {                                                                                           \
        aclError code_ = (call);                                                                   \
        if (code_ != ACL_SUCCESS) return fail(command, #call, code_);                              \
    } while (0)

const char *session_text(aclDataType t, const aclmdlIODims *d, char buf[static 256]) {
    const char *name = npy_type_name(t);
    size_t at = (size_t)snprintf(buf, 256, "%s[", name ? name : "?");
    for (size_t i = 0; i < d->dimCount && at < 220; i++)
        at += (size_t)snprintf(buf + at, 256 - at, "%s%lld", i ? "," : "", (long long)d->dims[i]);
    snprintf(buf + at, 256 - at, "]");
    return buf;
}

static int add(const char *command, aclmdlDataset *set, size_t bytes, void **data) {
    ACL(aclrtMalloc(data, bytes ? bytes : 1, ACL_MEM_MALLOC_HUGE_FIRST));
    aclDataBuffer *b = aclCreateDataBuffer(*data, bytes);
    if (!b) return fail(command, "aclCreateDataBuffer", ACL_ERROR_BAD_ALLOC);
    aclError code = aclmdlAddDatasetBuffer(set, b);
    if (code == ACL_SUCCESS) return 0;
    aclDestroyDataBuffer(b);
    return fail(command, "aclmdlAddDatasetBuffer", code);
}

int session_open(const char *command, const char *om_path, struct session *s) {
    memset(s, 0, sizeof *s);
    aclError code = aclmdlLoadFromFile(om_path, &s->model);
    if (code != ACL_SUCCESS) {
        const char *why = aclGetRecentErrMsg();
        app_fail(command, "%s cannot be loaded (error %d): %s", om_path, (int)code, why ? why : "");
        return -1;
    }
    s->loaded = 1;
    s->desc = aclmdlCreateDesc();
    s->inputs = aclmdlCreateDataset();
    s->outputs = aclmdlCreateDataset();
    if (!s->desc || !s->inputs || !s->outputs)
        return fail(command, "aclmdlCreateDesc", ACL_ERROR_BAD_ALLOC);
    ACL(aclmdlGetDesc(s->desc, s->model));
    size_t ni = aclmdlGetNumInputs(s->desc), no = aclmdlGetNumOutputs(s->desc);
    if (ni > SESSION_MAX || no > SESSION_MAX) {
        app_fail(command, "%s has %zu inputs and %zu outputs; at most %d of each are supported",
                 om_path, ni, no, SESSION_MAX);
        return -1;
    }
    for (size_t i = 0; i < ni; i++, s->n_inputs++) {
        s->in_bytes[i] = aclmdlGetInputSizeByIndex(s->desc, i);
        if (add(command, s->inputs, s->in_bytes[i], &s->in[i])) return -1;
    }
    for (size_t i = 0; i < no; i++, s->n_outputs++) {
        s->out_bytes[i] = aclmdlGetOutputSizeByIndex(s->desc, i);
        if (add(command, s->outputs, s->out_bytes[i], &s->out[i])) return -1;
    }
    return 0;
}

/* splitmix64 */
static uint64_t next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void session_fill(struct session *s, int i, uint64_t seed) {
    uint64_t state = seed * 64 + (uint64_t)i + 1;
    aclDataType t = aclmdlGetInputDataType(s->desc, (size_t)i);
    size_t size = aclDataTypeSize(t), n = size ? s->in_bytes[i] / size : 0;
    for (size_t k = 0; k < n; k++) {
        uint64_t r = next(&state);
        float f = (float)(r >> 40) * 5.9604644775390625e-8f;
        if (t == ACL_FLOAT) {
            ((float *)s->in[i])[k] = f;
        } else if (t == ACL_FLOAT16) {
            ((aclFloat16 *)s->in[i])[k] = aclFloatToFloat16(f);
        } else if (t == ACL_DOUBLE) {
            ((double *)s->in[i])[k] = f;
        } else {
            memset((char *)s->in[i] + k * size, 0, size);
            ((unsigned char *)s->in[i])[k * size] = r & 1;
        }
    }
}

int session_execute(const char *command, struct session *s) {
    ACL(aclmdlExecute(s->model, s->inputs, s->outputs));
    return 0;
}

static void close_set(aclmdlDataset *set) {
    if (!set) return;
    for (size_t i = 0; i < aclmdlGetDatasetNumBuffers(set); i++)
        aclDestroyDataBuffer(aclmdlGetDatasetBuffer(set, i));
    aclmdlDestroyDataset(set);
}

void session_close(struct session *s) {
    close_set(s->inputs);
    close_set(s->outputs);
    for (int i = 0; i < SESSION_MAX; i++) {
        if (s->in[i]) aclrtFree(s->in[i]);
        if (s->out[i]) aclrtFree(s->out[i]);
    }
    if (s->desc) aclmdlDestroyDesc(s->desc);
    if (s->loaded) aclmdlUnload(s->model);
    memset(s, 0, sizeof *s);
}
