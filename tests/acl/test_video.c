/* SPDX-License-Identifier: Apache-2.0 */
/* VDEC and VENC from C: streams made by VENC, whole and damaged; what is destroyed too early;
 * memory that runs out. test_codecs.py compares frames with FFmpeg's own. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acl/ops/acl_dvpp.h"
#include "acl/private.h"
#include "acl_check.h"

enum { WIDTH = 160, HEIGHT = 96, PIC = WIDTH * HEIGHT * 3 / 2, N_FRAMES = 24, MOST = 1 << 16 };

static struct piece {
    uint8_t *data;
    uint32_t bytes;
} pieces[2][N_FRAMES];

/* ---- the thread of the callbacks ---- */

static pthread_t reporter;
static atomic_bool ends;

static void *report(void *context) {
    assert_acl(aclrtSetCurrentContext(context));
    while (!atomic_load(&ends)) aclrtProcessReport(20);
    return NULL;
}

static int begin(void **state) {
    (void)state;
    aclrtContext context;
    assert_acl(aclInit(NULL));
    assert_acl(aclrtSetDevice(0));
    assert_acl(aclrtGetCurrentContext(&context));
    return pthread_create(&reporter, NULL, report, context);
}

static int finish(void **state) {
    (void)state;
    atomic_store(&ends, true);
    pthread_join(reporter, NULL);
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0; i < N_FRAMES; i++) free(pieces[kind][i].data);
    assert_acl(aclrtResetDevice(0));
    return aclFinalize();
}

/* ---- encoding ---- */

static const acldvppStreamFormat formats[] = {H264_HIGH_LEVEL, H265_MAIN_LEVEL};

static void keep_piece(acldvppPicDesc *input, acldvppStreamDesc *output, void *user) {
    struct piece *p = user;
    assert_int_equal(acldvppGetStreamDescRetCode(output), 0);
    p->bytes = acldvppGetStreamDescSize(output);
    p->data = malloc(p->bytes);
    memcpy(p->data, acldvppGetStreamDescData(output), p->bytes);
    assert_acl(acldvppDestroyPicDesc(input));
    /* It is the library's. */
    assert_true(acldvppGetStreamDescFormat(output) == H264_HIGH_LEVEL ||
                acldvppGetStreamDescFormat(output) == H265_MAIN_LEVEL);
}

static acldvppPicDesc *picture(uint8_t *memory) {
    acldvppPicDesc *p = acldvppCreatePicDesc();
    assert_acl(acldvppSetPicDescFormat(p, PIXEL_FORMAT_YUV_SEMIPLANAR_420));
    assert_acl(acldvppSetPicDescWidth(p, WIDTH));
    assert_acl(acldvppSetPicDescHeight(p, HEIGHT));
    assert_acl(acldvppSetPicDescData(p, memory));
    assert_acl(acldvppSetPicDescSize(p, PIC));
    return p;
}

static void fill(uint8_t *to, int frame) {
    for (int i = 0; i < PIC; i++) {
        int x = i % WIDTH, y = i / WIDTH;
        to[i] = (uint8_t)(y < HEIGHT ? 60 + (x + y + 3 * frame) % 120 : 128 + (x + frame) % 20);
    }
}

static aclvencChannelDesc *open_encoder(acldvppStreamFormat format, pthread_t thread,
                                        void *buffer) {
    aclvencChannelDesc *c = aclvencCreateChannelDesc();
    assert_non_null(c);
    assert_acl(aclvencSetChannelDescThreadId(c, (uint64_t)thread));
    assert_acl(aclvencSetChannelDescCallback(c, keep_piece));
    assert_acl(aclvencSetChannelDescEnType(c, format));
    assert_acl(aclvencSetChannelDescPicWidth(c, WIDTH));
    assert_acl(aclvencSetChannelDescPicHeight(c, HEIGHT));
    assert_acl(aclvencSetChannelDescKeyFrameInterval(c, 8));
    assert_acl(aclvencSetChannelDescBufAddr(c, buffer));
    assert_acl(aclvencSetChannelDescBufSize(c, buffer ? MOST : 0));
    assert_acl(aclvencCreateChannel(c));
    return c;
}

