/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: JPEG and PNG pictures. What comes in is a picture or a sentence. */
#include <stdlib.h>

#include "prusik/vision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct pk_image image;
    if (pk_image_decode(data, n, "input", &image)) {
        if (image.rgb || !*pk_error()) abort();
        return 0;
    }
    unsigned sum = 0;
    for (size_t i = 0; i < (size_t)image.width * (size_t)image.height * 3; i++) sum += image.rgb[i];
    pk_image_free(&image);
    return sum == 1 ? -1 : 0; /* the pixels are read, so that a sanitizer sees them */
}
