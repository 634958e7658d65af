/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libacl_dvpp.so from C: chroma of JPEGs against libjpeg's own upsampling, encoding, damaged files,
 * allocations that fail, and streams and channels in several threads. Formulas of scaling are
 * tested in test_dvpp.py.
 */
#include "acl_check.h"

#include <jpeglib.h>

#include "acl/ops/acl_dvpp.h"
#include "acl/private.h"

/* ---- pictures ---- */

static acldvppPicDesc *describe(acldvppPixelFormat format, uint32_t width, uint32_t height,
                                uint32_t stride, uint32_t rows, void *data, uint32_t size) {
    acldvppPicDesc *p = acldvppCreatePicDesc();
    assert_non_null(p);
    assert_acl(acldvppSetPicDescFormat(p, format));
    assert_acl(acldvppSetPicDescWidth(p, width));
    assert_acl(acldvppSetPicDescHeight(p, height));
    assert_acl(acldvppSetPicDescWidthStride(p, stride));
    assert_acl(acldvppSetPicDescHeightStride(p, rows));
    assert_acl(acldvppSetPicDescData(p, data));
    assert_acl(acldvppSetPicDescSize(p, size));
    return p;
}

static acldvppChannelDesc *open_channel(void) {
    acldvppChannelDesc *c = acldvppCreateChannelDesc();
    assert_non_null(c);
    assert_acl(acldvppCreateChannel(c));
    return c;
}

static void close_channel(acldvppChannelDesc *c) {
    assert_acl(acldvppDestroyChannel(c));
    assert_acl(acldvppDestroyChannelDesc(c));
}

static uint8_t texture(uint32_t x, uint32_t y, uint32_t c) {
    return (uint8_t)((x * (7 + c) + y * (5 + 2 * c) + (x ^ y) * c) & 0xFF);
}

enum { MOST = 1 << 20 };

/* A JPEG made by libjpeg itself. */
static size_t make_jpeg(uint8_t *to, uint32_t width, uint32_t height, int h, int v,
                        bool progressive) {
    struct jpeg_compress_struct info = {0};
    struct jpeg_error_mgr errors;
    unsigned char *buffer = NULL;
    unsigned long bytes = 0;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &buffer, &bytes);
    info.image_width = width;
    info.image_height = height;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 90, TRUE);
    info.comp_info[0].h_samp_factor = h;
    info.comp_info[0].v_samp_factor = v;
    if (progressive) jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
    uint8_t row[3 * 1024];
    while (info.next_scanline < height) {
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++)
                row[3 * x + c] = texture(x / 3, info.next_scanline / 3, c);
        JSAMPROW rows[1] = {row};
        jpeg_write_scanlines(&info, rows, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    assert_true(bytes <= MOST);
    memcpy(to, buffer, bytes);
    free(buffer);
    return bytes;
}

/* Interleaved YCbCr with chroma repeated, which libjpeg does by itself. */
static void decode_plainly(const uint8_t *jpeg, size_t bytes, uint8_t *ycc) {
    struct jpeg_decompress_struct info = {0};
    struct jpeg_error_mgr errors;
    info.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, jpeg, bytes);
    jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_YCbCr;
    info.do_fancy_upsampling = FALSE;
    jpeg_start_decompress(&info);
    while (info.output_scanline < info.output_height) {
        JSAMPROW row = ycc + (size_t)info.output_scanline * info.output_width * 3;
        jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
}

