/* SPDX-License-Identifier: Apache-2.0 */
/* The pixels of a picture as prusik reads them, as a PPM on stdout: for tests in Python. */
#include <stdio.h>

#include "prusik/vision.h"

int main(int argc, char **argv) {
    struct pk_image image;
    if (argc != 2 || pk_image_read(argv[1], &image)) {
        fprintf(stderr, "%s\n", argc == 2 ? pk_error() : "usage: picture FILE");
        return 1;
    }
    printf("P6\n%d %d\n255\n", image.width, image.height);
    fwrite(image.rgb, 3, (size_t)image.width * (size_t)image.height, stdout);
    pk_image_free(&image);
    return 0;
}
