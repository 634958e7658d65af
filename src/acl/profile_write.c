/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session recorded, as files: tables (.csv) of steps, of operator types, of calls, of
 * iterations and of the program's own notes, and a trace for ui.perfetto.dev or chrome://tracing.
 * Columns are named as the Ascend tools' tables of the same names are, so their readers find them.
 * Times in tables are microseconds since 1970, those of the trace begin with the session.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl/internal.h"
#include "base/alloc.h"

/* ---- text ---- */

static void put_csv(FILE *f, const char *s, char end) {
    bool is_quoted = strpbrk(s, ",\"\n\r") != NULL;
    if (is_quoted) fputc('"', f);
    for (; *s; s++) {
        if (*s == '"') fputc('"', f);
        fputc(*s, f);
    }
    if (is_quoted) fputc('"', f);
    fputc(end, f);
}

/* Bytes of the UTF-8 character at s; 0 when it is none. */
static int utf8_bytes(const unsigned char *s) {
    int n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] > 0xf4) return 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    bool is_wrong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
                    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f);
    return is_wrong ? 0 : n;
}

static void put_json(FILE *f, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    fputc('"', f);
    while (*s) {
        int n = utf8_bytes(s);
        if (n == 0) fputs("\\ufffd", f);
        else if (*s == '"' || *s == '\\') fprintf(f, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7f) fprintf(f, "\\u%04x", *s);
        else fwrite(s, 1, (size_t)n, f);
        s += n ? n : 1;
    }
    fputc('"', f);
}

/* Nanoseconds as microseconds, exactly. */
static void put_us(FILE *f, int64_t ns) {
    fprintf(f, "%" PRId64 ".%03d", ns / 1000, (int)(ns % 1000));
}

static void put_us_comma(FILE *f, int64_t ns) {
    put_us(f, ns);
    fputc(',', f);
}

static double gflops(const struct profile_op_text *op, int64_t ns) {
    return ns > 0 ? 2.0 * (double)op->macs / (double)ns : 0;
}

/* ---- totals by name ---- */

struct total {
    int device;
    const char *name;
    uint64_t n;
    double sum, squares, least, most; /* microseconds */
};

struct totals {
    int n, cap;
    struct total *items;
};

static enum status count(struct totals *t, int device, const char *name, int64_t ns) {
    int i = 0;
    while (i < t->n && (t->items[i].device != device || strcmp(t->items[i].name, name) != 0)) i++;
    if (i == t->cap) {
        int cap = t->cap ? 2 * t->cap : 32;
        struct total *wider = mem_realloc(t->items, (size_t)cap * sizeof *wider);
        CHECK(wider, STATUS_MEMORY, "no memory for the tables of a profile");
        t->items = wider;
        t->cap = cap;
    }
    if (i == t->n) t->items[t->n++] = (struct total){device, name, 0, 0, 0, INFINITY, 0};
    struct total *x = &t->items[i];
    double us = (double)ns * 1e-3;
    x->n++;
    x->sum += us;
    x->squares += us * us;
    if (us < x->least) x->least = us;
    if (us > x->most) x->most = us;
    return STATUS_OK;
}

static int most_first(const void *a, const void *b) {
    const struct total *x = a, *y = b;
    return (x->sum < y->sum) - (x->sum > y->sum);
}

/* ---- tables ---- */

static void put_op_summary(FILE *f, const struct profile_recording *r) {
    fputs("Device_id,Model Name,Model ID,Task ID,Stream ID,Op Name,OP Type,Task Type,"
          "Task Start Time(us),Task Duration(us),Task Wait Time(us),Block Dim,Input Shapes,"
          "Input Data Types,Input Formats,Output Shapes,Output Data Types,Output Formats,Kernel,"
          "MACs,GFLOP/s\n",
          f);
    for (const struct profile_record *run = r->first; run; run = run->next) {
        int64_t before = run->begin;
        for (int i = 0; run->kind == PROFILE_RUN && i < run->ops->n; i++) {
            const struct profile_op_text *op = &run->ops->ops[i];
            int64_t begin = run->times[2 * i], end = run->times[2 * i + 1];
            fprintf(f, "%d,", run->device);
            put_csv(f, run->ops->model_name, ',');
            fprintf(f, "%u,%u,%u,", run->ops->model, run->task, run->stream);
            put_csv(f, op->node, ',');
            fprintf(f, "%s,CPU,", op->op);
            put_us_comma(f, begin + r->epoch_offset);
            put_us_comma(f, end - begin);
            put_us_comma(f, begin - before);
            fprintf(f, "%d,", op->n_tiles);
            for (int side = 0; side < 2; side++) {
                put_csv(f, op->shapes[side], ',');
                put_csv(f, op->types[side], ',');
                put_csv(f, op->formats[side], ',');
            }
            put_csv(f, op->kernel, ',');
            fprintf(f, "%" PRId64 ",%.3f\n", op->macs, gflops(op, end - begin));
            before = end;
        }
    }
}

