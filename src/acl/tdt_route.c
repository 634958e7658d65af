/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes of acl_tdt_queue.h: what comes to a source queue moves on to the queues it is bound to.
 * All queues lie in this process under one lock, so moving is done by whoever put or took
 * something; there is no thread of its own. A parcel leaves the source when every destination has
 * room: each gets the same memory.
 */
#include <string.h>

#include "acl/tdt_queue.h"
#include "base/alloc.h"

/* ---- bindings; with the lock held ---- */

static bool all_have_room(uint32_t source) {
    for (struct tdt_binding *b = runtime.tdt.bindings; b; b = b->next)
        if (b->source == source && !queue_has_room(queue_find(b->destination))) return false;
    return true;
}

/* One parcel from q to all its destinations; false when memory ran out: it stays for later. */
static bool move_one(struct tdt_queue *q) {
    struct parcel *copies = NULL, *copy;
    int n = 0;
    for (struct tdt_binding *b = runtime.tdt.bindings; b; b = b->next) {
        if (b->source != q->id || n++ == 0) continue; /* the first gets the parcel itself */
        if (!(copy = parcel_share(q->first))) {
            while ((copy = copies)) {
                copies = copy->next;
                parcel_destroy(copy);
            }
            return false;
        }
        copy->next = copies;
        copies = copy;
    }
    struct parcel *p = queue_pop(q);
    for (struct tdt_binding *b = runtime.tdt.bindings; b; b = b->next) {
        if (b->source != q->id) continue;
        struct parcel *next = copies ? copies->next : NULL;
        queue_push(queue_find(b->destination), p);
        p = copies;
        copies = next;
    }
    return true;
}

void routes_move(void) {
    for (bool moved = true; moved;) { /* routes form no circle, so this ends */
        moved = false;
        for (struct tdt_binding *b = runtime.tdt.bindings; b; b = b->next) {
            struct tdt_queue *q = queue_find(b->source);
            while (q->n && all_have_room(q->id) && move_one(q)) moved = true;
        }
    }
}

bool routes_use(uint32_t id, uint32_t *other) {
    for (struct tdt_binding *b = runtime.tdt.bindings; b; b = b->next)
        if (b->source == id || b->destination == id) {
            *other = b->source == id ? b->destination : b->source;
            return true;
        }
    return false;
}

void routes_reset(void) {
    while (runtime.tdt.bindings) {
        struct tdt_binding *b = runtime.tdt.bindings;
        runtime.tdt.bindings = b->next;
        mem_free(b);
    }
}

static struct tdt_binding **find_binding(uint32_t source, uint32_t destination) {
    struct tdt_binding **at = &runtime.tdt.bindings;
    while (*at && ((*at)->source != source || (*at)->destination != destination))
        at = &(*at)->next;
    return at;
}

/* Each queue is looked at once, however many ways lead to it; by a list, as rows of queues may be
 * longer than a stack is deep. */
static bool leads_to(struct tdt_queue *from, const struct tdt_queue *to) {
    for (struct tdt_queue *q = runtime.tdt.queues; q; q = q->next) q->reached = q == from;
    struct tdt_queue *last = from;
    from->next_reached = NULL;
    for (struct tdt_queue *q = from; q; q = q->next_reached) {
        if (q == to) return true;
        for (struct tdt_binding *b = runtime.tdt.bindings; b; b = b->next) {
            struct tdt_queue *next = b->source == q->id ? queue_find(b->destination) : NULL;
            if (!next || next->reached) continue;
            next->reached = true;
            next->next_reached = NULL;
            last = last->next_reached = next;
        }
    }
    return false;
}

/* ---- objects ---- */

struct route {
    uint32_t source, destination;
    int32_t status; /* ACL_TDT_QUEUE_ROUTE_* */
};

struct route_list {
    size_t n, cap;
    struct route *routes;
};

struct route_query {
    bool has_mode, has_source, has_destination;
    acltdtQueueRouteQueryMode mode;
    uint32_t source, destination;
};

static void list_destroy(void *object) {
    struct route_list *l = object;
    mem_free(l->routes);
    mem_free(l);
}

