/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensor transfer: data items, datasets and the channels that pass them on. A channel is found by
 * device and name; every acltdtCreateChannel call of one name makes an end of the same channel, and
 * any end may send and receive. What is sent is copied when it is sent, so the sender's memory is
 * free at once; what is received belongs to the dataset it is received into.
 *
 * Channels share the runtime's sync_lock and its condition variable. Tensors are copied outside
 * the lock.
 */
#include <string.h>

#include "acl/acl_tdt.h"
#include "acl/internal.h"
#include "base/alloc.h"

enum { DEFAULT_CAPACITY = 128, MAX_ITEMS = 4096, MAX_NAME = 127 };

struct tdt_item {
    acltdtTensorType type;
    aclDataType data_type;
    void *data;
    size_t bytes;
    bool owned; /* data goes with the item: it was received */
    size_t rank;
    int64_t dims[ACL_MAX_DIM_CNT];
};

struct tdt_dataset {
    pthread_mutex_t lock;
    size_t n, cap;
    struct entry {
        void *item;    /* handle */
        bool received; /* goes with the dataset */
    } *entries;
    char name[MAX_NAME + 1]; /* of the channel it was received from; "" before */
};

struct message {
    struct message *next;
    size_t n;
    struct tdt_item *items[];
};

/* guarded by runtime.sync_lock */
struct tdt_channel {
    struct tdt_channel *next;
    uint32_t device;
    char name[MAX_NAME + 1];
    size_t capacity, n;
    struct message *first, **last;
    int n_ends;
    bool stopped;
};

struct tdt_end {
    struct tdt_channel *channel;
    bool closed; /* guarded by runtime.sync_lock */
};

/* ---- data items ---- */

static void item_destroy(void *object) {
    struct tdt_item *t = object;
    if (t->owned) mem_free(t->data);
    mem_free(t);
}

bool tdt_item_is_received(const void *object) { return ((const struct tdt_item *)object)->owned; }

acltdtDataItem *acltdtCreateDataItem(acltdtTensorType tdtType, const int64_t *dims, size_t dimNum,
                                     aclDataType dataType, void *data, size_t size) {
    const char *wrong = NULL;
    if (tdtType < ACL_TENSOR_DATA_TENSOR || tdtType > ACL_TENSOR_DATA_END_TENSOR)
        wrong = "tdtType is no acltdtTensorType; use ACL_TENSOR_DATA_TENSOR for a tensor";
    else if (dimNum > ACL_MAX_DIM_CNT) wrong = "dimNum is above ACL_MAX_DIM_CNT (128)";
    else if (dimNum && !dims) wrong = "dims is NULL and dimNum is not 0";
    else if (size && !data) wrong = "data is NULL and size is not 0";
    for (size_t i = 0; !wrong && i < dimNum; i++)
        if (dims[i] < 0) wrong = "a dimension is negative; sizes must be known";
    if (wrong) {
        acl_fail(ACL_ERROR_INVALID_PARAM, __func__, "%s", wrong);
        return NULL;
    }
    struct tdt_item *t = mem_calloc(1, sizeof *t);
    if (t) {
        t->type = tdtType;
        t->data_type = dataType;
        t->data = data;
        t->bytes = size;
        t->rank = dimNum;
        if (dimNum) memcpy(t->dims, dims, dimNum * sizeof *dims);
    }
    return handle_make(HANDLE_TDT_ITEM, t, item_destroy, __func__);
}

aclError acltdtDestroyDataItem(acltdtDataItem *dataItem) {
    struct tdt_item *t = handle_get(dataItem, HANDLE_TDT_ITEM, __func__, "dataItem");
    if (!t) return ACL_ERROR_INVALID_PARAM;
    bool received = t->owned;
    handle_release(dataItem);
    ACL_CHECK(!received, ACL_ERROR_INVALID_PARAM,
              "dataItem was received and goes with its dataset; call acltdtDestroyDataset");
    return handle_end(dataItem, HANDLE_TDT_ITEM, __func__, "dataItem");
}

/* Items never change, so one copy of a member is all a question needs. */
#define ITEM_QUESTION(type, name, member, none)                                                    \
    type name(const acltdtDataItem *dataItem) {                                                    \
        struct tdt_item *t = handle_get(dataItem, HANDLE_TDT_ITEM, __func__, "dataItem");          \
        if (!t) return none;                                                                       \
        type answer = t->member;                                                                   \
        handle_release(dataItem);                                                                  \
        return answer;                                                                             \
    }