static void encode(void **state) {
    (void)state;
    uint8_t *memory[N_FRAMES];
    aclvencFrameConfig *config = aclvencCreateFrameConfig();
    for (int i = 0; i < N_FRAMES; i++)
        assert_acl(acldvppMalloc((void **)&memory[i], PIC));
    for (int kind = 0; kind < 2; kind++) {
        aclvencChannelDesc *c = open_encoder(formats[kind], reporter, NULL);
        for (int i = 0; i < N_FRAMES; i++) {
            fill(memory[i], i);
            assert_acl(aclvencSendFrame(c, picture(memory[i]), NULL, config, &pieces[kind][i]));
        }
        assert_acl(aclvencSetFrameConfigEos(config, 1));
        assert_acl(aclvencSendFrame(c, NULL, NULL, config, NULL));
        assert_acl(aclvencSetFrameConfigEos(config, 0));
        for (int i = 0; i < N_FRAMES; i++) assert_true(pieces[kind][i].bytes > 4);
        assert_acl(aclvencDestroyChannel(c));
        assert_acl(aclvencDestroyChannelDesc(c));
    }
    for (int i = 0; i < N_FRAMES; i++) assert_acl(acldvppFree(memory[i]));
    assert_acl(aclvencDestroyFrameConfig(config));
}

/* The memory of a picture goes or changes as soon as it is sent, and nothing says that it is the
 * last: the stream is that of encode(). */
static void pictures_that_go(void **state) {
    (void)state;
    static struct piece again[N_FRAMES];
    for (int round = 0; round < 4; round++) {
        int kind = round % 2;
        void *buffer = NULL;
        if (round >= 2) assert_acl(acldvppMalloc(&buffer, MOST));
        memset(again, 0, sizeof again);
        aclvencChannelDesc *c = open_encoder(formats[kind], reporter, buffer);
        for (int i = 0; i < N_FRAMES; i++) {
            uint8_t *memory;
            assert_acl(acldvppMalloc((void **)&memory, PIC));
            fill(memory, i);
            assert_acl(aclvencSendFrame(c, picture(memory), NULL, NULL, &again[i]));
            memset(memory, 0x55, PIC);
            assert_acl(acldvppFree(memory));
        }
        assert_acl(aclvencDestroyChannel(c));
        assert_acl(aclvencDestroyChannelDesc(c));
        for (int i = 0; i < N_FRAMES; i++) {
            assert_int_equal(again[i].bytes, pieces[kind][i].bytes);
            assert_memory_equal(again[i].data, pieces[kind][i].data, again[i].bytes);
            free(again[i].data);
        }
        if (buffer) assert_acl(acldvppFree(buffer));
    }
}

/* ---- decoding ---- */

struct unit {
    uint8_t *data, *memory;
    int *n_called, *n_good;
    int number;
};

static void take_frame(acldvppStreamDesc *input, acldvppPicDesc *output, void *user) {
    struct unit *u = user;
    assert_int_equal(u->number, *u->n_called); /* in order */
    ++*u->n_called;
    uint32_t code = acldvppGetPicDescRetCode(output);
    if (code) assert_true(strlen(aclGetRecentErrMsg()) > 20);
    else {
        ++*u->n_good;
        assert_true(acldvppGetPicDescWidth(output) <= acldvppGetPicDescWidthStride(output));
    }
    assert_acl(acldvppDestroyStreamDesc(input));
    assert_acl(acldvppDestroyPicDesc(output));
    free(u->data);
    free(u->memory);
    free(u);
}

static aclvdecChannelDesc *open_decoder(acldvppStreamFormat format, aclvdecCallback callback) {
    aclvdecChannelDesc *c = aclvdecCreateChannelDesc();
    assert_non_null(c);
    assert_acl(aclvdecSetChannelDescThreadId(c, (uint64_t)reporter));
    assert_acl(aclvdecSetChannelDescCallback(c, callback));
    assert_acl(aclvdecSetChannelDescEnType(c, format));
    assert_acl(aclvdecCreateChannel(c));
    return c;
}