static enum status put_op_statistic(FILE *f, const struct profile_recording *r, struct totals *t) {
    for (const struct profile_record *run = r->first; run; run = run->next)
        for (int i = 0; run->kind == PROFILE_RUN && i < run->ops->n; i++)
            TRY(count(t, run->device, run->ops->ops[i].op,
                      run->times[2 * i + 1] - run->times[2 * i]));
    double sum = 0;
    for (int i = 0; i < t->n; i++) sum += t->items[i].sum;
    if (t->n) qsort(t->items, (size_t)t->n, sizeof *t->items, most_first);
    fputs("Device_id,OP Type,Core Type,Count,Total Time(us),Min Time(us),Avg Time(us),"
          "Max Time(us),Ratio(%)\n",
          f);
    for (int i = 0; i < t->n; i++) {
        const struct total *x = &t->items[i];
        fprintf(f, "%d,%s,CPU,%" PRIu64 ",%.3f,%.3f,%.3f,%.3f,%.3f\n", x->device, x->name, x->n,
                x->sum, x->least, x->sum / (double)x->n, x->most, sum > 0 ? 100 * x->sum / sum : 0);
    }
    return STATUS_OK;
}

static enum status put_api_statistic(FILE *f, const struct profile_recording *r,
                                     struct totals *t) {
    for (const struct profile_record *call = r->first; call; call = call->next)
        if (call->kind == PROFILE_CALL) TRY(count(t, 0, call->name, call->end - call->begin));
    if (t->n) qsort(t->items, (size_t)t->n, sizeof *t->items, most_first);
    fputs("Device_id,Level,API Name,Time(us),Count,Avg(us),Min(us),Max(us),Variance\n", f);
    for (int i = 0; i < t->n; i++) {
        const struct total *x = &t->items[i];
        double mean = x->sum / (double)x->n, variance = x->squares / (double)x->n - mean * mean;
        fprintf(f, "host,acl,%s,%.3f,%" PRIu64 ",%.3f,%.3f,%.3f,%.3f\n", x->name, x->sum, x->n,
                mean, x->least, x->most, variance > 0 ? variance : 0);
    }
    return STATUS_OK;
}

static void put_step_trace(FILE *f, const struct profile_recording *r) {
    fputs("Iteration ID,Stream ID,Iteration Start(us),Iteration End(us),Iteration Time(us)\n", f);
    for (const struct profile_record *s = r->first; s; s = s->next) {
        if (s->kind != PROFILE_STEP) continue;
        fprintf(f, "%u,%u,", s->task, s->stream);
        put_us_comma(f, s->begin + r->epoch_offset);
        put_us_comma(f, s->end + r->epoch_offset);
        put_us(f, s->end - s->begin);
        fputc('\n', f);
    }
}

static const char *note_name(enum profile_kind kind) {
    return kind == PROFILE_MARK ? "marker" : kind == PROFILE_PUSH ? "push/pop" : "start/end";
}

static bool is_note(const struct profile_record *r) {
    return r->kind == PROFILE_MARK || r->kind == PROFILE_PUSH || r->kind == PROFILE_RANGE;
}

static void put_notes(FILE *f, const struct profile_recording *r) {
    fputs("pid,tid,event_type,Start_time(us),End_time(us),message\n", f);
    for (const struct profile_record *n = r->first; n; n = n->next) {
        if (!is_note(n)) continue;
        fprintf(f, "%d,%u,%s,", (int)getpid(), n->thread, note_name(n->kind));
        put_us_comma(f, n->begin + r->epoch_offset);
        put_us_comma(f, n->end + r->epoch_offset);
        put_csv(f, n->name, '\n');
    }
}

/* ---- the trace ---- */

/* Rows of the trace: threads of the host, and streams of the devices. What runs without a stream
 * has the row of its thread there. */
enum { HOST = 1, DEVICE = 10, THREAD_ROW = 10000000 };

struct trace {
    FILE *to;
    int64_t start; /* of the session */
    bool has_events;
};

static void begin_event(struct trace *t, const char *phase, const char *name, int process,
                        uint32_t row) {
    fprintf(t->to, "%s\n{\"ph\":\"%s\",\"name\":", t->has_events ? "," : "", phase);
    t->has_events = true;
    put_json(t->to, name);
    fprintf(t->to, ",\"pid\":%d,\"tid\":%u", process, row);
}