ITEM_QUESTION(acltdtTensorType, acltdtGetTensorTypeFromItem, type, ACL_TENSOR_DATA_UNDEFINED)
ITEM_QUESTION(aclDataType, acltdtGetDataTypeFromItem, data_type, ACL_DT_UNDEFINED)
ITEM_QUESTION(void *, acltdtGetDataAddrFromItem, data, NULL)
ITEM_QUESTION(size_t, acltdtGetDataSizeFromItem, bytes, 0)
ITEM_QUESTION(size_t, acltdtGetDimNumFromItem, rank, 0)

aclError acltdtGetDimsFromItem(const acltdtDataItem *dataItem, int64_t *dims, size_t dimNum) {
    struct tdt_item *t = handle_get(dataItem, HANDLE_TDT_ITEM, __func__, "dataItem");
    if (!t) return ACL_ERROR_INVALID_PARAM;
    size_t rank = t->rank;
    bool fits = dimNum >= rank && (dims || !rank);
    if (fits && rank) memcpy(dims, t->dims, rank * sizeof *dims);
    handle_release(dataItem);
    ACL_CHECK(fits, ACL_ERROR_INVALID_PARAM,
              "dims has room for %zu numbers; the item has %zu dimensions "
              "(acltdtGetDimNumFromItem)",
              dims ? dimNum : 0, rank);
    return ACL_SUCCESS;
}

aclError acltdtGetSliceInfoFromItem(const acltdtDataItem *dataItem, size_t *sliceNum,
                                    size_t *sliceId) {
    ACL_NEED(sliceNum);
    ACL_NEED(sliceId);
    if (!handle_get(dataItem, HANDLE_TDT_ITEM, __func__, "dataItem"))
        return ACL_ERROR_INVALID_PARAM;
    handle_release(dataItem);
    *sliceNum = 1;
    *sliceId = 0;
    return ACL_SUCCESS;
}

/* ---- datasets ---- */

/* With the lock held, or nobody else to know the dataset. */
static void forget_entries(struct tdt_dataset *d) {
    for (size_t i = 0; i < d->n; i++)
        if (d->entries[i].received) handle_retire(d->entries[i].item, HANDLE_TDT_ITEM);
    d->n = 0;
}

static void dataset_destroy(void *object) {
    struct tdt_dataset *d = object;
    forget_entries(d);
    mem_free(d->entries);
    pthread_mutex_destroy(&d->lock);
    mem_free(d);
}

acltdtDataset *acltdtCreateDataset(void) {
    struct tdt_dataset *d = mem_calloc(1, sizeof *d);
    if (d) pthread_mutex_init(&d->lock, NULL);
    return handle_make(HANDLE_TDT_DATASET, d, dataset_destroy, __func__);
}

aclError acltdtDestroyDataset(acltdtDataset *dataset) {
    return handle_end(dataset, HANDLE_TDT_DATASET, __func__, "dataset");
}

static struct tdt_dataset *get(const char *call, const acltdtDataset *dataset) {
    struct tdt_dataset *d = handle_get(dataset, HANDLE_TDT_DATASET, call, "dataset");
    if (d) pthread_mutex_lock(&d->lock);
    return d;
}

static void put(const acltdtDataset *dataset, struct tdt_dataset *d) {
    pthread_mutex_unlock(&d->lock);
    handle_release(dataset);
}

/* With the lock held. */
static bool make_room(struct tdt_dataset *d, size_t n) {
    if (n <= d->cap) return true;
    size_t cap = n < 4 ? 4 : 2 * n;
    struct entry *wider = mem_realloc(d->entries, cap * sizeof *wider);
    if (!wider) return false;
    d->entries = wider;
    d->cap = cap;
    return true;
}

aclError acltdtAddDataItem(acltdtDataset *dataset, acltdtDataItem *dataItem) {
    struct tdt_item *t = handle_get(dataItem, HANDLE_TDT_ITEM, __func__, "dataItem");
    if (!t) return ACL_ERROR_INVALID_PARAM;
    handle_release(dataItem);
    struct tdt_dataset *d = get(__func__, dataset);
    if (!d) return ACL_ERROR_INVALID_PARAM;
    bool full = d->n == MAX_ITEMS, ok = !full && make_room(d, d->n + 1);
    if (ok) d->entries[d->n++] = (struct entry){.item = dataItem};
    put(dataset, d);
    ACL_CHECK(!full, ACL_ERROR_INVALID_PARAM, "the dataset has %d items, the most it can",
              MAX_ITEMS);
    ACL_CHECK(ok, ACL_ERROR_BAD_ALLOC, "no memory for another item of the dataset");
    return ACL_SUCCESS;
}