/* Input and output lie in memory of exactly their size. */
static struct unit *send_unit(aclvdecChannelDesc *c, const uint8_t *data, uint32_t bytes,
                              int number, int *n_called, int *n_good) {
    struct unit *u = malloc(sizeof *u);
    *u = (struct unit){malloc(bytes), malloc(PIC), n_called, n_good, number};
    memcpy(u->data, data, bytes);
    acldvppStreamDesc *s = acldvppCreateStreamDesc();
    assert_acl(acldvppSetStreamDescData(s, u->data));
    assert_acl(acldvppSetStreamDescSize(s, bytes));
    acldvppPicDesc *p = acldvppCreatePicDesc();
    assert_acl(acldvppSetPicDescData(p, u->memory));
    assert_acl(acldvppSetPicDescSize(p, PIC));
    assert_acl(aclvdecSendFrame(c, s, p, NULL, u));
    return u;
}

static void end_stream(aclvdecChannelDesc *c) {
    acldvppStreamDesc *s = acldvppCreateStreamDesc();
    assert_acl(acldvppSetStreamDescEos(s, 1));
    assert_acl(aclvdecSendFrame(c, s, NULL, NULL, NULL));
    assert_acl(acldvppDestroyStreamDesc(s));
}

static void close_decoder(aclvdecChannelDesc *c) {
    assert_acl(aclvdecDestroyChannel(c));
    assert_acl(aclvdecDestroyChannelDesc(c));
}

static void decode(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        aclvdecChannelDesc *c = open_decoder(formats[kind], take_frame);
        for (int round = 0; round < 2; round++) {
            int n_called = 0, n_good = 0;
            for (int i = 0; i < N_FRAMES; i++)
                send_unit(c, pieces[kind][i].data, pieces[kind][i].bytes, i, &n_called, &n_good);
            end_stream(c);
            assert_int_equal(n_called, N_FRAMES);
            assert_int_equal(n_good, N_FRAMES);
        }
        close_decoder(c);
    }
}

/* ---- damaged streams ---- */

static void damaged_streams(void **state) {
    (void)state;
    uint8_t *bad = malloc(MOST);
    unsigned random = 7;
    for (int kind = 0; kind < 2; kind++) {
        aclvdecChannelDesc *c = open_decoder(formats[kind], take_frame);
        for (int round = 0; round < 60; round++) {
            int n_called = 0, n_good = 0;
            for (int i = 0; i < N_FRAMES; i++) {
                uint32_t bytes = pieces[kind][i].bytes;
                assert_true(bytes <= MOST);
                memcpy(bad, pieces[kind][i].data, bytes);
                for (int flips = 0; flips < round % 5; flips++) {
                    random = random * 1103515245 + 12345;
                    /* Half of them in the headers. */
                    uint32_t most = flips % 2 && bytes > 40 ? 40 : bytes;
                    bad[(random >> 8) % most] ^= (uint8_t)(1U << (random >> 4) % 8);
                }
                random = random * 1103515245 + 12345;
                if ((random >> 16) % 16 == 0) bytes = 1 + (random >> 8) % bytes;
                send_unit(c, bad, bytes, i, &n_called, &n_good);
            }
            end_stream(c);
            assert_int_equal(n_called, N_FRAMES);
        }
        close_decoder(c);
    }
    free(bad);
}

/* ---- channels closed without the end of their stream ---- */

static atomic_int n_calls;

static void count_call(acldvppStreamDesc *input, acldvppPicDesc *output, void *user) {
    (void)input, (void)output, (void)user;
    atomic_fetch_add(&n_calls, 1);
}

