/* SPDX-License-Identifier: Apache-2.0 */
/* One deliberate mistake, named by the first argument, or the same work done right ("ok-NAME");
 * test_checked.py looks at what is said of it. Prints the code of the call that makes it. The
 * second argument is a model with an input and an output of 32 bytes each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "acl/acl_op_compiler.h"
#include "acl/acl_tdt_queue.h"

enum { BYTES = 100, TENSOR = 32 };

static const char *model_path;

static void *device(void) {
    void *p = NULL;
    aclrtMalloc(&p, BYTES, ACL_MEM_MALLOC_HUGE_FIRST);
    return p;
}

/* ---- memory ---- */

static aclError memory(const char *name) {
    char host[BYTES] = "";
    void *p = device();
    if (!strcmp(name, "none")) {
        aclrtMemcpy(p, BYTES, host, BYTES, ACL_MEMCPY_HOST_TO_DEVICE);
        aclError code = aclrtMemcpy(host, BYTES, p, BYTES, ACL_MEMCPY_DEVICE_TO_HOST);
        aclrtFree(p);
        return code;
    }
    if (!strcmp(name, "leak") || !strcmp(name, "exit")) return ACL_SUCCESS;
    if (!strcmp(name, "kind")) {
        aclError code = aclrtMemcpy(p, BYTES, host, BYTES, ACL_MEMCPY_DEVICE_TO_HOST);
        aclrtFree(p);
        return code;
    }
    aclrtFree(p);
    if (!strcmp(name, "use")) return aclrtMemset((char *)p + 8, BYTES - 8, 0, 16);
    if (!strcmp(name, "free")) return aclrtFree(p);
    if (!strcmp(name, "write")) ((char *)p)[7] = 1;
    return ACL_SUCCESS;
}

/* ---- waits ---- */

static aclError waits(const char *name, int ok) {
    char host[BYTES];
    void *p = device();
    aclrtStream one, two;
    aclrtEvent event;
    aclError code = ACL_SUCCESS;
    aclrtCreateStream(&one);
    aclrtCreateStream(&two);
    aclrtCreateEvent(&event);
    aclrtMemsetAsync(p, BYTES, 1, BYTES, one);
    if (!strcmp(name, "wait-host")) {
        if (ok) aclrtSynchronizeStream(one);
        code = aclrtMemcpy(host, BYTES, p, BYTES, ACL_MEMCPY_DEVICE_TO_HOST);
    } else if (!strcmp(name, "wait-stream")) {
        if (ok) {
            aclrtRecordEvent(event, one);
            aclrtStreamWaitEvent(two, event);
        }
        code = aclrtMemcpyAsync(host, BYTES, p, BYTES, ACL_MEMCPY_DEVICE_TO_HOST, two);
        if (!ok) aclrtSynchronizeStream(one);
    } else if (!strcmp(name, "wait-other")) { /* the event is recorded too early */
        if (!ok) aclrtRecordEvent(event, one);
        aclrtMemsetAsync(p, BYTES, 2, BYTES, one);
        if (ok) aclrtRecordEvent(event, one);
        aclrtStreamWaitEvent(two, event);
        code = aclrtMemsetAsync(p, BYTES, 3, BYTES, two);
    } else if (!strcmp(name, "wait-free")) {
        if (ok) {
            aclrtRecordEvent(event, one);
            aclrtSynchronizeEvent(event);
        }
        code = aclrtFree(p);
        p = NULL;
    }
    aclrtSynchronizeStream(one);
    aclrtSynchronizeStream(two);
    if (p) aclrtFree(p);
    aclrtDestroyEvent(event);
    aclrtDestroyStream(one);
    aclrtDestroyStream(two);
    return code;
}