acltdtDataItem *acltdtGetDataItem(const acltdtDataset *dataset, size_t index) {
    struct tdt_dataset *d = get(__func__, dataset);
    if (!d) return NULL;
    size_t n = d->n;
    void *item = index < n ? d->entries[index].item : NULL;
    put(dataset, d);
    if (!item)
        acl_fail(ACL_ERROR_INVALID_PARAM, __func__, "index is %zu; the dataset has %zu items",
                 index, n);
    return item;
}

size_t acltdtGetDatasetSize(const acltdtDataset *dataset) {
    struct tdt_dataset *d = get(__func__, dataset);
    if (!d) return 0;
    size_t n = d->n;
    put(dataset, d);
    return n;
}

const char *acltdtGetDatasetName(const acltdtDataset *dataset) {
    struct tdt_dataset *d = handle_get(dataset, HANDLE_TDT_DATASET, __func__, "dataset");
    if (!d) return NULL;
    handle_release(dataset);
    return d->name;
}

/* ---- messages ---- */

static void message_destroy(struct message *m) {
    for (size_t i = 0; i < m->n; i++) item_destroy(m->items[i]);
    mem_free(m);
}

static struct tdt_item *item_copy(const struct tdt_item *t) {
    struct tdt_item *copy = mem_alloc(sizeof *copy);
    if (!copy) return NULL;
    *copy = *t;
    copy->owned = true;
    copy->data = t->bytes ? mem_alloc(t->bytes) : NULL;
    if (t->bytes && !copy->data) return mem_free(copy), NULL;
    if (t->bytes) memcpy(copy->data, t->data, t->bytes);
    return copy;
}

static aclError message_of(const char *call, const acltdtDataset *dataset, struct message **out) {
    struct tdt_dataset *d = get(call, dataset);
    if (!d) return ACL_ERROR_INVALID_PARAM;
    aclError code = ACL_SUCCESS;
    struct message *m = mem_calloc(1, sizeof *m + d->n * sizeof m->items[0]);
    if (!m) code = acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for %zu items", d->n);
    for (size_t i = 0; code == ACL_SUCCESS && i < d->n; i++) {
        void *handle = d->entries[i].item;
        struct tdt_item *t = handle_acquire(handle, HANDLE_TDT_ITEM);
        if (!t) {
            code = acl_fail(ACL_ERROR_INVALID_PARAM, call,
                            "item %zu of the dataset was destroyed with acltdtDestroyDataItem", i);
            break;
        }
        code = memory_check(call, "an item's data", t->data, t->bytes);
        if (code == ACL_SUCCESS) {
            if ((m->items[i] = item_copy(t))) m->n++;
            else
                code = acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a copy of %zu bytes",
                                t->bytes);
        }
        handle_release(handle);
    }
    put(dataset, d);
    if (code == ACL_SUCCESS) *out = m;
    else if (m) message_destroy(m);
    return code;
}

/* Puts the items into the dataset in place of what it had. Takes the message. */
static aclError message_deliver(const char *call, struct message *m, const char *name,
                                struct tdt_dataset *d) {
    pthread_mutex_lock(&d->lock);
    forget_entries(d);
    bool ok = make_room(d, m->n);
    size_t made = 0;
    for (; ok && made < m->n; made++) {
        void *handle = handle_create(HANDLE_TDT_ITEM, m->items[made], item_destroy);
        if (!handle) break;
        d->entries[d->n++] = (struct entry){.item = handle, .received = true};
    }
    ok = ok && made == m->n;
    strcpy(d->name, name);
    if (!ok) { /* what has no handle yet goes with the message, the rest with the dataset */
        memmove(m->items, m->items + made, (m->n - made) * sizeof m->items[0]);
        m->n -= made;
        forget_entries(d);
        message_destroy(m);
    } else {
        mem_free(m);
    }
    pthread_mutex_unlock(&d->lock);
    if (ok) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for what was received; it is lost");
}

/* ---- channels ---- */

/* With sync_lock held: takes all messages out, to be destroyed without the lock. */
static struct message *take_all(struct tdt_channel *c) {
    struct message *all = c->first;
    c->first = NULL;
    c->last = &c->first;
    c->n = 0;
    return all;
}

static void destroy_all(struct message *m) {
    while (m) {
        struct message *next = m->next;
        message_destroy(m);
        m = next;
    }
}

static void end_destroy(void *object) {
    struct tdt_end *e = object;
    struct tdt_channel *c = e->channel;
    struct message *left = NULL;
    pthread_mutex_lock(&runtime.sync_lock);
    bool unused = --c->n_ends == 0;
    if (unused) {
        struct tdt_channel **at = &runtime.tdt_channels;
        while (*at != c) at = &(*at)->next;
        *at = c->next;
        left = take_all(c);
    }
    pthread_mutex_unlock(&runtime.sync_lock);
    destroy_all(left);
    if (unused) mem_free(c);
    mem_free(e);
}