/* All that was sent is called back before. */
static void closed_without_end(void **state) {
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct unit *units[N_FRAMES];
        void *handles[2][N_FRAMES];
        aclvdecChannelDesc *c = open_decoder(formats[round % 2], count_call);
        atomic_store(&n_calls, 0);
        for (int i = 0; i < N_FRAMES; i++) {
            struct unit *u = units[i] = malloc(sizeof *u);
            const struct piece *p = &pieces[round % 2][i];
            *u = (struct unit){.data = p->data, .memory = malloc(PIC)};
            acldvppStreamDesc *s = handles[0][i] = acldvppCreateStreamDesc();
            acldvppPicDesc *pic = handles[1][i] = acldvppCreatePicDesc();
            assert_acl(acldvppSetStreamDescData(s, p->data));
            assert_acl(acldvppSetStreamDescSize(s, p->bytes));
            assert_acl(acldvppSetPicDescData(pic, u->memory));
            assert_acl(acldvppSetPicDescSize(pic, PIC));
            assert_acl(aclvdecSendFrame(c, s, pic, NULL, u));
            /* Descriptions may go at once. */
            if (i % 2) {
                assert_acl(acldvppDestroyStreamDesc(s));
                assert_acl(acldvppDestroyPicDesc(pic));
            }
        }
        assert_int_equal(aclvdecDestroyChannelDesc(c), ACL_ERROR_INVALID_PARAM);
        close_decoder(c);
        assert_int_equal(atomic_load(&n_calls), N_FRAMES);
        for (int i = 0; i < N_FRAMES; i++) {
            if (i % 2 == 0) {
                assert_acl(acldvppDestroyStreamDesc(handles[0][i]));
                assert_acl(acldvppDestroyPicDesc(handles[1][i]));
            }
            free(units[i]->memory);
            free(units[i]);
        }
        assert_int_equal(atomic_load(&n_calls), N_FRAMES);
    }
}

static void *idle(void *go_on) {
    while (!atomic_load((atomic_bool *)go_on)) nanosleep(&(struct timespec){0, 5000000}, NULL);
    return NULL;
}

static void destroy_late(aclError code, const struct timespec *begun) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_int_equal(code, ACL_ERROR_WAIT_CALLBACK_TIMEOUT);
    assert_non_null(strstr(aclGetRecentErrMsg(), "aclrtProcessReport"));
    assert_in_range(now.tv_sec - begun->tv_sec, 2, 20);
}

/* A thread that takes no callbacks: the end of a stream and closing give up, with
 * nothing left behind. */
static void nobody_takes_callbacks(void **state) {
    (void)state;
    atomic_bool go_on = false;
    pthread_t thread;
    static uint8_t memory[PIC];
    void *buffer;
    struct timespec begun;
    assert_int_equal(pthread_create(&thread, NULL, idle, &go_on), 0);
    atomic_store(&n_calls, 0);

    aclvdecChannelDesc *decoder = aclvdecCreateChannelDesc();
    assert_acl(aclvdecSetChannelDescThreadId(decoder, (uint64_t)thread));
    assert_acl(aclvdecSetChannelDescCallback(decoder, count_call));
    assert_acl(aclvdecSetChannelDescEnType(decoder, H264_HIGH_LEVEL));
    assert_acl(aclvdecCreateChannel(decoder));
    acldvppStreamDesc *s = acldvppCreateStreamDesc();
    acldvppPicDesc *p = acldvppCreatePicDesc();
    assert_acl(acldvppSetStreamDescData(s, pieces[0][0].data));
    assert_acl(acldvppSetStreamDescSize(s, pieces[0][0].bytes));
    assert_acl(acldvppSetPicDescData(p, memory));
    assert_acl(acldvppSetPicDescSize(p, PIC));
    assert_acl(aclvdecSendFrame(decoder, s, p, NULL, NULL));
    acldvppStreamDesc *eos = acldvppCreateStreamDesc();
    assert_acl(acldvppSetStreamDescEos(eos, 1));
    clock_gettime(CLOCK_MONOTONIC, &begun);
    destroy_late(aclvdecSendFrame(decoder, eos, NULL, NULL, NULL), &begun);
    assert_acl(acldvppDestroyStreamDesc(eos));
    clock_gettime(CLOCK_MONOTONIC, &begun);
    destroy_late(aclvdecDestroyChannel(decoder), &begun);
    assert_int_equal(aclvdecDestroyChannel(decoder), ACL_ERROR_INVALID_PARAM);
    assert_acl(aclvdecDestroyChannelDesc(decoder));
    assert_acl(acldvppDestroyStreamDesc(s));
    assert_acl(acldvppDestroyPicDesc(p));
    assert_int_equal(atomic_load(&n_calls), 0);

    /* With one buffer the encoder itself waits for callbacks; so does who sends too much. */
    assert_acl(acldvppMalloc(&buffer, MOST));
    aclvencChannelDesc *encoder = open_encoder(H264_HIGH_LEVEL, thread, buffer);
    acldvppPicDesc *input = picture(memory);
    aclError code = ACL_SUCCESS;
    int n_sent = 0;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    while (code == ACL_SUCCESS && n_sent < 100) {
        code = aclvencSendFrame(encoder, input, NULL, NULL, NULL);
        n_sent += code == ACL_SUCCESS;
    }
    destroy_late(code, &begun);
    assert_in_range(n_sent, 8, 10);
    aclvencFrameConfig *last = aclvencCreateFrameConfig();
    assert_acl(aclvencSetFrameConfigEos(last, 1));
    clock_gettime(CLOCK_MONOTONIC, &begun);
    destroy_late(aclvencSendFrame(encoder, NULL, NULL, last, NULL), &begun);
    assert_acl(aclvencDestroyFrameConfig(last));
    clock_gettime(CLOCK_MONOTONIC, &begun);
    destroy_late(aclvencDestroyChannel(encoder), &begun);
    assert_acl(aclvencDestroyChannelDesc(encoder));
    assert_acl(acldvppDestroyPicDesc(input));
    assert_acl(acldvppFree(buffer));
    atomic_store(&go_on, true);
    pthread_join(thread, NULL);
}