static void put_time(struct trace *t, const char *key, int64_t ns) {
    fprintf(t->to, ",\"%s\":", key);
    put_us(t->to, ns);
}

static void put_span(struct trace *t, int64_t begin, int64_t end) {
    put_time(t, "ts", begin - t->start);
    put_time(t, "dur", end - begin);
}

static void put_row_name(struct trace *t, const char *what, int process, uint32_t row,
                         const char *name) {
    begin_event(t, "M", what, process, row);
    fputs(",\"args\":{\"name\":", t->to);
    put_json(t->to, name);
    fputs("}}", t->to);
}

static uint32_t row_of(const struct profile_record *r) {
    return r->stream ? r->stream : THREAD_ROW + r->thread;
}

static void put_run(struct trace *t, const struct profile_record *r) {
    int process = DEVICE + r->device;
    begin_event(t, "X", r->ops->model_name, process, row_of(r));
    put_span(t, r->begin, r->end);
    fprintf(t->to, ",\"cat\":\"model\",\"args\":{\"Model ID\":%u,\"Task ID\":%u}}", r->ops->model,
            r->task);
    for (int i = 0; i < r->ops->n; i++) {
        const struct profile_op_text *op = &r->ops->ops[i];
        int64_t begin = r->times[2 * i], end = r->times[2 * i + 1];
        begin_event(t, "X", op->node, process, row_of(r));
        put_span(t, begin, end);
        fprintf(t->to, ",\"cat\":\"op\",\"args\":{\"OP Type\":\"%s\",\"Kernel\":", op->op);
        put_json(t->to, op->kernel);
        fprintf(t->to, ",\"Input Shapes\":\"%s\",\"GFLOP/s\":%.3f}}", op->shapes[0],
                gflops(op, end - begin));
    }
}

/* Ranges and steps may overlap without nesting, which only pairs of events can say. */
static void put_pair(struct trace *t, const struct profile_record *r, const char *name, int process,
                     uint32_t row) {
    for (int end = 0; end < 2; end++) {
        begin_event(t, end ? "e" : "b", name, process, row);
        put_time(t, "ts", (end ? r->end : r->begin) - t->start);
        fprintf(t->to, ",\"cat\":\"%s\",\"id\":%u}", r->kind == PROFILE_STEP ? "step" : "range",
                r->task);
    }
}

static void put_event(struct trace *t, const struct profile_record *r) {
    char text[32];
    switch (r->kind) {
    case PROFILE_RUN: put_run(t, r); break;
    case PROFILE_CALL:
    case PROFILE_PUSH:
        begin_event(t, "X", r->name, HOST, r->thread);
        put_span(t, r->begin, r->end);
        fprintf(t->to, ",\"cat\":\"%s\"}", r->kind == PROFILE_CALL ? "acl" : "range");
        break;
    case PROFILE_MARK:
        begin_event(t, "i", r->name, HOST, r->thread);
        put_time(t, "ts", r->begin - t->start);
        fputs(",\"s\":\"t\",\"cat\":\"mark\"}", t->to);
        break;
    case PROFILE_RANGE: put_pair(t, r, r->name, HOST, r->thread); break;
    case PROFILE_STEP:
        snprintf(text, sizeof text, "step %u", r->task);
        put_pair(t, r, text, DEVICE + r->device, r->stream);
        break;
    }
}

enum { MAX_ROWS = 256 }; /* that get a name; further ones have their number */

struct rows {
    int n;
    struct {
        int process;
        uint32_t row;
    } seen[MAX_ROWS];
};

/* Whether a row has not been seen before, and can be remembered. */
static bool is_new(struct rows *r, int process, uint32_t row) {
    for (int i = 0; i < r->n; i++)
        if (r->seen[i].process == process && r->seen[i].row == row) return false;
    if (r->n == MAX_ROWS) return false;
    r->seen[r->n].process = process;
    r->seen[r->n++].row = row;
    return true;
}

static void name_rows(struct trace *t, const struct profile_recording *r) {
    struct rows rows = {0};
    char name[48];
    put_row_name(t, "process_name", HOST, 0, "Host");
    for (const struct profile_record *e = r->first; e; e = e->next) {
        if (e->kind != PROFILE_RUN && e->kind != PROFILE_STEP) continue;
        int process = DEVICE + e->device;
        if (is_new(&rows, process, 0)) {
            snprintf(name, sizeof name, "Device %d", e->device);
            put_row_name(t, "process_name", process, 0, name);
        }
        if (!is_new(&rows, process, row_of(e))) continue;
        if (e->stream) snprintf(name, sizeof name, "stream %u", e->stream);
        else snprintf(name, sizeof name, "thread %u, synchronous", e->thread);
        put_row_name(t, "thread_name", process, row_of(e), name);
    }
}

