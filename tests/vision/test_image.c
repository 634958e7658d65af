/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures in and out, above all those that are not what they claim: one sentence, no crash, and no
 * memory taken on the word of a header. */
#include "../check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <jpeglib.h>

#include "prusik/vision.h"

struct bytes {
    unsigned char *data;
    unsigned long n;
};

/* A JPEG of 16 x 32: red over green, blue in the lower right; orientation 0: no EXIF. */
static struct bytes make_jpeg(int orientation, int progressive) {
    struct bytes out = {NULL, 0};
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &out.data, &out.n);
    info.image_width = 16;
    info.image_height = 32;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 95, TRUE);
    if (progressive) jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
    unsigned char exif[32] = {'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
                              1, 0x12, 0, 3, 0, 0, 0, 1, 0, (unsigned char)orientation};
    if (orientation) jpeg_write_marker(&info, JPEG_APP0 + 1, exif, sizeof exif);
    for (int y = 0; y < 32; y++) {
        unsigned char row[48] = {0};
        for (int x = 0; x < 16; x++) row[3 * x + (y < 16 ? 0 : x < 8 ? 1 : 2)] = 250;
        JSAMPROW rows = row;
        jpeg_write_scanlines(&info, &rows, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    return out;
}

/* r, g, b or k of the pixel. */
static int colour(const struct pk_image *image, int x, int y) {
    const uint8_t *p = image->rgb + 3 * (y * image->width + x);
    int most = p[0] > p[1] ? (p[0] > p[2] ? 0 : 2) : (p[1] > p[2] ? 1 : 2);
    return p[most] < 128 ? 'k' : "rgb"[most];
}

/* Where the stored picture's four corners (r r / g b) come to lie for each EXIF orientation. */
static void test_orientation(void **state) {
    static const char *const corners[] = {"rrgb", "rrgb", "rrbg", "bgrr", "gbrr",
                                          "rgrb", "grbr", "brgr", "rbrg"};
    for (int o = 0; o <= 8; o++)
        for (int progressive = 0; progressive < 2; progressive++) {
            struct bytes jpeg = make_jpeg(o, progressive);
            struct pk_image image;
            if (pk_image_decode(jpeg.data, jpeg.n, "made", &image)) fail_msg("%s", pk_error());
            assert_int_equal(image.width, o >= 5 ? 32 : 16);
            assert_int_equal(image.height, o >= 5 ? 16 : 32);
            int right = image.width - 3, low = image.height - 3;
            char got[] = {(char)colour(&image, 2, 2), (char)colour(&image, right, 2),
                          (char)colour(&image, 2, low), (char)colour(&image, right, low), 0};
            if (strcmp(got, corners[o])) fail_msg("orientation %d: %s, not %s", o, got, corners[o]);
            pk_image_free(&image);
            free(jpeg.data);
        }
}

/* Written and read again, the picture differs by at most `tolerance` on average. */
static void write_read(const char *name, int tolerance) {
    char dir[] = "/tmp/prusik-image-XXXXXX", path[64], part[80];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    struct bytes jpeg = make_jpeg(0, 0);
    struct pk_image image, again;
    assert_int_equal(pk_image_decode(jpeg.data, jpeg.n, "made", &image), 0);
    if (pk_image_write(path, &image) || pk_image_read(path, &again)) fail_msg("%s", pk_error());
    assert_int_equal(again.width, image.width);
    assert_int_equal(again.height, image.height);
    int n = image.width * image.height * 3, far = 0;
    for (int i = 0; i < n; i++) far += abs(image.rgb[i] - again.rgb[i]);
    assert_true(far <= tolerance * n);
    snprintf(part, sizeof part, "%s.part", path);
    assert_int_not_equal(access(part, F_OK), 0);
    pk_image_free(&image);
    pk_image_free(&again);
    free(jpeg.data);
    unlink(path);
    rmdir(dir);
}

static void test_write(void **state) {
    write_read("a.png", 0);
    write_read("a.JPG", 10);
    struct pk_image image = {1, 1, (uint8_t[]){1, 2, 3}};
    assert_int_equal(pk_image_write("/nowhere/at/all.png", &image), -1);
    assert_int_equal(pk_image_write("picture.bmp", &image), -1);
    assert_non_null(strstr(pk_error(), ".png"));
}

/* ---- PNG by hand, so that it can lie ---- */

static uint32_t crc(const unsigned char *p, size_t n) {
    uint32_t c = ~0u;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
    }
    return ~c;
}