static aclError code_in_callback[2];

static void end_in_callback(acldvppStreamDesc *input, acldvppPicDesc *output, void *user) {
    aclvdecChannelDesc *c = user;
    acldvppStreamDesc *s = acldvppCreateStreamDesc();
    assert_acl(acldvppSetStreamDescEos(s, 1));
    code_in_callback[0] = aclvdecSendFrame(c, s, NULL, NULL, NULL);
    code_in_callback[1] = aclvdecDestroyChannel(c);
    assert_acl(acldvppDestroyStreamDesc(s));
    assert_acl(acldvppDestroyStreamDesc(input));
    assert_acl(acldvppDestroyPicDesc(output));
}

static void waiting_for_itself(void **state) {
    (void)state;
    static uint8_t memory[PIC];
    aclvdecChannelDesc *c = open_decoder(H264_HIGH_LEVEL, end_in_callback);
    acldvppStreamDesc *s = acldvppCreateStreamDesc();
    acldvppPicDesc *p = acldvppCreatePicDesc();
    assert_acl(acldvppSetStreamDescData(s, pieces[0][0].data));
    assert_acl(acldvppSetStreamDescSize(s, pieces[0][0].bytes));
    assert_acl(acldvppSetPicDescData(p, memory));
    assert_acl(acldvppSetPicDescSize(p, PIC));
    assert_acl(aclvdecSendFrame(c, s, p, NULL, c));
    end_stream(c);
    for (int i = 0; i < 2; i++) assert_int_equal(code_in_callback[i], ACL_ERROR_INVALID_PARAM);
    close_decoder(c);
}

/* ---- threads with one channel ---- */

static void drop_frame(acldvppPicDesc *input, acldvppStreamDesc *output, void *user) {
    (void)input;
    (void)output;
    atomic_fetch_add((atomic_int *)user, 1);
}

static struct {
    aclvencChannelDesc *channel;
    acldvppPicDesc *input;
    aclrtContext context;
    atomic_int n_opened, n_closed, n_sent, n_called;
    atomic_bool stop;
} shared;

static void *open_and_close(void *unused) {
    (void)unused;
    assert_acl(aclrtSetCurrentContext(shared.context));
    for (int i = 0; i < 60; i++) {
        if (aclvencCreateChannel(shared.channel) == ACL_SUCCESS)
            atomic_fetch_add(&shared.n_opened, 1);
        if (aclvencDestroyChannel(shared.channel) == ACL_SUCCESS)
            atomic_fetch_add(&shared.n_closed, 1);
    }
    return NULL;
}

static void *send_always(void *unused) {
    (void)unused;
    assert_acl(aclrtSetCurrentContext(shared.context));
    while (!atomic_load(&shared.stop))
        if (aclvencSendFrame(shared.channel, shared.input, NULL, NULL, &shared.n_called) ==
            ACL_SUCCESS)
            atomic_fetch_add(&shared.n_sent, 1);
    return NULL;
}

/* A channel is opened by one and closed by one, and a frame is taken or refused: whoever else does
 * so at the same time gets a code. */
