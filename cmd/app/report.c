/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app.h"
#include "draw.h"
#include "folder.h"

enum { MOST_CONFUSED = 8 };

static const struct {
    const char *key, *text;
    size_t offset;
} figures[] = {
#define FIGURE(key, text) {#key, text, offsetof(struct ap_figures, key)}
    FIGURE(ap, "AP 0.50:0.95"),      FIGURE(ap50, "AP 0.50"),       FIGURE(ap75, "AP 0.75"),
    FIGURE(small, "AP small"),       FIGURE(medium, "AP medium"),   FIGURE(large, "AP large"),
    FIGURE(ar1, "recall, 1 each"),   FIGURE(ar10, "recall, 10 each"),
    FIGURE(ar100, "recall, 100 each"),
};
enum { N_FIGURES = sizeof figures / sizeof figures[0] };

static double figure(const struct ap_figures *f, int i) {
    return *(const double *)(const void *)((const char *)f + figures[i].offset);
}

/* ---- confusion ---- */

struct confused {
    long n;
    int found, truth;
};

static int most_first(const void *a, const void *b) {
    const struct confused *x = a, *y = b;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    return x->truth != y->truth ? x->truth - y->truth : x->found - y->found;
}

/* The pairs of different categories that occur most, without "nothing". */
static int most_confused(const struct report *r, struct confused top[static MOST_CONFUSED + 1]) {
    int n = 0, side = r->data->n_categories + 1;
    for (int f = 0; r->confusion && f + 1 < side; f++)
        for (int t = 0; t + 1 < side; t++) {
            long count = r->confusion[(size_t)f * (size_t)side + (size_t)t];
            if (f == t || !count) continue;
            top[n++] = (struct confused){count, f, t};
            qsort(top, (size_t)n, sizeof *top, most_first);
            if (n > MOST_CONFUSED) n = MOST_CONFUSED;
        }
    return n;
}

static const char *name_of(const struct report *r, int k) {
    return k < r->data->n_categories ? r->data->categories[k].name : "(nothing)";
}

/* ---- text ---- */

static void print_figure(double v) {
    if (v < 0) printf("      -");
    else printf("  %.3f", v);
}

static void print_detector(const struct report *r) {
    for (int i = 0; i < N_FIGURES; i++) {
        printf("  %-18s", figures[i].text);
        print_figure(figure(&r->ap->mean, i));
        printf("\n");
    }
    printf("\n  %-16s pictures  boxes  found  precision  recall  score     AP50     AP\n",
           "category");
    for (int c = 0; c < r->ap->n_categories; c++) {
        const struct ap_category *a = &r->ap->categories[c];
        if (!a->truths && !a->found) continue;
        printf("  %-16s %8d %6d %6d      ", name_of(r, c), a->images, a->truths, a->found);
        if (a->truths) printf("%.3f   %.3f  %.3f", a->precision, a->recall, a->best_score);
        else printf("    -       -      -");
        printf("  ");
        print_figure(a->figures.ap50);
        print_figure(a->figures.ap);
        printf("\n");
    }
    printf("  (precision and recall at the score where F1 is best, overlap 0.50)\n");
}

static void print_classifier(const struct report *r) {
    long n = 0, top1 = 0, top5 = 0;
    for (int c = 0; c < r->data->n_categories; c++)
        n += r->classes[c].pictures, top1 += r->classes[c].top1, top5 += r->classes[c].top5;
    printf("  top-1  %.4f  (%ld of %ld)\n  top-5  %.4f  (%ld of %ld)\n",
           n ? (double)top1 / (double)n : 0, top1, n, n ? (double)top5 / (double)n : 0, top5, n);
    printf("\n  %-32s pictures  top-1  top-5\n", "class");
    for (int c = 0; c < r->data->n_categories; c++) {
        const struct report_class *k = &r->classes[c];
        if (!k->pictures) continue;
        printf("  %-32.32s %8ld  %.3f  %.3f\n", name_of(r, c), k->pictures,
               (double)k->top1 / (double)k->pictures, (double)k->top5 / (double)k->pictures);
    }
}

