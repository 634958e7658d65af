/* SPDX-License-Identifier: Apache-2.0 */
/* Dumping: what begins and ends it, the files and their content, chunks for the callback, runs in
 * several threads, and what cannot be written. test_dump.py compares with onnxruntime. */
#define _GNU_SOURCE /* nftw */
#include "acl_check.h"

#include <ftw.h>
#include <sys/stat.h>

#include "acl/acl_dump.h"

static char folder[64]; /* of the test */

static int begin(void **state) {
    strcpy(folder, "/tmp/prusik-dump-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return start(state);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int finish(void **state) {
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return end(state);
}

static aclError set_dump(const char *text) {
    char path[100];
    snprintf(path, sizeof path, "%s/acl.json", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return aclmdlSetDump(path);
}

/* {"dump": {"dump_path": folder, ...}} with the rest given. */
static void must_set(const char *rest) {
    char text[1000];
    snprintf(text, sizeof text, "{\"dump\": {\"dump_path\": \"%s\", %s}}", folder, rest);
    assert_acl(set_dump(text));
}

/* ---- files ---- */

enum { MAX_FOUND = 64 };
static char found[MAX_FOUND][300];
static int n_found;

static int note(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)ftw;
    if (type == FTW_F && !strstr(path, "acl.json") && n_found < MAX_FOUND)
        snprintf(found[n_found++], sizeof found[0], "%s", path);
    return 0;
}

/* How many files of the dump have all three in their path. */
static int count_files(const char *a, const char *b, const char *c) {
    n_found = 0;
    nftw(folder, note, 8, FTW_PHYS);
    int n = 0;
    for (int i = 0; i < n_found; i++)
        n += strstr(found[i], a) && strstr(found[i], b) && strstr(found[i], c);
    return n;
}

/* The one file with both in its path. */
static const char *find_file(const char *a, const char *b) {
    if (count_files(a, b, "") != 1)
        fail_msg("%d files with %s and %s", count_files(a, b, ""), a, b);
    for (int i = 0; i < n_found; i++)
        if (strstr(found[i], a) && strstr(found[i], b)) return found[i];
    return NULL;
}

/* A .npy of these f32 values and nothing else. */
static void assert_npy(const unsigned char *bytes, size_t n, const char *shape, const float *values,
                       size_t n_values) {
    char expected[100];
    snprintf(expected, sizeof expected, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }",
             shape);
    assert_memory_equal(bytes, "\x93NUMPY\x01\x00", 8);
    size_t header = 10 + bytes[8] + 256u * bytes[9];
    assert_int_equal(header % 64, 0);
    assert_memory_equal(bytes + 10, expected, strlen(expected));
    assert_int_equal(bytes[header - 1], '\n');
    assert_int_equal(n, header + 4 * n_values);
    assert_memory_equal(bytes + header, values, 4 * n_values);
}