/* Right, each in a way that is easily taken for a mistake. */
static aclError right(void) {
    char host[BYTES];
    char *p = device();
    aclrtStream one, two;
    aclrtEvent event;
    aclrtStreamStatus status = ACL_STREAM_STATUS_NOT_READY;
    aclrtCreateStream(&one);
    aclrtCreateStream(&two);
    aclrtCreateEventExWithFlag(&event, ACL_EVENT_SYNC);
    /* two streams, two halves; both read the same */
    aclrtMemsetAsync(p, BYTES, 1, 50, one);
    aclrtMemsetAsync(p + 50, BYTES, 1, 50, two);
    aclrtSynchronizeDevice();
    aclrtMemcpyAsync(host, BYTES, p, 50, ACL_MEMCPY_DEVICE_TO_HOST, one);
    aclrtMemcpyAsync(host + 50, 50, p, 50, ACL_MEMCPY_DEVICE_TO_HOST, two);
    /* a loop that asks; columns of one matrix */
    while (status != ACL_STREAM_STATUS_COMPLETE) aclrtStreamQuery(one, &status);
    aclrtSynchronizeStream(two);
    aclrtMemcpy2dAsync(p, 20, host, 20, 10, 4, ACL_MEMCPY_HOST_TO_DEVICE, one);
    aclrtMemcpy2dAsync(p + 10, 20, host + 10, 20, 10, 4, ACL_MEMCPY_HOST_TO_DEVICE, two);
    /* through an event to another stream, and from there to the host */
    aclrtRecordEvent(event, one);
    aclrtStreamWaitEvent(two, event);
    aclrtMemsetAsync(p, BYTES, 2, BYTES, two);
    aclrtSynchronizeStream(two);
    aclError code = aclrtMemset(p, BYTES, 3, BYTES);
    /* a stream that is gone is done */
    aclrtMemsetAsync(p, BYTES, 4, BYTES, one);
    aclrtDestroyStream(one);
    aclrtMemset(p, BYTES, 5, BYTES);
    aclrtDestroyStream(two);
    aclrtDestroyEvent(event);
    aclrtFree(p);
    return code;
}

/* ---- models ---- */

static aclmdlDataset *dataset(void *data, size_t bytes) {
    aclmdlDataset *d = aclmdlCreateDataset();
    aclmdlAddDatasetBuffer(d, aclCreateDataBuffer(data, bytes));
    return d;
}

static void destroy(aclmdlDataset *d) {
    for (size_t i = 0; i < aclmdlGetDatasetNumBuffers(d); i++)
        aclDestroyDataBuffer(aclmdlGetDatasetBuffer(d, i));
    aclmdlDestroyDataset(d);
}

static aclError models(const char *name, int ok) {
    uint32_t id;
    void *x = device(), *y = device(), *z = device(), *host = NULL;
    aclrtStream one, two;
    if (aclmdlLoadFromFile(model_path, &id)) return 1;
    aclrtMemset(x, BYTES, 0, BYTES);
    aclrtMallocHost(&host, BYTES);
    aclrtCreateStream(&one);
    aclrtCreateStream(&two);
    void *in = x, *out = y, *other = z;
    size_t in_bytes = TENSOR, out_bytes = TENSOR;
    if (!ok) {
        if (!strcmp(name, "run-inplace")) out = x;
        if (!strcmp(name, "run-host")) in = host;
        if (!strcmp(name, "run-small")) in_bytes = 8;
        if (!strcmp(name, "run-small-output")) out_bytes = 8;
        if (!strcmp(name, "run-null")) in = NULL;
        if (!strcmp(name, "run-shared")) other = y;
    }
    aclmdlDataset *inputs = dataset(in, in_bytes), *outputs = dataset(out, out_bytes),
                  *others = dataset(other, TENSOR);
    aclError code;
    if (!strcmp(name, "run-count") && !ok)
        aclmdlAddDatasetBuffer(inputs, aclCreateDataBuffer(z, TENSOR));
    const int64_t shape[4] = {1, 2, 2, !strcmp(name, "run-shape") && !ok ? 4 : 2};
    aclDataType type = !strcmp(name, "run-type") && !ok ? ACL_INT32 : ACL_FLOAT;
    aclFormat format = !strcmp(name, "run-format") && !ok ? ACL_FORMAT_NHWC : ACL_FORMAT_NCHW;
    aclTensorDesc *desc = aclCreateTensorDesc(type, 4, shape, format);
    if (!strcmp(name, "run-shape") || !strcmp(name, "run-type") || !strcmp(name, "run-format"))
        aclmdlSetDatasetTensorDesc(inputs, desc, 0);
    aclDestroyTensorDesc(desc);
    if (!strcmp(name, "run-shared")) {
        aclmdlExecuteAsync(id, inputs, outputs, one);
        code = aclmdlExecuteAsync(id, inputs, others, two);
        aclrtSynchronizeDevice();
    } else if (!strcmp(name, "run-early")) { /* the input is still on its way */
        aclrtMemcpyAsync(x, BYTES, host, BYTES, ACL_MEMCPY_HOST_TO_DEVICE, one);
        if (ok) aclrtSynchronizeStream(one);
        code = aclmdlExecute(id, inputs, outputs);
        aclrtSynchronizeStream(one);
    } else {
        code = aclmdlExecute(id, inputs, outputs);
    }
    destroy(inputs);
    destroy(outputs);
    destroy(others);
    aclrtDestroyStream(one);
    aclrtDestroyStream(two);
    aclmdlUnload(id);
    aclrtFreeHost(host);
    aclrtFree(x);
    aclrtFree(y);
    aclrtFree(z);
    return code;
}