/* With the lock held until put(). */
static void *get(const char *call, const void *handle, enum handle_kind kind,
                 const char *argument) {
    void *object = handle_get(handle, kind, call, argument);
    if (object) pthread_mutex_lock(&runtime.tdt.lock);
    return object;
}

static void put(const void *handle) {
    pthread_mutex_unlock(&runtime.tdt.lock);
    handle_release(handle);
}

acltdtQueueRoute *acltdtCreateQueueRoute(uint32_t srcId, uint32_t dstId) {
    struct route *r = mem_alloc(sizeof *r);
    if (r) *r = (struct route){srcId, dstId, ACL_TDT_QUEUE_ROUTE_UNBIND};
    return handle_make(HANDLE_TDT_ROUTE, r, mem_free, __func__);
}

aclError acltdtDestroyQueueRoute(const acltdtQueueRoute *route) {
    return handle_end(route, HANDLE_TDT_ROUTE, __func__, "route");
}

aclError acltdtGetQueueRouteParam(const acltdtQueueRoute *route, acltdtQueueRouteParamType type,
                                  size_t len, size_t *paramRetSize, void *param) {
    ACL_NEED(paramRetSize);
    ACL_NEED(param);
    ACL_CHECK(type >= ACL_TDT_QUEUE_ROUTE_SRC_UINT32 && type <= ACL_TDT_QUEUE_ROUTE_STATUS_INT32,
              ACL_ERROR_INVALID_PARAM, "type is %d; use a value of acltdtQueueRouteParamType",
              (int)type);
    ACL_CHECK(len >= sizeof(uint32_t), ACL_ERROR_INVALID_PARAM, "len is %zu; it must be 4 or more",
              len);
    struct route *r = get(__func__, route, HANDLE_TDT_ROUTE, "route");
    if (!r) return ACL_ERROR_INVALID_PARAM;
    const void *from = type == ACL_TDT_QUEUE_ROUTE_SRC_UINT32   ? (const void *)&r->source
                       : type == ACL_TDT_QUEUE_ROUTE_DST_UINT32 ? (const void *)&r->destination
                                                                : (const void *)&r->status;
    memcpy(param, from, sizeof(uint32_t));
    *paramRetSize = sizeof(uint32_t);
    put(route);
    return ACL_SUCCESS;
}

acltdtQueueRouteList *acltdtCreateQueueRouteList(void) {
    return handle_make(HANDLE_TDT_ROUTE_LIST, mem_calloc(1, sizeof(struct route_list)),
                       list_destroy, __func__);
}

aclError acltdtDestroyQueueRouteList(const acltdtQueueRouteList *routeList) {
    return handle_end(routeList, HANDLE_TDT_ROUTE_LIST, __func__, "routeList");
}

/* With the lock held. */
static bool list_add(struct route_list *l, const struct route *r) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 4;
        struct route *wider = mem_realloc(l->routes, cap * sizeof *wider);
        if (!wider) return false;
        l->routes = wider;
        l->cap = cap;
    }
    l->routes[l->n++] = *r;
    return true;
}

aclError acltdtAddQueueRoute(acltdtQueueRouteList *routeList, const acltdtQueueRoute *route) {
    struct route *r = handle_get(route, HANDLE_TDT_ROUTE, __func__, "route");
    if (!r) return ACL_ERROR_INVALID_PARAM;
    struct route_list *l = get(__func__, routeList, HANDLE_TDT_ROUTE_LIST, "routeList");
    bool ok = l && list_add(l, r);
    if (l) put(routeList);
    handle_release(route);
    if (!l) return ACL_ERROR_INVALID_PARAM;
    ACL_CHECK(ok, ACL_ERROR_BAD_ALLOC, "no memory for another route of the list");
    return ACL_SUCCESS;
}

size_t acltdtGetQueueRouteNum(const acltdtQueueRouteList *routeList) {
    struct route_list *l = get(__func__, routeList, HANDLE_TDT_ROUTE_LIST, "routeList");
    if (!l) return 0;
    size_t n = l->n;
    put(routeList);
    return n;
}

