/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for pictures, handles and jobs of libacl_dvpp.so. */
#include <string.h>

#include "acl/dvpp/dvpp.h"

aclError dvpp_check(const char *call) {
    if (_pk_private.version == PK_PRIVATE_VERSION) return ACL_SUCCESS;
    return _pk_private.fail(ACL_ERROR_RESOURCE_NOT_MATCH, call,
                            "libacl_dvpp.so and libascendcl.so are of different versions; install "
                            "both from one build");
}

aclError acldvppMalloc(void **devPtr, size_t size) {
    const char *call = __func__;
    TRY(dvpp_check(call));
    CHECK(devPtr, ACL_ERROR_INVALID_PARAM, "devPtr is NULL");
    return _pk_private.dvpp_malloc(call, size, devPtr);
}

aclError acldvppFree(void *devPtr) {
    TRY(dvpp_check(__func__));
    return _pk_private.dvpp_free(__func__, devPtr);
}

/* ---- handles ---- */

void *dvpp_make_with(const char *call, enum handle_kind kind, size_t bytes, void **object,
                     void (*destroy)(void *object)) {
    if (dvpp_check(call) != ACL_SUCCESS) return NULL;
    void *made = _pk_private.mem_alloc(bytes), *handle = NULL;
    if (made) {
        memset(made, 0, bytes);
        handle = _pk_private.handle_create(kind, made, destroy);
    }
    if (!handle) {
        _pk_private.mem_free(made);
        _pk_private.fail(ACL_ERROR_BAD_ALLOC, call, "out of memory");
        return NULL;
    }
    *object = made;
    return handle;
}

void *dvpp_make(const char *call, enum handle_kind kind, size_t bytes, void **object) {
    return dvpp_make_with(call, kind, bytes, object, _pk_private.mem_free);
}

aclError dvpp_drop(const char *call, enum handle_kind kind, const void *handle,
                   const char *argument) {
    TRY(dvpp_check(call));
    if (_pk_private.handle_retire(handle, kind)) return ACL_SUCCESS;
    return _pk_private.handle_fail(handle, kind, call, argument);
}

void *dvpp_get(const void *handle, enum handle_kind kind, const char *call, const char *argument) {
    if (dvpp_check(call) != ACL_SUCCESS) return NULL;
    return _pk_private.handle_get(handle, kind, call, argument);
}

/* ---- chips ---- */

static bool chip_of(const char *name, enum chip *chip) {
    if (!strncmp(name, "Ascend", 6)) name += 6;
    if (!strncmp(name, "310P", 4)) *chip = CHIP_310P;
    else if (!strncmp(name, "310B", 4) || !strncmp(name, "910B", 4)) *chip = CHIP_310B;
    else if (!strcmp(name, "310")) *chip = CHIP_310;
    else return false;
    return true;
}

enum chip dvpp_chip(void) {
    enum chip chip = CHIP_310;
    if (!chip_of(_pk_private.strict_chip(), &chip)) chip_of(_pk_private.soc_name(), &chip);
    return chip;
}

aclError dvpp_strict(const char *call, bool *is_strict) {
    enum chip chip;
    const char *name = _pk_private.strict_chip();
    *is_strict = *name != '\0';
    CHECK(!*is_strict || chip_of(name, &chip), ACL_ERROR_INVALID_PARAM,
          "PRUSIK_STRICT is '%s'; it is 310, 310P or 310B", name);
    return ACL_SUCCESS;
}

/* ---- jobs ---- */

struct media dvpp_media(void) {
    return (struct media){.alloc = _pk_private.mem_alloc, .free = _pk_private.mem_free};
}

void *job_create(const char *call, size_t bytes, size_t max_held, aclError (*run)(struct job *j)) {
    bytes = (bytes + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
    struct job *j = _pk_private.mem_alloc(bytes + max_held * sizeof(void *));
    if (!j) {
        _pk_private.fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a task of a stream");
        return NULL;
    }
    memset(j, 0, bytes);
    j->run = run;
    j->call = call;
    j->media = dvpp_media();
    j->held = (void **)((char *)j + bytes);
    return j;
}

void job_drop(struct job *j) {
    if (j->drop) j->drop(j);
    for (size_t i = 0; i < j->n_held; i++) _pk_private.handle_release(j->held[i]);
    _pk_private.mem_free(j);
}

static aclError run_job(void *argument) {
    struct job *j = *(struct job **)argument;
    return j->run(j);
}

static void drop_job(void *argument) { job_drop(*(struct job **)argument); }

aclError job_submit(struct job *j, aclrtStream stream) {
    return _pk_private.run_on_stream(j->call, stream, run_job, drop_job, &j, sizeof j);
}

void *job_hold(struct job *j, const void *handle, enum handle_kind kind, const char *argument) {
    void *object = dvpp_get(handle, kind, j->call, argument);
    if (object) j->held[j->n_held++] = (void *)(uintptr_t)handle;
    return object;
}

aclError dvpp_fail(const char *call, const struct media *m, enum media_status status,
                   aclError for_files) {
    static const aclError codes[] = {[MEDIA_MEMORY] = ACL_ERROR_BAD_ALLOC,
                                     [MEDIA_ARGUMENT] = ACL_ERROR_INVALID_PARAM,
                                     [MEDIA_UNSUPPORTED] = ACL_ERROR_FEATURE_UNSUPPORTED,
                                     [MEDIA_LIMIT] = ACL_ERROR_STORAGE_OVER_LIMIT};
    if (status == MEDIA_OK) return ACL_SUCCESS;
    aclError code = status == MEDIA_DAMAGED ? for_files : codes[status];
    return _pk_private.fail(code, call, "%s", m->text);
}

aclError job_fail(struct job *j, enum media_status status, aclError for_files) {
    return dvpp_fail(j->call, &j->media, status, for_files);
}
