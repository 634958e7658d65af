/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models of single operators. Every operator is made ready when it is first wanted, so their files
 * add nothing to what can be run; that they are there and whole is checked all the same, because a
 * program that names them elsewhere could not run without.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "acl/acl_op.h"
#include "acl/internal.h"
#include "om/om.h"

enum { MAX_PATH = 4096 };

static aclError check_file(const char *call, const char *folder, const char *name) {
    char path[MAX_PATH];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "the path of '%s' is too long", name);
    struct om_description d;
    enum status s = om_describe_file(path, &d);
    if (s != STATUS_OK) return acl_fail_status(s, call);
    om_description_deinit(&d);
    return ACL_SUCCESS;
}

aclError aclopSetModelDir(const char *modelDir) {
    ACL_NEED(modelDir);
    ACL_NEED_STARTED();
    DIR *folder = opendir(modelDir);
    ACL_CHECK(folder, ACL_ERROR_INVALID_FILE, "'%s' cannot be opened as a folder: %m", modelDir);
    aclError code = ACL_SUCCESS;
    for (struct dirent *e; code == ACL_SUCCESS && (e = readdir(folder));) {
        size_t n = strlen(e->d_name);
        if (n > 3 && !strcmp(e->d_name + n - 3, ".om"))
            code = check_file(__func__, modelDir, e->d_name);
    }
    closedir(folder);
    return code;
}

aclError aclopLoad(const void *model, size_t modelSize) {
    ACL_NEED(model);
    ACL_NEED_STARTED();
    ACL_CHECK(modelSize > 0, ACL_ERROR_INVALID_PARAM, "modelSize is 0");
    ACL_TRY(memory_check(__func__, "model", model, modelSize));
    struct om_description d;
    enum status s = om_describe_memory(model, modelSize, &d);
    if (s != STATUS_OK) return acl_fail_status(s, __func__);
    om_description_deinit(&d);
    return ACL_SUCCESS;
}