aclError acltdtGetQueueRoute(const acltdtQueueRouteList *routeList, size_t index,
                             acltdtQueueRoute *route) {
    struct route *r = handle_get(route, HANDLE_TDT_ROUTE, __func__, "route");
    if (!r) return ACL_ERROR_INVALID_PARAM;
    struct route_list *l = get(__func__, routeList, HANDLE_TDT_ROUTE_LIST, "routeList");
    size_t n = l ? l->n : 0;
    if (index < n) *r = l->routes[index];
    if (l) put(routeList);
    handle_release(route);
    if (!l) return ACL_ERROR_INVALID_PARAM;
    ACL_CHECK(index < n, ACL_ERROR_INVALID_PARAM, "index is %zu; the list has %zu routes", index,
              n);
    return ACL_SUCCESS;
}

/* ---- binding ---- */

/* With the lock held. */
static aclError bind_one(const char *call, struct route *r) {
    struct tdt_queue *from = queue_find(r->source), *to = queue_find(r->destination);
    if (!from || !to)
        return acl_fail(ACL_ERROR_INVALID_QUEUE_ID, call, "there is no queue %u",
                        from ? r->destination : r->source);
    if (*find_binding(r->source, r->destination))
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "queue %u is bound to queue %u already",
                        r->source, r->destination);
    if (leads_to(to, from))
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "a route from queue %u to queue %u would close a circle", r->source,
                        r->destination);
    struct tdt_binding *b = mem_calloc(1, sizeof *b);
    if (!b) return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a route");
    *b = (struct tdt_binding){.source = r->source, .destination = r->destination};
    *find_binding(0, 0) = b; /* the end: ids start at 1 */
    r->status = ACL_TDT_QUEUE_ROUTE_BIND;
    return ACL_SUCCESS;
}

static void unbind_one(struct route *r) {
    struct tdt_binding **at = find_binding(r->source, r->destination), *b = *at;
    *at = b->next;
    mem_free(b);
    r->status = ACL_TDT_QUEUE_ROUTE_UNBIND;
}

aclError acltdtBindQueueRoutes(acltdtQueueRouteList *qRouteList) {
    ACL_NEED_STARTED();
    struct route_list *l = get(__func__, qRouteList, HANDLE_TDT_ROUTE_LIST, "qRouteList");
    if (!l) return ACL_ERROR_INVALID_PARAM;
    aclError code = ACL_SUCCESS;
    size_t n = 0;
    while (n < l->n && (code = bind_one(__func__, &l->routes[n])) == ACL_SUCCESS) n++;
    if (code != ACL_SUCCESS) /* all or none */
        while (n) unbind_one(&l->routes[--n]);
    routes_move();
    pthread_cond_broadcast(&runtime.tdt.changed);
    put(qRouteList);
    return code;
}

aclError acltdtUnbindQueueRoutes(acltdtQueueRouteList *qRouteList) {
    ACL_NEED_STARTED();
    struct route_list *l = get(__func__, qRouteList, HANDLE_TDT_ROUTE_LIST, "qRouteList");
    if (!l) return ACL_ERROR_INVALID_PARAM;
    struct route missing = {0};
    for (size_t i = 0; i < l->n; i++) {
        if (*find_binding(l->routes[i].source, l->routes[i].destination)) unbind_one(&l->routes[i]);
        else missing = l->routes[i];
    }
    put(qRouteList);
    ACL_CHECK(!missing.source, ACL_ERROR_INVALID_PARAM, "queue %u was not bound to queue %u",
              missing.source, missing.destination);
    return ACL_SUCCESS;
}

/* ---- asking ---- */

acltdtQueueRouteQueryInfo *acltdtCreateQueueRouteQueryInfo(void) {
    return handle_make(HANDLE_TDT_ROUTE_QUERY, mem_calloc(1, sizeof(struct route_query)), mem_free,
                       __func__);
}

aclError acltdtDestroyQueueRouteQueryInfo(const acltdtQueueRouteQueryInfo *info) {
    return handle_end(info, HANDLE_TDT_ROUTE_QUERY, __func__, "info");
}

