/* SPDX-License-Identifier: Apache-2.0 */
/* .npy files of NumPy. Both halves of `prusik` use them; the types are AscendCL's, its library is
 * not needed. */
#ifndef PK_CMD_APP_NPY_H
#define PK_CMD_APP_NPY_H

#include <stddef.h>
#include <stdint.h>

#include <acl/acl_base.h>

struct npy {
    aclDataType type;
    int rank;
    int64_t dim[16];
    size_t bytes;
    void *data; /* C order; free() */
};
/* -1 and a sentence in `error` on failure. */
int npy_read(const char *path, struct npy *out, char error[static 512]);
int npy_write(const char *path, const struct npy *array, char error[static 512]);
const char *npy_type_name(aclDataType t); /* "float32", ...; NULL when NumPy has none */

#endif