static void put32(unsigned char *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static size_t put_chunk(unsigned char *to, const char *type, const unsigned char *data, size_t n) {
    put32(to, (uint32_t)n);
    memcpy(to + 4, type, 4);
    if (n) memcpy(to + 8, data, n);
    put32(to + 8 + n, crc(to + 4, n + 4));
    return n + 12;
}

/* A grey PNG of any claimed size whose data is one stored, empty deflate block. */
static size_t make_png(unsigned char *to, uint32_t width, uint32_t height) {
    unsigned char header[13] = {0};
    static const unsigned char empty[] = {0x78, 1, 1, 0, 0, 0xff, 0xff, 0, 0, 0, 1};
    put32(header, width);
    put32(header + 4, height);
    header[8] = 8;
    memcpy(to, "\x89PNG\r\n\x1a\n", 8);
    size_t n = 8 + put_chunk(to + 8, "IHDR", header, 13);
    n += put_chunk(to + n, "IDAT", empty, sizeof empty);
    return n + put_chunk(to + n, "IEND", NULL, 0);
}

static long peak_kb(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void refused(const void *data, size_t n, const char *part) {
    struct pk_image image = {1, 1, NULL};
    /* Exactly as many bytes as there are, so that a sanitizer sees a read beyond. */
    void *copy = malloc(n ? n : 1);
    memcpy(copy, data, n);
    assert_int_equal(pk_image_decode(copy, n, "it.jpg", &image), -1);
    assert_null(image.rgb);
    assert_int_equal(strncmp(pk_error(), "it.jpg", 6), 0);
    assert_null(strchr(pk_error(), '\n'));
    if (!strstr(pk_error(), part)) fail_msg("\"%s\" does not say \"%s\"", pk_error(), part);
    free(copy);
}

static void test_claims(void **state) {
    unsigned char png[128];
    long before = peak_kb();
    refused(png, make_png(png, 60000, 60000), "60000 x 60000");
    refused(png, make_png(png, 0x7fffffff, 0x7fffffff), "");
    refused(png, make_png(png, 0, 5), "");
    refused(png, make_png(png, 100, 100), "PNG");
    struct bytes jpeg = make_jpeg(0, 0);
    for (unsigned long i = 0; i + 9 < jpeg.n; i++)
        if (jpeg.data[i] == 0xff && jpeg.data[i + 1] == 0xc0) {
            for (int k = 5; k < 9; k += 2) {
                jpeg.data[i + (unsigned)k] = 60000 >> 8;
                jpeg.data[i + (unsigned)k + 1] = 60000 & 255;
            }
            break;
        }
    refused(jpeg.data, jpeg.n, "60000 x 60000");
    free(jpeg.data);
    assert_true(peak_kb() - before < 65536);
}

static void test_damage(void **state) {
    refused("", 0, "empty");
    refused("\xff\xd8\xff", 3, "JPEG");
    refused("\x89PNG\r\n\x1a\n", 8, "PNG");
    refused("GIF89a", 6, "neither");
    for (int progressive = 0; progressive < 2; progressive++) {
        struct bytes jpeg = make_jpeg(6, progressive);
        /* The end marker alone may be missed by a reader who has all rows. */
        for (unsigned long n = 1; n < jpeg.n - 2; n += n < 64 ? 1 : 13) refused(jpeg.data, n, "");
        /* Flipped bytes may still be a picture; only the sentence and the memory matter. */
        for (unsigned long i = 0; i < jpeg.n; i++) {
            struct pk_image image;
            jpeg.data[i] ^= 0x5a;
            if (!pk_image_decode(jpeg.data, jpeg.n, "it.jpg", &image)) pk_image_free(&image);
            jpeg.data[i] ^= 0x5a;
        }
        free(jpeg.data);
    }
    unsigned char png[128];
    size_t n = make_png(png, 4, 4);
    for (size_t i = 1; i < n; i++) refused(png, i, "");
    unsigned char noise[600];
    uint32_t seed = 7;
    for (int k = 0; k < 200; k++) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (unsigned char)((seed = seed * 1664525 + 1013904223) >> 24);
        memcpy(noise, k % 2 ? "\x89PNG\r\n\x1a\n" : "\xff\xd8\xff\xe0\x00\x10JF", 8);
        refused(noise, sizeof noise, "");
    }
}

static void test_files(void **state) {
    struct pk_image image;
    assert_int_equal(pk_image_read("/nowhere/at/all.png", &image), -1);
    assert_non_null(strstr(pk_error(), "/nowhere/at/all.png"));
    assert_int_equal(pk_image_read("/tmp", &image), -1);
    assert_non_null(strstr(pk_error(), "not a file"));
    assert_int_equal(pk_image_read("/dev/zero", &image), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orientation), cmocka_unit_test(test_write),
        cmocka_unit_test(test_claims),      cmocka_unit_test(test_damage),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