static void put_trace(FILE *f, const struct profile_recording *r) {
    struct trace t = {.to = f, .start = r->start};
    fputc('[', f);
    name_rows(&t, r);
    for (const struct profile_record *e = r->first; e; e = e->next) put_event(&t, e);
    fputs("\n]\n", f);
}

/* ---- files ---- */

static enum status finish(FILE *f, const char *path, enum status s) {
    bool bad = ferror(f) != 0;
    if ((fclose(f) || bad) && s == STATUS_OK)
        FAIL(STATUS_FILE, "cannot write '%s': %s", path, strerror(errno));
    return s;
}

enum table { TRACE, OP_SUMMARY, OP_STATISTIC, API_STATISTIC, STEP_TRACE, NOTES };

static enum status write_table(const struct profile_recording *r, const char *path,
                               enum table table) {
    FILE *f = fopen(path, "w");
    CHECK(f, STATUS_FILE, "cannot write '%s': %s", path, strerror(errno));
    struct totals t = {0};
    enum status s = STATUS_OK;
    switch (table) {
    case TRACE: put_trace(f, r); break;
    case OP_SUMMARY: put_op_summary(f, r); break;
    case OP_STATISTIC: s = put_op_statistic(f, r, &t); break;
    case API_STATISTIC: s = put_api_statistic(f, r, &t); break;
    case STEP_TRACE: put_step_trace(f, r); break;
    case NOTES: put_notes(f, r); break;
    }
    mem_free(t.items);
    return finish(f, path, s);
}

/* PROF_{6 digits}_{17 digits of time}_{letters}: the first that is not there yet. */
static enum status make_folder(const char *path, char to[PATH_MAX], char stamp[static 32]) {
    struct timespec now;
    struct tm date;
    clock_gettime(CLOCK_REALTIME, &now);
    size_t n = strftime(stamp, 32, "%Y%m%d%H%M%S", localtime_r(&now.tv_sec, &date));
    snprintf(stamp + n, 32 - n, "%03ld", now.tv_nsec / 1000000);
    char letters[12];
    uint64_t seed = (uint64_t)getpid() * 1000003 + (uint64_t)now.tv_nsec;
    for (int i = 0; i < 11; i++, seed = seed * 6364136223846793005u + 1442695040888963407u)
        letters[i] = (char)('A' + (seed >> 40) % 26);
    letters[11] = '\0';
    for (int i = 1; i < 1000000; i++) {
        n = (size_t)snprintf(to, PATH_MAX, "%s/PROF_%06d_%s_%s", path, i, stamp, letters);
        CHECK(n + 100 < PATH_MAX, STATUS_FILE, "the path '%s' is too long for a profile", path);
        if (!mkdir(to, 0777)) break;
        CHECK(errno == EEXIST, STATUS_FILE, "cannot make '%s': %s", to, strerror(errno));
    }
    strcat(to, "/mindstudio_profiler_output");
    CHECK(!mkdir(to, 0777), STATUS_FILE, "cannot make '%s': %s", to, strerror(errno));
    return STATUS_OK;
}

enum status profile_write(const struct profile_recording *r, const char *path, bool is_file) {
    if (is_file) return write_table(r, path, TRACE);
    static const struct {
        enum table table;
        const char *name, *ending;
    } files[] = {{TRACE, "msprof", "json"},
                 {OP_SUMMARY, "op_summary", "csv"},
                 {OP_STATISTIC, "op_statistic", "csv"},
                 {API_STATISTIC, "api_statistic", "csv"},
                 {STEP_TRACE, "step_trace", "csv"},
                 {NOTES, "msprof_tx", "csv"}};
    uint64_t n[NOTES + 1] = {[TRACE] = 1};
    for (const struct profile_record *e = r->first; e; e = e->next) {
        n[OP_SUMMARY] += e->kind == PROFILE_RUN;
        n[API_STATISTIC] += e->kind == PROFILE_CALL;
        n[STEP_TRACE] += e->kind == PROFILE_STEP;
        n[NOTES] += is_note(e);
    }
    n[OP_STATISTIC] = n[OP_SUMMARY];
    char folder[PATH_MAX], stamp[32], file[PATH_MAX + 80];
    TRY(make_folder(path, folder, stamp));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (!n[files[i].table]) continue; /* nothing of the kind was recorded */
        snprintf(file, sizeof file, "%s/%s_%s.%s", folder, files[i].name, stamp, files[i].ending);
        TRY(write_table(r, file, files[i].table));
    }
    return STATUS_OK;
}