static void jpeg_equals_libjpeg(void **state) {
    (void)state;
    static const struct {
        int h, v;
        acldvppPixelFormat format;
        int sub_x, sub_y;
    } samplings[] = {{1, 1, PIXEL_FORMAT_YUV_SEMIPLANAR_444, 0, 0},
                     {2, 1, PIXEL_FORMAT_YUV_SEMIPLANAR_422, 1, 0},
                     {2, 2, PIXEL_FORMAT_YUV_SEMIPLANAR_420, 1, 1},
                     {1, 2, PIXEL_FORMAT_YUV_SEMIPLANAR_440, 0, 1}};
    static const uint32_t sizes[][2] = {{64, 48}, {101, 57}, {33, 16}, {7, 5}, {1, 1}, {640, 427}};
    acldvppChannelDesc *channel = open_channel();
    uint8_t *jpeg = malloc(MOST), *ycc = malloc(MOST);
    for (size_t i = 0; i < sizeof samplings / sizeof *samplings; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            for (int progressive = 0; progressive < 2; progressive++) {
                uint32_t width = sizes[k][0], height = sizes[k][1], size;
                int sx = samplings[i].sub_x, sy = samplings[i].sub_y;
                size_t bytes = make_jpeg(jpeg, width, height, samplings[i].h, samplings[i].v,
                                         progressive);
                decode_plainly(jpeg, bytes, ycc);
                assert_acl(acldvppJpegPredictDecSize(jpeg, (uint32_t)bytes, samplings[i].format,
                                                     &size));
                uint8_t *out;
                assert_acl(acldvppMalloc((void **)&out, size));
                acldvppPicDesc *p = describe(samplings[i].format, 0, 0, 0, 0, out, size);
                assert_acl(acldvppJpegDecodeAsync(channel, jpeg, (uint32_t)bytes, p, NULL));
                assert_acl(aclrtSynchronizeStream(NULL));
                assert_int_equal(acldvppGetPicDescWidth(p), width);
                assert_int_equal(acldvppGetPicDescHeight(p), height);
                uint32_t stride = acldvppGetPicDescWidthStride(p);
                const uint8_t *uv = out + (size_t)stride * acldvppGetPicDescHeightStride(p);
                uint32_t pitch = sx ? stride : 2 * stride;
                for (uint32_t y = 0; y < height; y++)
                    for (uint32_t x = 0; x < width; x++) {
                        const uint8_t *wanted = ycc + 3 * ((size_t)y * width + x);
                        const uint8_t *pair = uv + (y >> sy) * pitch + 2 * (x >> sx);
                        assert_int_equal(out[y * stride + x], wanted[0]);
                        assert_int_equal(pair[0], wanted[1]);
                        assert_int_equal(pair[1], wanted[2]);
                    }
                assert_acl(acldvppDestroyPicDesc(p));
                assert_acl(acldvppFree(out));
            }
    free(jpeg);
    free(ycc);
    close_channel(channel);
}

/* ---- encoding ---- */

static void encode_and_back(void **state) {
    (void)state;
    static const acldvppPixelFormat formats[] = {
        PIXEL_FORMAT_YUV_SEMIPLANAR_420, PIXEL_FORMAT_YVU_SEMIPLANAR_420,
        PIXEL_FORMAT_YUYV_PACKED_422,    PIXEL_FORMAT_UYVY_PACKED_422,
        PIXEL_FORMAT_YVYU_PACKED_422,    PIXEL_FORMAT_VYUY_PACKED_422};
    static const uint32_t sizes[][2] = {{64, 48}, {50, 34}, {130, 2}, {2, 2}};
    acldvppChannelDesc *channel = open_channel();
    acldvppJpegeConfig *config = acldvppCreateJpegeConfig();
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            uint32_t width = sizes[k][0], height = sizes[k][1], bound;
            bool packed = f >= 2;
            uint32_t stride = (width + 15) / 16 * 16 * (packed ? 2 : 1);
            uint32_t size = packed ? stride * height : stride * height * 3 / 2;
            uint8_t *in, *again;
            assert_acl(acldvppMalloc((void **)&in, size));
            for (uint32_t i = 0; i < size; i++) in[i] = (uint8_t)(100 + i % stride / 4);
            acldvppPicDesc *p = describe(formats[f], width, height, stride, height, in, size);
            assert_acl(acldvppJpegPredictEncSize(p, config, &bound));
            uint8_t *jpeg = malloc(bound);
            uint32_t bytes = bound, decoded;
            assert_acl(acldvppJpegEncodeAsync(channel, p, jpeg, &bytes, config, NULL));
            assert_acl(aclrtSynchronizeStream(NULL));
            assert_true(bytes > 100 && bytes < bound);
            acldvppPixelFormat back = packed ? PIXEL_FORMAT_YUV_SEMIPLANAR_422 : formats[f];
            assert_acl(acldvppJpegPredictDecSize(jpeg, bytes, back, &decoded));
            assert_acl(acldvppMalloc((void **)&again, decoded));
            acldvppPicDesc *q = describe(back, 0, 0, 0, 0, again, decoded);
            assert_acl(acldvppJpegDecodeAsync(channel, jpeg, bytes, q, NULL));
            assert_acl(aclrtSynchronizeStream(NULL));
            /* Which byte of a packed group is the first Y. */
            uint32_t first = formats[f] == PIXEL_FORMAT_UYVY_PACKED_422 ||
                             formats[f] == PIXEL_FORMAT_VYUY_PACKED_422;
            for (uint32_t y = 0; y < height; y++)
                for (uint32_t x = 0; x < width; x++) {
                    int was = in[y * stride + (packed ? 2 * x + first : x)];
                    int is = again[y * acldvppGetPicDescWidthStride(q) + x];
                    assert_true(abs(was - is) <= 4);
                }
            /* Too little room. */
            bytes = 50;
            assert_acl(acldvppJpegEncodeAsync(channel, p, jpeg, &bytes, config, NULL));
            assert_int_equal(aclrtSynchronizeStream(NULL), ACL_ERROR_INVALID_PARAM);
            assert_acl(acldvppDestroyPicDesc(p));
            assert_acl(acldvppDestroyPicDesc(q));
            assert_acl(acldvppFree(in));
            assert_acl(acldvppFree(again));
            free(jpeg);
        }
    assert_acl(acldvppDestroyJpegeConfig(config));
    close_channel(channel);
}