void report_print(const struct report *r) {
    printf("%s on %s: %d pictures", r->model, r->labelled, r->data->n_images);
    if (r->detects) printf(", %d boxes", r->data->n_truths);
    printf(", %d %s\n", r->data->n_categories, r->detects ? "categories" : "classes");
    if (r->detects) print_detector(r);
    else print_classifier(r);
    struct confused top[MOST_CONFUSED + 1];
    int n = most_confused(r, top);
    if (n) printf("\n  most confused:");
    for (int i = 0; i < n; i++)
        printf("%s %s taken for %s %ld", i ? "," : "", name_of(r, top[i].truth),
               name_of(r, top[i].found), top[i].n);
    if (n) printf("\n");
    if (!r->pictures) return;
    double k = 1 / (double)r->pictures;
    printf("\n  each picture: decode %.1f ms, preprocess %.1f, infer %.1f, postprocess %.1f; "
           "%.1f pictures/s, %d at once\n",
           r->decode_ms * k, r->preprocess_ms * k, r->infer_ms * k, r->postprocess_ms * k,
           r->seconds > 0 ? (double)r->pictures / r->seconds : 0, r->workers);
}

/* ---- JSON ---- */

static json_t *number(double v) { return v < 0 ? json_null() : json_real(v); }

static json_t *detector_json(const struct report *r) {
    json_t *root = json_object(), *list = json_array();
    for (int i = 0; i < N_FIGURES; i++)
        json_object_set_new(root, figures[i].key, number(figure(&r->ap->mean, i)));
    for (int c = 0; c < r->ap->n_categories; c++) {
        const struct ap_category *a = &r->ap->categories[c];
        json_t *e = json_pack("{s:I, s:s, s:i, s:i, s:i}", "id",
                              (json_int_t)r->data->categories[c].id, "name", name_of(r, c),
                              "pictures", a->images, "boxes", a->truths, "found", a->found);
        for (int i = 0; i < N_FIGURES; i++)
            json_object_set_new(e, figures[i].key, number(figure(&a->figures, i)));
        if (a->truths)
            json_object_update_new(e, json_pack("{s:f, s:f, s:f}", "precision", a->precision,
                                                "recall", a->recall, "score", a->best_score));
        json_array_append_new(list, e);
    }
    json_object_set_new(root, "categories", list);
    return root;
}

static json_t *classifier_json(const struct report *r) {
    long n = 0, top1 = 0, top5 = 0;
    json_t *list = json_array();
    for (int c = 0; c < r->data->n_categories; c++) {
        const struct report_class *k = &r->classes[c];
        n += k->pictures, top1 += k->top1, top5 += k->top5;
        if (k->pictures)
            json_array_append_new(list, json_pack("{s:i, s:s, s:I, s:I, s:I}", "id", c, "name",
                                                  name_of(r, c), "pictures",
                                                  (json_int_t)k->pictures, "top1",
                                                  (json_int_t)k->top1, "top5",
                                                  (json_int_t)k->top5));
    }
    return json_pack("{s:f, s:f, s:o}", "top1", n ? (double)top1 / (double)n : 0, "top5",
                     n ? (double)top5 / (double)n : 0, "classes", list);
}

static json_t *as_json(const struct report *r) {
    json_t *root = json_pack("{s:s, s:s, s:i, s:I}", "model", r->model, "labelled", r->labelled,
                             "pictures", r->data->n_images, "failed", (json_int_t)r->failed);
    if (!root) root = json_object(); /* a path need not be UTF-8, as JSON must be */
    json_object_update_new(root, r->detects ? detector_json(r) : classifier_json(r));
    if (r->pictures) {
        double k = 1 / (double)r->pictures;
        json_object_set_new(
            root, "timing_ms", json_pack("{s:f, s:f, s:f, s:f}", "decode", r->decode_ms * k,
                                         "preprocess", r->preprocess_ms * k, "infer",
                                         r->infer_ms * k, "postprocess", r->postprocess_ms * k));
        json_object_set_new(root, "pictures_per_second",
                            json_real(r->seconds > 0 ? (double)r->pictures / r->seconds : 0));
        json_object_set_new(root, "workers", json_integer(r->workers));
    }
    return root;
}