static void threads_with_one_channel(void **state) {
    (void)state;
    static uint8_t memory[PIC];
    pthread_t threads[3];
    fill(memory, 0);
    shared.input = picture(memory);
    assert_acl(aclrtGetCurrentContext(&shared.context));
    shared.channel = open_encoder(H264_BASELINE_LEVEL, reporter, NULL);
    assert_acl(aclvencDestroyChannel(shared.channel));
    assert_acl(aclvencSetChannelDescCallback(shared.channel, drop_frame));
    pthread_create(&threads[0], NULL, send_always, NULL);
    for (int i = 1; i < 3; i++) pthread_create(&threads[i], NULL, open_and_close, NULL);
    for (int i = 1; i < 3; i++) pthread_join(threads[i], NULL);
    if (aclvencDestroyChannel(shared.channel) == ACL_SUCCESS) shared.n_closed++;
    assert_acl_fails(aclvencDestroyChannel(shared.channel), ACL_ERROR_INVALID_PARAM,
                     "aclvencCreateChannel");
    atomic_store(&shared.stop, true);
    pthread_join(threads[0], NULL);
    /* How many is chance: while one closes, the other's attempts fail one after the other. */
    assert_true(atomic_load(&shared.n_opened) > 0);
    assert_int_equal(atomic_load(&shared.n_opened), atomic_load(&shared.n_closed));
    assert_int_equal(atomic_load(&shared.n_called), atomic_load(&shared.n_sent));
    assert_acl(aclvencCreateChannel(shared.channel));
    assert_acl_fails(aclvencDestroyChannelDesc(shared.channel), ACL_ERROR_INVALID_PARAM,
                     "aclvencDestroyChannel");
    assert_acl(aclvencDestroyChannel(shared.channel));
    assert_acl(aclvencDestroyChannelDesc(shared.channel));
    assert_acl(acldvppDestroyPicDesc(shared.input));
}

/* ---- memory that runs out ---- */

static void every_allocation_fails_once(void **state) {
    (void)state;
    uint64_t live = _pk_private.mem_live_allocations();
    int failures = 0;
    for (uint64_t n = 1; n < 200; n++) {
        int n_called = 0, n_good = 0, n_sent = 0;
        aclvdecChannelDesc *c = aclvdecCreateChannelDesc();
        acldvppStreamDesc *s = acldvppCreateStreamDesc();
        assert_acl(aclvdecSetChannelDescThreadId(c, (uint64_t)reporter));
        assert_acl(aclvdecSetChannelDescCallback(c, take_frame));
        assert_acl(aclvdecSetChannelDescEnType(c, H264_HIGH_LEVEL));
        assert_acl(acldvppSetStreamDescEos(s, 1));
        _pk_private.mem_fail_after(n, false);
        aclError code = aclvdecCreateChannel(c);
        bool is_open = code == ACL_SUCCESS;
        if (is_open) code = aclvdecSendFrame(c, s, NULL, NULL, NULL);
        _pk_private.mem_fail_after(0, false);
        if (code != ACL_SUCCESS) {
            assert_true(code == ACL_ERROR_BAD_ALLOC || code == ACL_ERROR_RT_MEMORY_ALLOCATION);
            failures++;
        }
        if (is_open) {
            send_unit(c, pieces[0][0].data, pieces[0][0].bytes, n_sent++, &n_called, &n_good);
            end_stream(c);
            assert_int_equal(n_called, n_sent);
            assert_acl(aclvdecDestroyChannel(c));
        }
        assert_acl(aclvdecDestroyChannelDesc(c));
        assert_acl(acldvppDestroyStreamDesc(s));
        if (code == ACL_SUCCESS) break;
    }
    if (failures < 4 || failures > 198) fail_msg("%d failures", failures);
    assert_true(_pk_private.mem_live_allocations() <= live + 4); /* chunks that stay */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode),
        cmocka_unit_test(pictures_that_go),
        cmocka_unit_test(decode),
        cmocka_unit_test(damaged_streams),
        cmocka_unit_test(closed_without_end),
        cmocka_unit_test(nobody_takes_callbacks),
        cmocka_unit_test(waiting_for_itself),
        cmocka_unit_test(threads_with_one_channel),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