static void assert_file(const char *a, const char *b, const char *shape, const float *values,
                        size_t n_values) {
    unsigned char bytes[1000];
    FILE *f = fopen(find_file(a, b), "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_npy(bytes, n, shape, values, n_values);
}

/* ---- runs ---- */

static const float x[6] = {1, 2, 3, -4, 5, -6}, a[6] = {2, 0, 6, -3, 3, -3},
                   y[6] = {2, 0, 6, 0, 3, 0}, z[6] = {10, 20, 30, -40, 50, -60}, w[3] = {1, -2, 3},
                   ten[1] = {10};

static void run(uint32_t id, aclrtStream stream) {
    float in[6], out[2][6] = {{0}};
    memcpy(in, x, sizeof in);
    aclmdlDataset *i = dataset_of(1, (void *[]){in}, (size_t[]){sizeof in});
    aclmdlDataset *o = dataset_of(2, (void *[]){out[0], out[1]}, (size_t[]){sizeof y, sizeof z});
    if (stream) assert_acl(aclmdlExecuteAsync(id, i, o, stream));
    else assert_acl(aclmdlExecute(id, i, o));
    if (stream) assert_acl(aclrtSynchronizeStream(stream));
    assert_memory_equal(out[0], y, sizeof y);
    assert_memory_equal(out[1], z, sizeof z);
    dataset_end(i);
    dataset_end(o);
}

static void order_and_values(void **state) {
    (void)state;
    assert_acl_fails(aclmdlSetDump("x"), ACL_ERROR_DUMP_NOT_RUN, "aclmdlInitDump first");
    assert_acl_fails(aclmdlFinalizeDump(), ACL_ERROR_DUMP_NOT_RUN, "aclmdlInitDump first");
    assert_acl(aclmdlInitDump());
    assert_acl_fails(aclmdlInitDump(), ACL_ERROR_DUMP_ALREADY_RUN, "already");
    assert_acl_fails(aclmdlSetDump(NULL), ACL_ERROR_INVALID_PARAM, "dumpCfgPath");
    assert_acl_fails(aclmdlSetDump("/nowhere.json"), ACL_ERROR_INVALID_FILE, "/nowhere.json");
    static const struct {
        const char *text, *says;
    } refused[] = {
        {"{}", "no section \"dump\""},
        {"{\"dump\": {\"dump_list\": [{}]}}", "dump_path"},
        {"{\"dump\": {\"dump_path\": \"\", \"dump_list\": [{}]}}", "dump_path"},
        {"{\"dump\": {\"dump_path\": \"/\", \"dump_list\": [1]}}", "an entry of dump.dump_list"},
        {"{\"dump\": {\"dump_path\": \"/\", \"dump_list\": [{\"model_name\": 1}]}}", "model_name"},
        {"{\"dump\": {\"dump_path\": \"/\", \"dump_list\": [{\"layer\": \"a\"}]}}", "layer"},
        {"{\"dump\": {\"dump_path\": \"/\", \"dump_list\": [{\"layer\": [2]}]}}", "layer"},
        {"{\"dump\": {\"dump_mode\": \"some\"}}", "dump_mode"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_acl_fails(set_dump(refused[i].text), ACL_ERROR_INVALID_DUMP_CONFIG, refused[i].says);
    must_set("\"dump_list\": []");
    uint32_t id = load_text(small_net);
    run(id, NULL);
    assert_int_equal(count_files("", "", ""), 0);
    assert_acl(aclmdlFinalizeDump());
    assert_acl_fails(aclmdlFinalizeDump(), ACL_ERROR_DUMP_NOT_RUN, "");
    assert_acl(aclmdlUnload(id));
    assert_acl_fails(acldumpRegCallback(NULL, 0), ACL_ERROR_INVALID_PARAM, "messageCallback");
}

static void files_of_all_tensors(void **state) {
    (void)state;
    uint32_t before = load_text(small_net);
    assert_acl(aclmdlInitDump());
    must_set("\"dump_list\": [{\"model_name\": \"small\"}], \"dump_mode\": \"all\"");
    uint32_t id = load_text(small_net);
    aclmdlDesc *d = aclmdlCreateDesc();
    assert_acl(aclmdlGetDesc(d, id));
    assert_int_equal(aclmdlGetNumOutputs(d), 2); /* the program sees its own ones */
    assert_acl(aclmdlDestroyDesc(d));
    run(before, NULL); /* loaded before: not dumped */
    run(id, NULL);
    char place[64];
    snprintf(place, sizeof place, "/0/small/%u/0/", id);
    assert_int_equal(count_files(place, ".npy", ""), 8);
    assert_file("Add.", ".input.0.npy", "(2, 3,)", x, 6);
    assert_file("Add.", ".input.1.npy", "(3,)", w, 3);
    assert_file("Add.", ".output.0.npy", "(2, 3,)", a, 6);
    assert_file("Relu.", ".input.0.npy", "(2, 3,)", a, 6);
    assert_file("Relu.", ".output.0.npy", "(2, 3,)", y, 6);
    assert_file("Mul.", ".input.1.npy", "()", ten, 1);
    assert_file("Mul.", ".output.0.npy", "(2, 3,)", z, 6);
    /* On a stream, whose number stands in the name; the next run has the next folder. */
    aclrtStream stream;
    assert_acl(aclrtCreateStream(&stream));
    run(id, stream);
    assert_acl(aclrtDestroyStream(stream));
    snprintf(place, sizeof place, "/0/small/%u/1/", id);
    assert_int_equal(count_files(place, ".npy", ""), 8);
    assert_acl(aclmdlFinalizeDump());
    run(id, NULL);
    assert_int_equal(count_files("", "", ""), 16);
    assert_acl(aclmdlUnload(id));
    assert_acl(aclmdlUnload(before));
}

/* Modes, layers and models; the newest setting that names a model counts. */
static void choices(void **state) {
    (void)state;
    assert_acl(aclmdlInitDump());
    must_set("\"dump_list\": [{\"layer\": [\"y\", \"nobody\"]}], \"dump_mode\": \"input\"");
    uint32_t first = load_text(small_net);
    must_set("\"dump_list\": [{\"model_name\": \"other\"}]");
    uint32_t second = load_text(small_net);
    must_set("\"dump_list\": [{\"model_name\": \"other\"}, {\"model_name\": \"small\"}], "
             "\"dump_data\": \"stats\"");
    uint32_t third = load_text(small_net);
    run(first, NULL);
    assert_int_equal(count_files("Relu.", ".input.0.npy", ""), 1);
    assert_int_equal(count_files("", "", ""), 1);
    run(second, NULL);
    assert_int_equal(count_files("Relu.", ".input.0.npy", ""), 2);
    assert_int_equal(count_files("", "", ""), 2);
    run(third, NULL);
    assert_int_equal(count_files(".csv", "", ""), 3);
    char text[300] = "";
    FILE *f = fopen(find_file("Mul.", ".csv"), "r");
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_non_null(strstr(text, "Max Value,Min Value,Avg Value,L2 Norm\n"));
    assert_non_null(strstr(text, "Output,0,24,f32,ND,[2x3],50,-60,1.66666667,95.3939201\n"));
    assert_acl(aclmdlUnload(first));
    assert_acl(aclmdlUnload(second));
    assert_acl(aclmdlUnload(third));
    assert_acl(aclmdlFinalizeDump());
}

static void by_the_configuration_of_init(void **state) {
    (void)state;
    assert_acl(aclrtResetDevice(0));
    assert_acl(aclFinalize());
    char path[100];
    snprintf(path, sizeof path, "%s/acl.json", folder);
    FILE *f = fopen(path, "w");
    fprintf(f, "{\"dump\": {\"dump_path\": \"%s\", \"dump_list\": [{\"model_name\": \"small\"}]}}",
            folder);
    fclose(f);
    assert_acl(aclInit(path));
    assert_acl(aclrtSetDevice(0));
    assert_acl_fails(aclmdlInitDump(), ACL_ERROR_DUMP_ALREADY_RUN, "aclInit");
    uint32_t id = load_text(small_net);
    run(id, NULL);
    assert_int_equal(count_files(".output.0.npy", "/0/small/", ""), 3);
    assert_acl(aclFinalize()); /* with the model left behind */
    assert_acl(aclInit(NULL));
    assert_acl(aclrtSetDevice(0));
    assert_acl(aclmdlInitDump()); /* nothing of it is left */
    assert_acl(aclmdlFinalizeDump());
}

/* A place that cannot be written to is no reason to fail. */
static void unwritable(void **state) {
    (void)state;
    assert_acl(aclmdlInitDump());
    assert_acl(set_dump("{\"dump\": {\"dump_path\": \"/nowhere/at/all\", \"dump_list\": [{}]}}"));
    uint32_t id = load_text(small_net);
    run(id, NULL);
    run(id, NULL);
    assert_acl(aclmdlUnload(id));
    assert_acl(aclmdlFinalizeDump());
}

/* ---- the callback ---- */

static struct {
    pthread_mutex_t lock;
    int n_files, n_chunks;
    int32_t returns;
    char name[300];
    size_t n_bytes;
    unsigned char bytes[3 << 20];
} got = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int32_t receive(const acldumpChunk *c, int32_t size) {
    pthread_mutex_lock(&got.lock);
    assert_int_equal(size, sizeof *c + c->bufLen);
    assert_int_equal(c->flag, 7);
    assert_true(c->offset + c->bufLen <= (int64_t)sizeof got.bytes);
    memcpy(got.bytes + c->offset, c->dataBuf, c->bufLen);
    got.n_bytes = (size_t)c->offset + c->bufLen;
    snprintf(got.name, sizeof got.name, "%.299s", c->fileName);
    got.n_chunks++;
    got.n_files += c->isLastChunk == 1;
    pthread_mutex_unlock(&got.lock);
    return got.returns;
}

static void callback(void **state) {
    (void)state;
    got.n_files = got.n_chunks = got.returns = 0;
    assert_acl(acldumpRegCallback(receive, 7));
    assert_acl(aclmdlInitDump());
    must_set("\"dump_list\": [{\"layer\": [\"z\"]}]");
    uint32_t id = load_text(small_net);
    run(id, NULL);
    assert_int_equal(got.n_files, 1);
    assert_npy(got.bytes, got.n_bytes, "(2, 3,)", z, 6);
    assert_non_null(strstr(got.name, "/small/"));
    assert_int_equal(count_files("", "", ""), 0);
    got.returns = 1; /* refuses; the run does not mind */
    run(id, NULL);
    acldumpUnregCallback();
    run(id, NULL);
    assert_int_equal(got.n_files, 2);
    assert_int_equal(count_files(".npy", "", ""), 1);
    assert_acl(aclmdlUnload(id));
    assert_acl(aclmdlFinalizeDump());
}

/* Larger than a chunk: 2.4 MB come in three, in order. */
static void large_tensors_come_in_chunks(void **state) {
    (void)state;
    enum { N = 600000 };
    got.n_files = got.n_chunks = got.returns = 0;
    assert_acl(acldumpRegCallback(receive, 7));
    assert_acl(aclmdlInitDump());
    must_set("\"dump_list\": [{}]");
    uint32_t id = load_text("graph \"wide\" {\n  input x f32[600000]\n  y f32[600000] = Neg(x)\n"
                            "  output y\n}\n");
    float *in = malloc(N * sizeof *in), *out = malloc(N * sizeof *out);
    for (int i = 0; i < N; i++) in[i] = (float)i;
    aclmdlDataset *i = dataset_of(1, (void *[]){in}, (size_t[]){N * sizeof *in});
    aclmdlDataset *o = dataset_of(1, (void *[]){out}, (size_t[]){N * sizeof *out});
    assert_acl(aclmdlExecute(id, i, o));
    assert_int_equal(got.n_files, 1);
    assert_int_equal(got.n_chunks, 3);
    assert_npy(got.bytes, got.n_bytes, "(600000,)", out, N);
    dataset_end(i);
    dataset_end(o);
    free(in);
    free(out);
    acldumpUnregCallback();
    assert_acl(aclmdlUnload(id));
    assert_acl(aclmdlFinalizeDump());
}

/* ---- threads ---- */

static void *run_ten(void *id) {
    assert_acl(aclrtSetDevice(0));
    for (int i = 0; i < 10; i++) run(*(uint32_t *)id, NULL);
    assert_acl(aclrtResetDevice(0));
    return NULL;
}

static void threads(void **state) {
    (void)state;
    assert_acl(aclmdlInitDump());
    must_set("\"dump_list\": [{\"layer\": [\"y\"]}]");
    uint32_t id = load_text(small_net);
    pthread_t t[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&t[i], NULL, run_ten, &id), 0);
    for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < 30; i++) {
        char place[64];
        snprintf(place, sizeof place, "/small/%u/%d/", id, i);
        assert_file(place, ".output.0.npy", "(2, 3,)", y, 6);
    }
    assert_acl(aclmdlUnload(id));
    assert_acl(aclmdlFinalizeDump());
}

/* The Nth allocation fails while a model is chosen and loaded, until none is left to fail. */
static void memory_runs_out(void **state) {
    (void)state;
    size_t bytes;
    void *om = om_of(small_net, &bytes);
    assert_acl(aclmdlInitDump());
    uint32_t kept = load_text(small_net); /* so that the list of models stays */
    char path[100];
    must_set("\"dump_list\": [{\"model_name\": \"small\", \"layer\": [\"z\"]}]");
    snprintf(path, sizeof path, "%s/acl.json", folder);
    bool ok = false;
    for (uint64_t n = 1; !ok && n < 500; n++) {
        uint32_t id = 0;
        mem_fail_after(n, false);
        ok = aclmdlSetDump(path) == ACL_SUCCESS;
        ok = aclmdlLoadFromMem(om, bytes, &id) == ACL_SUCCESS && ok;
        mem_fail_after(0, false);
        if (id) assert_acl(aclmdlUnload(id));
    }
    assert_true(ok);
    assert_acl(aclmdlUnload(kept));
    assert_acl(aclmdlFinalizeDump());
    mem_free(om);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(order_and_values, begin, finish),
        cmocka_unit_test_setup_teardown(files_of_all_tensors, begin, finish),
        cmocka_unit_test_setup_teardown(choices, begin, finish),
        cmocka_unit_test_setup_teardown(by_the_configuration_of_init, begin, finish),
        cmocka_unit_test_setup_teardown(unwritable, begin, finish),
        cmocka_unit_test_setup_teardown(callback, begin, finish),
        cmocka_unit_test_setup_teardown(large_tensors_come_in_chunks, begin, finish),
        cmocka_unit_test_setup_teardown(threads, begin, finish),
        cmocka_unit_test_setup_teardown(memory_runs_out, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