/* ---- files that are not what they should be ---- */

struct decoding {
    acldvppChannelDesc *channel;
    uint8_t *out;
    uint32_t room;
    acldvppPicDesc *desc;
};

/* Decodes whatever it is; whether that went well. The bytes lie in memory of exactly their size. */
static bool decodes(const struct decoding *d, const uint8_t *file, size_t bytes) {
    uint8_t *copy = malloc(bytes);
    uint32_t width, height, size;
    int32_t components;
    memcpy(copy, file, bytes);
    assert_acl(acldvppSetPicDescFormat(d->desc, PIXEL_FORMAT_YUV_SEMIPLANAR_420));
    assert_acl(acldvppSetPicDescWidthStride(d->desc, 0));
    assert_acl(acldvppSetPicDescHeightStride(d->desc, 0));
    acldvppJpegGetImageInfo(copy, (uint32_t)bytes, &width, &height, &components);
    acldvppJpegPredictDecSize(copy, (uint32_t)bytes, PIXEL_FORMAT_YUV_SEMIPLANAR_420, &size);
    assert_acl(acldvppJpegDecodeAsync(d->channel, copy, (uint32_t)bytes, d->desc, NULL));
    aclError code = aclrtSynchronizeStream(NULL);
    assert_int_equal(acldvppGetPicDescRetCode(d->desc), code);
    if (code != ACL_SUCCESS) assert_true(strlen(aclGetRecentErrMsg()) > 20);
    free(copy);
    return code == ACL_SUCCESS;
}

static void damaged_files(void **state) {
    (void)state;
    uint8_t *jpeg = malloc(MOST), *bad = malloc(MOST);
    struct decoding d = {.channel = open_channel(), .room = 128 * 112 * 3 / 2};
    assert_acl(acldvppMalloc((void **)&d.out, d.room));
    d.desc = describe(PIXEL_FORMAT_YUV_SEMIPLANAR_420, 0, 0, 0, 0, d.out, d.room);
    unsigned random = 1;
    for (int progressive = 0; progressive < 2; progressive++) {
        size_t bytes = make_jpeg(jpeg, 101, 97, 2, 2, progressive);
        assert_true(decodes(&d, jpeg, bytes));
        for (size_t n = 1; n < bytes - 2; n += 1 + n / 40) assert_false(decodes(&d, jpeg, n));
        for (int round = 0; round < 300; round++) {
            memcpy(bad, jpeg, bytes);
            for (int flips = 0; flips < 1 + round % 4; flips++) {
                random = random * 1103515245 + 12345;
                bad[(random >> 8) % bytes] ^= (uint8_t)(1U << (random >> 4) % 8);
            }
            decodes(&d, bad, bytes);
        }
        /* A header that claims 65500 x 65500 pixels, and one that claims more than fits. */
        for (size_t i = 0; i + 8 < bytes; i++)
            if (jpeg[i] == 0xFF && (jpeg[i + 1] == 0xC0 || jpeg[i + 1] == 0xC2)) {
                memcpy(bad, jpeg, bytes);
                bad[i + 5] = bad[i + 7] = 0xFF;
                assert_false(decodes(&d, bad, bytes));
                assert_int_equal(acldvppGetPicDescRetCode(d.desc), ACL_ERROR_STORAGE_OVER_LIMIT);
                memcpy(bad, jpeg, bytes);
                bad[i + 5] = 0x10;
                assert_false(decodes(&d, bad, bytes));
                assert_int_equal(acldvppGetPicDescRetCode(d.desc), ACL_ERROR_INVALID_PARAM);
                break;
            }
    }
    assert_acl(acldvppDestroyPicDesc(d.desc));
    assert_acl(acldvppFree(d.out));
    close_channel(d.channel);
    free(jpeg);
    free(bad);
}