/* With sync_lock held. */
static struct tdt_channel *find_or_make(uint32_t device, const char *name, size_t capacity) {
    struct tdt_channel *c = runtime.tdt_channels;
    while (c && (c->device != device || strcmp(c->name, name) != 0 || c->stopped)) c = c->next;
    if (c) return c;
    c = mem_calloc(1, sizeof *c);
    if (!c) return NULL;
    c->device = device;
    strcpy(c->name, name);
    c->capacity = capacity ? capacity : DEFAULT_CAPACITY;
    c->last = &c->first;
    c->next = runtime.tdt_channels;
    return runtime.tdt_channels = c;
}

/* capacity 0: as it is, or the default. */
static acltdtChannelHandle *channel_open(const char *call, uint32_t device, const char *name,
                                         size_t capacity) {
    if (runtime_need_started(call) != ACL_SUCCESS) return NULL;
    if (!name || !name[0] || strlen(name) > MAX_NAME) {
        acl_fail(ACL_ERROR_INVALID_PARAM, call, "name must have 1 to %d characters", MAX_NAME);
        return NULL;
    }
    if (device >= (uint32_t)runtime.n_devices) {
        acl_fail(ACL_ERROR_RT_INVALID_DEVICEID, call, "deviceId is %u; there are %d devices",
                 device, runtime.n_devices);
        return NULL;
    }
    struct tdt_end *e = mem_calloc(1, sizeof *e);
    size_t found = capacity;
    pthread_mutex_lock(&runtime.sync_lock);
    struct tdt_channel *c = e ? find_or_make(device, name, capacity) : NULL;
    if (c) found = c->capacity;
    bool fits = !capacity || found == capacity;
    if (c && fits) {
        e->channel = c;
        c->n_ends++;
    }
    pthread_mutex_unlock(&runtime.sync_lock);
    if (c && fits) {
        void *handle = handle_create(HANDLE_TDT_CHANNEL, e, end_destroy);
        if (handle) return handle;
        end_destroy(e);
    } else {
        mem_free(e);
    }
    if (!fits)
        acl_fail(ACL_ERROR_INVALID_PARAM, call,
                 "capacity is %zu; channel '%s' exists with a capacity of %zu", capacity, name,
                 found);
    else acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for channel '%s'", name);
    return NULL;
}

acltdtChannelHandle *acltdtCreateChannel(uint32_t deviceId, const char *name) {
    return channel_open(__func__, deviceId, name, 0);
}

acltdtChannelHandle *acltdtCreateChannelWithCapacity(uint32_t deviceId, const char *name,
                                                     size_t capacity) {
    if (capacity) return channel_open(__func__, deviceId, name, capacity);
    acl_fail(ACL_ERROR_INVALID_PARAM, __func__,
             "capacity is 0; a channel holds at least 1 dataset");
    return NULL;
}

static aclError get_end(const char *call, const acltdtChannelHandle *handle, struct tdt_end **out) {
    ACL_TRY(runtime_need_started(call));
    *out = handle_get(handle, HANDLE_TDT_CHANNEL, call, "handle");
    return *out ? ACL_SUCCESS : ACL_ERROR_INVALID_PARAM;
}

static void stop(void *handle, void *object, void *user) {
    (void)handle;
    (void)user;
    pthread_mutex_lock(&runtime.sync_lock);
    ((struct tdt_end *)object)->channel->stopped = true;
    pthread_cond_broadcast(&runtime.sync_changed);
    pthread_mutex_unlock(&runtime.sync_lock);
}

void tdt_stop_all(void) { handle_visit(HANDLE_TDT_CHANNEL, stop, NULL); }

aclError acltdtStopChannel(acltdtChannelHandle *handle) {
    struct tdt_end *e;
    ACL_TRY(get_end(__func__, handle, &e));
    stop(handle, e, NULL);
    handle_release(handle);
    return ACL_SUCCESS;
}

aclError acltdtDestroyChannel(acltdtChannelHandle *handle) {
    struct tdt_end *e;
    ACL_TRY(get_end(__func__, handle, &e));
    pthread_mutex_lock(&runtime.sync_lock);
    e->closed = true;
    pthread_cond_broadcast(&runtime.sync_changed);
    pthread_mutex_unlock(&runtime.sync_lock);
    aclError code = handle_end(handle, HANDLE_TDT_CHANNEL, __func__, "handle");
    handle_release(handle);
    return code;
}