aclError acltdtSetQueueRouteQueryInfo(acltdtQueueRouteQueryInfo *param,
                                      acltdtQueueRouteQueryInfoParamType type, size_t len,
                                      const void *value) {
    ACL_NEED(value);
    ACL_CHECK(type >= ACL_TDT_QUEUE_ROUTE_QUERY_MODE_ENUM &&
                  type <= ACL_TDT_QUEUE_ROUTE_QUERY_DST_ID_UINT32,
              ACL_ERROR_INVALID_PARAM,
              "type is %d; use a value of acltdtQueueRouteQueryInfoParamType", (int)type);
    ACL_CHECK(len == sizeof(uint32_t), ACL_ERROR_INVALID_PARAM, "len is %zu; it must be 4", len);
    uint32_t number;
    memcpy(&number, value, sizeof number);
    ACL_CHECK(type != ACL_TDT_QUEUE_ROUTE_QUERY_MODE_ENUM ||
                  number <= ACL_TDT_QUEUE_ROUTE_QUERY_SRC_AND_DST ||
                  number == ACL_TDT_QUEUE_ROUTE_QUERY_ABNORMAL,
              ACL_ERROR_INVALID_PARAM, "the mode is %u; use a value of acltdtQueueRouteQueryMode",
              number);
    struct route_query *q = get(__func__, param, HANDLE_TDT_ROUTE_QUERY, "param");
    if (!q) return ACL_ERROR_INVALID_PARAM;
    if (type == ACL_TDT_QUEUE_ROUTE_QUERY_MODE_ENUM) {
        q->mode = (acltdtQueueRouteQueryMode)number;
        q->has_mode = true;
    } else if (type == ACL_TDT_QUEUE_ROUTE_QUERY_SRC_ID_UINT32) {
        q->source = number;
        q->has_source = true;
    } else {
        q->destination = number;
        q->has_destination = true;
    }
    put(param);
    return ACL_SUCCESS;
}

aclError acltdtQueryQueueRoutes(const acltdtQueueRouteQueryInfo *queryInfo,
                                acltdtQueueRouteList *qRouteList) {
    ACL_NEED_STARTED();
    struct route_query *stored =
        handle_get(queryInfo, HANDLE_TDT_ROUTE_QUERY, __func__, "queryInfo");
    if (!stored) return ACL_ERROR_INVALID_PARAM;
    struct route_list *l = get(__func__, qRouteList, HANDLE_TDT_ROUTE_LIST, "qRouteList");
    if (!l) {
        handle_release(queryInfo);
        return ACL_ERROR_INVALID_PARAM;
    }
    const struct route_query q = *stored;
    bool by_source = q.mode == ACL_TDT_QUEUE_ROUTE_QUERY_SRC ||
                     q.mode == ACL_TDT_QUEUE_ROUTE_QUERY_SRC_AND_DST;
    bool by_destination = q.mode == ACL_TDT_QUEUE_ROUTE_QUERY_DST ||
                          q.mode == ACL_TDT_QUEUE_ROUTE_QUERY_SRC_AND_DST;
    bool whole = q.has_mode && (!by_source || q.has_source) &&
                 (!by_destination || q.has_destination);
    bool ok = true;
    size_t before = l->n;
    /* No route here is ever abnormal: nothing lies between the queues. */
    for (struct tdt_binding *b = runtime.tdt.bindings; whole && b && ok; b = b->next) {
        if (q.mode == ACL_TDT_QUEUE_ROUTE_QUERY_ABNORMAL) break;
        if ((by_source && b->source != q.source) ||
            (by_destination && b->destination != q.destination))
            continue;
        ok = list_add(l, &(struct route){b->source, b->destination, ACL_TDT_QUEUE_ROUTE_BIND});
    }
    if (!ok) l->n = before;
    put(qRouteList);
    handle_release(queryInfo);
    ACL_CHECK(whole, ACL_ERROR_INVALID_PARAM,
              "queryInfo lacks its mode, or the queue ids this mode asks for "
              "(acltdtSetQueueRouteQueryInfo)");
    ACL_CHECK(ok, ACL_ERROR_BAD_ALLOC, "no memory for another route of the list");
    return ACL_SUCCESS;
}