/* ---- allocations that fail ---- */

struct resizing {
    acldvppChannelDesc *channel;
    acldvppPicDesc *in, *out;
    acldvppResizeConfig *config;
    void *memory[2];
};

static struct resizing begin_resizing(acldvppPixelFormat from, acldvppPixelFormat to) {
    struct resizing r = {.channel = open_channel(), .config = acldvppCreateResizeConfig()};
    assert_acl(acldvppMalloc(&r.memory[0], 64 * 48 * 4));
    assert_acl(acldvppMalloc(&r.memory[1], 64 * 48 * 4));
    memset(r.memory[0], 77, 64 * 48 * 4);
    r.in = describe(from, 64, 48, 0, 0, r.memory[0], 64 * 48 * 4);
    r.out = describe(to, 32, 40, 0, 0, r.memory[1], 64 * 48 * 4);
    return r;
}

static void end_resizing(struct resizing *r) {
    assert_acl(acldvppDestroyPicDesc(r->in));
    assert_acl(acldvppDestroyPicDesc(r->out));
    assert_acl(acldvppDestroyResizeConfig(r->config));
    assert_acl(acldvppFree(r->memory[0]));
    assert_acl(acldvppFree(r->memory[1]));
    close_channel(r->channel);
}

static void failing_allocations(void **state) {
    (void)state;
    struct resizing r = begin_resizing(PIXEL_FORMAT_YUYV_PACKED_422, PIXEL_FORMAT_RGB_888);
    assert_acl(acldvppVpcResizeAsync(r.channel, r.in, r.out, r.config, NULL));
    assert_acl(aclrtSynchronizeStream(NULL));
    uint64_t live = _pk_private.mem_live_allocations();
    int failures = 0;
    for (uint64_t n = 1; n < 100; n++) {
        _pk_private.mem_fail_after(n, false);
        aclError code = acldvppVpcResizeAsync(r.channel, r.in, r.out, r.config, NULL);
        if (code == ACL_SUCCESS) code = aclrtSynchronizeStream(NULL);
        _pk_private.mem_fail_after(0, false);
        if (code == ACL_SUCCESS) break;
        assert_int_equal(code, ACL_ERROR_BAD_ALLOC);
        failures++;
    }
    if (failures < 4 || failures > 98) fail_msg("%d failures", failures);
    assert_acl(aclrtSynchronizeStream(NULL));
    assert_true(_pk_private.mem_live_allocations() <= live);
    end_resizing(&r);
}

/* ---- descriptions ---- */

/* All may go right after the call, and a batch's pictures with it. */
static void destroyed_while_queued(void **state) {
    (void)state;
    aclrtStream stream;
    assert_acl(aclrtCreateStream(&stream));
    for (int round = 0; round < 50; round++) {
        acldvppChannelDesc *channel = open_channel();
        acldvppBatchPicDesc *in = acldvppCreateBatchPicDesc(1), *out = acldvppCreateBatchPicDesc(2);
        uint8_t *memory[3];
        acldvppRoiConfig *areas[2];
        for (int i = 0; i < 3; i++) {
            acldvppPicDesc *p = acldvppGetPicDesc(i ? out : in, i ? (uint32_t)i - 1 : 0);
            assert_acl(acldvppMalloc((void **)&memory[i], 64 * 48 * 3 / 2));
            memset(memory[i], i ? 0 : 9, 64 * 48 * 3 / 2);
            assert_acl(acldvppSetPicDescFormat(p, PIXEL_FORMAT_YUV_SEMIPLANAR_420));
            assert_acl(acldvppSetPicDescWidth(p, 64));
            assert_acl(acldvppSetPicDescHeight(p, 48));
            assert_acl(acldvppSetPicDescData(p, memory[i]));
            assert_acl(acldvppSetPicDescSize(p, 64 * 48 * 3 / 2));
            assert_int_equal(acldvppDestroyPicDesc(p), ACL_ERROR_INVALID_PARAM);
            if (i) areas[i - 1] = acldvppCreateRoiConfig(0, 31, 0, 15);
        }
        uint32_t n = 2;
        assert_acl(acldvppVpcBatchCropAsync(channel, in, &n, 1, out, areas, stream));
        assert_acl(acldvppDestroyBatchPicDesc(in));
        assert_acl(acldvppDestroyBatchPicDesc(out));
        for (int i = 0; i < 2; i++) assert_acl(acldvppDestroyRoiConfig(areas[i]));
        close_channel(channel);
        assert_acl(aclrtSynchronizeStream(stream));
        for (int i = 0; i < 3; i++) {
            for (int k = 0; k < 64 * 48 * 3 / 2; k++) assert_int_equal(memory[i][k], 9);
            assert_acl(acldvppFree(memory[i]));
        }
    }
    assert_acl(aclrtDestroyStream(stream));
}