int report_print_json(const struct report *r) {
    json_t *root = as_json(r);
    int bad = !root || json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(root);
    return bad || fflush(stdout) ? -1 : 0;
}

/* ---- files ---- */

static void write_classes(FILE *f, const struct report *r) {
    if (r->detects) {
        fputs("id,category,pictures,boxes,found,precision,recall,score", f);
        for (int i = 0; i < N_FIGURES; i++) fprintf(f, ",%s", figures[i].key);
    } else {
        fputs("id,class,pictures,top1,top5", f);
    }
    fputs("\r\n", f);
    for (int c = 0; c < r->data->n_categories; c++) {
        fprintf(f, "%lld,", (long long)r->data->categories[c].id);
        folder_csv_text(f, name_of(r, c));
        if (!r->detects) {
            fprintf(f, ",%ld,%ld,%ld\r\n", r->classes[c].pictures, r->classes[c].top1,
                    r->classes[c].top5);
            continue;
        }
        const struct ap_category *a = &r->ap->categories[c];
        fprintf(f, ",%d,%d,%d", a->images, a->truths, a->found);
        if (a->truths) fprintf(f, ",%.4f,%.4f,%.4f", a->precision, a->recall, a->best_score);
        else fputs(",,,", f);
        for (int i = 0; i < N_FIGURES; i++)
            if (figure(&a->figures, i) < 0) fputc(',', f);
            else fprintf(f, ",%.6f", figure(&a->figures, i));
        fputs("\r\n", f);
    }
}

/* One row for each that was found, one column for each that was true. */
static void write_confusion(FILE *f, const struct report *r) {
    int side = r->data->n_categories + 1;
    fputs("found \\ true", f);
    for (int t = 0; t < side; t++) fputc(',', f), folder_csv_text(f, name_of(r, t));
    fputs("\r\n", f);
    for (int k = 0; k < side; k++) {
        folder_csv_text(f, name_of(r, k));
        for (int t = 0; t < side; t++)
            fprintf(f, ",%ld", r->confusion[(size_t)k * (size_t)side + (size_t)t]);
        fputs("\r\n", f);
    }
}

static void write_report(FILE *f, const struct report *r) {
    json_t *root = as_json(r);
    json_dumpf(root, f, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    fputc('\n', f);
    json_decref(root);
}

int report_write(const struct report *r, const char *folder) {
    static const struct {
        const char *name;
        void (*write)(FILE *f, const struct report *r);
    } files[] = {{"report.json", write_report}, {"classes.csv", write_classes},
                 {"confusion.csv", write_confusion}};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i].write == write_confusion && !r->confusion) continue;
        FILE *f = folder_file("eval", folder, files[i].name);
        if (!f) return -1;
        files[i].write(f, r);
        int bad = ferror(f);
        if (fclose(f) || bad)
            return app_fail("eval", "%s/%s cannot be written; is the disk full?", folder,
                            files[i].name), -1;
    }
    if (!r->confusion && !r->detects) return 0;
    char error[DRAW_ERROR];
    const struct draw_api *draw = draw_load(error);
    if (!draw) return app_fail("eval", "the curves in %s: %s", folder, error), -1;
    snprintf(path, sizeof path, "%s/confusion.png", folder);
    if (r->confusion && draw->confusion(r, path))
        return app_fail("eval", "%s cannot be written", path), -1;
    snprintf(path, sizeof path, "%s/curves.png", folder);
    if (r->detects && draw->curves(r, path))
        return app_fail("eval", "%s cannot be written", path), -1;
    return 0;
}