aclError acltdtCleanChannel(acltdtChannelHandle *handle) {
    struct tdt_end *e;
    ACL_TRY(get_end(__func__, handle, &e));
    pthread_mutex_lock(&runtime.sync_lock);
    struct message *all = take_all(e->channel);
    pthread_cond_broadcast(&runtime.sync_changed);
    pthread_mutex_unlock(&runtime.sync_lock);
    handle_release(handle);
    destroy_all(all);
    return ACL_SUCCESS;
}

aclError acltdtQueryChannelSize(const acltdtChannelHandle *handle, size_t *size) {
    ACL_NEED(size);
    struct tdt_end *e;
    ACL_TRY(get_end(__func__, handle, &e));
    pthread_mutex_lock(&runtime.sync_lock);
    *size = e->channel->n;
    pthread_mutex_unlock(&runtime.sync_lock);
    handle_release(handle);
    return ACL_SUCCESS;
}

/* With sync_lock held: waits until there is something to receive, or room to send. */
static aclError wait_for(const char *call, struct tdt_end *e, bool to_send, int32_t timeout) {
    struct tdt_channel *c = e->channel;
    struct timespec deadline = time_after_ms(timeout > 0 ? timeout : 0);
    bool in_time = timeout != 0;
    for (;;) {
        if (c->stopped || e->closed)
            return acl_fail(ACL_ERROR_FAILURE, call, "channel '%s' was %s", c->name,
                            c->stopped ? "stopped" : "destroyed meanwhile");
        if (to_send ? c->n < c->capacity : c->n > 0) return ACL_SUCCESS;
        if (!in_time)
            return to_send ? acl_fail(ACL_ERROR_RT_QUEUE_FULL, call,
                                      "channel '%s' holds %zu datasets, its capacity, and nobody "
                                      "received one within %d ms",
                                      c->name, c->n, timeout)
                           : acl_fail(ACL_ERROR_RT_QUEUE_EMPTY, call,
                                      "nothing was sent to channel '%s' within %d ms", c->name,
                                      timeout);
        in_time = cond_wait_until(&runtime.sync_changed, &runtime.sync_lock,
                                  timeout < 0 ? NULL : &deadline);
    }
}

static aclError check_timeout(const char *call, int32_t timeout) {
    if (timeout >= -1) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                    "timeout is %d; give milliseconds, 0 not to wait, or -1 to wait for ever",
                    timeout);
}

aclError acltdtSendTensor(const acltdtChannelHandle *handle, const acltdtDataset *dataset,
                          int32_t timeout) {
    struct tdt_end *e;
    struct message *m = NULL;
    ACL_TRY(check_timeout(__func__, timeout));
    ACL_TRY(get_end(__func__, handle, &e));
    aclError code = message_of(__func__, dataset, &m);
    if (code == ACL_SUCCESS) {
        struct tdt_channel *c = e->channel;
        pthread_mutex_lock(&runtime.sync_lock);
        code = wait_for(__func__, e, true, timeout);
        if (code == ACL_SUCCESS) {
            *c->last = m;
            c->last = &m->next;
            c->n++;
            pthread_cond_broadcast(&runtime.sync_changed);
        }
        pthread_mutex_unlock(&runtime.sync_lock);
        if (code != ACL_SUCCESS) message_destroy(m);
    }
    handle_release(handle);
    return code;
}

aclError acltdtReceiveTensor(const acltdtChannelHandle *handle, acltdtDataset *dataset,
                             int32_t timeout) {
    struct tdt_end *e;
    struct message *m = NULL;
    ACL_TRY(check_timeout(__func__, timeout));
    ACL_TRY(get_end(__func__, handle, &e));
    /* Held while waiting, so that what arrives always has a place to go. */
    aclError code = ACL_ERROR_INVALID_PARAM;
    struct tdt_dataset *d = handle_get(dataset, HANDLE_TDT_DATASET, __func__, "dataset");
    if (d) {
        struct tdt_channel *c = e->channel;
        pthread_mutex_lock(&runtime.sync_lock);
        code = wait_for(__func__, e, false, timeout);
        if (code == ACL_SUCCESS) {
            m = c->first;
            if (!(c->first = m->next)) c->last = &c->first;
            c->n--;
            pthread_cond_broadcast(&runtime.sync_changed);
        }
        pthread_mutex_unlock(&runtime.sync_lock);
        if (m) code = message_deliver(__func__, m, c->name, d);
        handle_release(dataset);
    }
    handle_release(handle);
    return code;
}