/* ---- threads ---- */

enum { N_THREADS = 4, N_ROUNDS = 20 };

static void *work(void *argument) {
    uint32_t number = (uint32_t)(uintptr_t)argument;
    assert_acl(aclrtSetDevice(0));
    aclrtStream streams[2];
    acldvppChannelDesc *channels[2];
    uint8_t *jpeg = malloc(MOST), *decoded[2], *small[2], first[32 * 32 * 3 / 2];
    uint32_t room = 128 * 96 * 3 / 2;
    size_t bytes = make_jpeg(jpeg, 100 + number, 90, 2, 2, false);
    acldvppResizeConfig *config = acldvppCreateResizeConfig();
    for (int i = 0; i < 2; i++) {
        assert_acl(aclrtCreateStream(&streams[i]));
        channels[i] = open_channel();
        assert_acl(acldvppMalloc((void **)&decoded[i], room));
        assert_acl(acldvppMalloc((void **)&small[i], sizeof first));
    }
    for (int round = 0; round < N_ROUNDS; round++) {
        acldvppPicDesc *in[2], *out[2];
        for (int i = 0; i < 2; i++) {
            acldvppPicDesc *p =
                describe(PIXEL_FORMAT_YUV_SEMIPLANAR_420, 0, 0, 128, 96, decoded[i], room);
            assert_acl(acldvppJpegDecodeAsync(channels[i], jpeg, (uint32_t)bytes, p, streams[i]));
            in[i] = describe(PIXEL_FORMAT_YUV_SEMIPLANAR_420, 100, 90, 128, 96, decoded[i], room);
            out[i] = describe(PIXEL_FORMAT_YUV_SEMIPLANAR_420, 32, 32, 32, 32, small[i],
                              sizeof first);
            assert_acl(acldvppVpcResizeAsync(channels[i], in[i], out[i], config, streams[i]));
            assert_acl(acldvppDestroyPicDesc(p));
        }
        for (int i = 0; i < 2; i++) {
            assert_acl(aclrtSynchronizeStream(streams[i]));
            assert_int_equal(acldvppGetPicDescRetCode(out[i]), 0);
            if (round == 0 && i == 0) memcpy(first, small[i], sizeof first);
            assert_memory_equal(first, small[i], sizeof first);
            assert_acl(acldvppDestroyPicDesc(in[i]));
            assert_acl(acldvppDestroyPicDesc(out[i]));
        }
    }
    for (int i = 0; i < 2; i++) {
        assert_acl(aclrtDestroyStream(streams[i]));
        close_channel(channels[i]);
        assert_acl(acldvppFree(decoded[i]));
        assert_acl(acldvppFree(small[i]));
    }
    assert_acl(acldvppDestroyResizeConfig(config));
    assert_acl(aclrtResetDevice(0));
    free(jpeg);
    return NULL;
}

static void streams_and_channels(void **state) {
    (void)state;
    pthread_t threads[N_THREADS];
    for (uintptr_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
    for (int i = 0; i < N_THREADS; i++) pthread_join(threads[i], NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jpeg_equals_libjpeg),   cmocka_unit_test(encode_and_back),
        cmocka_unit_test(damaged_files),         cmocka_unit_test(failing_allocations),
        cmocka_unit_test(destroyed_while_queued), cmocka_unit_test(streams_and_channels),
    };
    return cmocka_run_group_tests(tests, start, end);
}