/* ---- what is made, and given back or not ---- */

static aclError left(const char *name, int ok) {
    const int64_t shape[1] = {8};
    uint32_t id;
    if (!strcmp(name, "left-context")) {
        aclrtContext c;
        aclrtCreateContext(&c, 0);
        if (ok) aclrtDestroyContext(c);
    } else if (!strcmp(name, "left-stream")) {
        aclrtStream s;
        aclrtCreateStream(&s);
        if (ok) aclrtDestroyStream(s);
    } else if (!strcmp(name, "left-event")) {
        aclrtEvent e;
        aclrtCreateEvent(&e);
        if (ok) aclrtDestroyEvent(e);
    } else if (!strcmp(name, "left-dataset")) {
        aclmdlDataset *d = aclmdlCreateDataset();
        if (ok) aclmdlDestroyDataset(d);
    } else if (!strcmp(name, "left-buffer")) {
        static char data[8];
        aclDataBuffer *b = aclCreateDataBuffer(data, sizeof data);
        if (ok) aclDestroyDataBuffer(b);
    } else if (!strcmp(name, "left-tensor")) {
        aclTensorDesc *d = aclCreateTensorDesc(ACL_FLOAT, 1, shape, ACL_FORMAT_ND);
        if (ok) aclDestroyTensorDesc(d);
    } else if (!strcmp(name, "left-desc")) {
        aclmdlDesc *d = aclmdlCreateDesc();
        if (ok) aclmdlDestroyDesc(d);
    } else if (!strcmp(name, "left-model")) {
        if (aclmdlLoadFromFile(model_path, &id)) return 1;
        if (ok) aclmdlUnload(id);
    } else if (!strcmp(name, "left-config")) {
        aclmdlConfigHandle *c = aclmdlCreateConfigHandle();
        if (ok) aclmdlDestroyConfigHandle(c);
    } else if (!strcmp(name, "left-attr")) {
        aclopAttr *a = aclopCreateAttr();
        if (ok) aclopDestroyAttr(a);
    } else if (!strcmp(name, "left-queue")) {
        acltdtQueueAttr *a = acltdtCreateQueueAttr();
        acltdtCreateQueue(a, &id);
        acltdtDestroyQueueAttr(a);
        if (ok) acltdtDestroyQueue(id);
    }
    return ACL_SUCCESS;
}

int main(int argc, char **argv) {
    if (argc < 2 || aclInit(NULL) || aclrtSetDevice(0)) return 1;
    if (argc > 2) model_path = argv[2];
    const char *name = argv[1];
    int ok = !strncmp(name, "ok-", 3);
    if (ok) name += 3;
    aclError code;
    if (!strncmp(name, "wait-", 5)) code = waits(name, ok);
    else if (!strncmp(name, "run-", 4)) code = models(name, ok);
    else if (!strncmp(name, "left-", 5)) code = left(name, ok);
    else if (!strcmp(name, "right")) code = right();
    else code = memory(name);
    printf("%d\n", code);
    if (!strcmp(name, "exit")) return 0; /* without aclFinalize */
    aclrtResetDevice(0);
    return aclFinalize();
}
