/* SPDX-License-Identifier: Apache-2.0 */
#include "ap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AREAS = 4, MAX_FOUND = 100 };

static const double area_ranges[AREAS][2] = {
    {0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}};

double ap_overlap(const struct ap_found *d, const struct ap_truth *t) {
    double w = fmin(d->x + d->w, t->x + t->w) - fmax(d->x, t->x);
    double h = fmin(d->y + d->h, t->y + t->h) - fmax(d->y, t->y);
    if (w <= 0 || h <= 0) return 0;
    double both = w * h, own = d->w * d->h;
    return both / (t->crowd ? own : own + t->w * t->h - both);
}

/* One category's truths and detections, sorted; and what became of each detection. */
struct work {
    const struct ap_truth **truths; /* by picture */
    const struct ap_found **found;  /* by picture, then by falling score, 100 of each at most */
    int n_truths, n_found;
    int *rank;                    /* of a detection in its picture, from 0 */
    unsigned char *right, *aside; /* [overlap][detection]: matched; neither right nor wrong */
    int *order;                   /* detections by falling score */
    double *precision, *recall;
    double overlaps[AP_OVERLAPS];
};

struct sortable {
    const struct ap_found *found;
    int position;
};

static int by_picture_and_score(const void *a, const void *b) {
    const struct sortable *x = a, *y = b;
    if (x->found->image != y->found->image) return x->found->image < y->found->image ? -1 : 1;
    if (x->found->score != y->found->score) return x->found->score > y->found->score ? -1 : 1;
    return x->position - y->position;
}

static int by_score(const void *a, const void *b) {
    const struct sortable *x = a, *y = b;
    if (x->found->score != y->found->score) return x->found->score > y->found->score ? -1 : 1;
    return x->position - y->position;
}

static int by_picture(const void *a, const void *b) {
    const struct ap_truth *x = *(const struct ap_truth *const *)a,
                          *y = *(const struct ap_truth *const *)b;
    if (x->image != y->image) return x->image < y->image ? -1 : 1;
    return x < y ? -1 : x > y; /* in the order they came: they lie in one array */
}

static int is_aside(const struct ap_truth *t, const double area[2]) {
    return t->ignored || t->crowd || t->area < area[0] || t->area > area[1];
}

/* ---- one picture ---- */

/* Truths t0..t1-1 and detections d0..d1-1 are the picture's. `taken` has room for its truths. */
static void match(struct work *w, const double area[2], int t0, int t1, int d0, int d1,
                  unsigned char *taken) {
    int n = t1 - t0;
    for (int o = 0; o < AP_OVERLAPS; o++) {
        unsigned char *right = w->right + (size_t)o * (size_t)w->n_found;
        unsigned char *aside = w->aside + (size_t)o * (size_t)w->n_found;
        memset(taken, 0, (size_t)n);
        for (int d = d0; d < d1; d++) {
            double best = fmin(w->overlaps[o], 1 - 1e-10);
            int with = -1;
            /* What counts comes before what is aside, as far as it overlaps enough. */
            for (int pass = 0; pass < 2 && with < 0; pass++)
                for (int t = 0; t < n; t++) {
                    const struct ap_truth *truth = w->truths[t0 + t];
                    if (is_aside(truth, area) != pass || (taken[t] && !truth->crowd)) continue;
                    double v = ap_overlap(w->found[d], truth);
                    if (v < best) continue;
                    best = v;
                    with = t;
                }
            double own = w->found[d]->w * w->found[d]->h;
            right[d] = with >= 0;
            if (with >= 0) {
                taken[with] = 1;
                aside[d] = (unsigned char)is_aside(w->truths[t0 + with], area);
            } else {
                aside[d] = own < area[0] || own > area[1];
            }
        }
    }
}

static int match_all(struct work *w, const double area[2]) {
    unsigned char *taken = malloc((size_t)w->n_truths + 1);
    if (!taken) return -1;
    for (int t = 0, d = 0; d < w->n_found;) {
        int image = w->found[d]->image, d0 = d;
        while (t < w->n_truths && w->truths[t]->image < image) t++;
        int t0 = t;
        while (t < w->n_truths && w->truths[t]->image == image) t++;
        while (d < w->n_found && w->found[d]->image == image) d++;
        match(w, area, t0, t, d0, d, taken);
    }
    free(taken);
    return 0;
}

/* ---- curves ---- */

/* Mean precision over the recalls at one overlap; the last recall; the curve, and the score at
 * which F1 is best, if asked for. */
static double mean_precision(struct work *w, int o, int most, int truths, double *last_recall,
                             double curve[AP_RECALLS], struct ap_category *best) {
    const unsigned char *right = w->right + (size_t)o * (size_t)w->n_found;
    const unsigned char *aside = w->aside + (size_t)o * (size_t)w->n_found;
    double rights = 0, wrongs = 0, best_f1 = -1, sum = 0;
    int n = 0;
    for (int i = 0; i < w->n_found; i++) {
        int d = w->order[i];
        if (w->rank[d] >= most) continue;
        if (!aside[d]) *(right[d] ? &rights : &wrongs) += 1;
        w->recall[n] = rights / truths;
        w->precision[n] = rights / (wrongs + rights + 0x1p-52);
        double both = w->recall[n] + w->precision[n];
        double f1 = both > 0 ? 2 * w->recall[n] * w->precision[n] / both : 0;
        /* A threshold takes all detections of one score. */
        int whole = i + 1 == w->n_found || w->found[w->order[i + 1]]->score < w->found[d]->score;
        if (best && whole && f1 > best_f1) {
            best_f1 = f1;
            best->best_score = w->found[d]->score;
            best->precision = w->precision[n];
            best->recall = w->recall[n];
        }
        n++;
    }
    *last_recall = n ? w->recall[n - 1] : 0;
    for (int i = n - 1; i > 0; i--)
        if (w->precision[i] > w->precision[i - 1]) w->precision[i - 1] = w->precision[i];
    for (int r = 0, i = 0; r < AP_RECALLS; r++) {
        double at = r == AP_RECALLS - 1 ? 1 : r * 0.01;
        while (i < n && w->recall[i] < at) i++;
        double v = i < n ? w->precision[i] : 0;
        if (curve) curve[r] = v;
        sum += v;
    }
    return sum / AP_RECALLS;
}

static int evaluate(struct work *w, struct ap_category *out) {
    double *const by_area[AREAS] = {&out->figures.ap, &out->figures.small, &out->figures.medium,
                                    &out->figures.large};
    for (int a = 0; a < AREAS; a++) {
        int truths = 0;
        for (int t = 0; t < w->n_truths; t++) truths += !is_aside(w->truths[t], area_ranges[a]);
        if (!truths) continue;
        if (match_all(w, area_ranges[a])) return -1;
        double sum = 0, recall, recalls[3] = {0, 0, 0};
        for (int o = 0; o < AP_OVERLAPS; o++) {
            int whole = a == 0, half = whole && o == 0;
            double ap = mean_precision(w, o, MAX_FOUND, truths, &recall, half ? out->curve : NULL,
                                       half ? out : NULL);
            sum += ap;
            recalls[2] += recall;
            if (half) out->figures.ap50 = ap;
            if (whole && o == 5) out->figures.ap75 = ap;
            for (int k = 0; k < 2 && whole; k++) {
                mean_precision(w, o, k ? 10 : 1, truths, &recall, NULL, NULL);
                recalls[k] += recall;
            }
        }
        *by_area[a] = sum / AP_OVERLAPS;
        if (a) continue;
        out->figures.ar1 = recalls[0] / AP_OVERLAPS;
        out->figures.ar10 = recalls[1] / AP_OVERLAPS;
        out->figures.ar100 = recalls[2] / AP_OVERLAPS;
    }
    return 0;
}

/* ---- one category after the other ---- */

/* Sorts what the category has into w, whose arrays have room for everything. */
static void collect(struct work *w, struct sortable *s, int category, const struct ap_truth *truths,
                    int n_truths, const struct ap_found *found, int n_found,
                    struct ap_category *out) {
    int n = 0, last = -1;
    w->n_truths = w->n_found = 0;
    for (int i = 0; i < n_truths; i++)
        if (truths[i].category == category) w->truths[w->n_truths++] = &truths[i];
    qsort(w->truths, (size_t)w->n_truths, sizeof *w->truths, by_picture);
    for (int i = 0; i < w->n_truths; i++) {
        out->truths += !w->truths[i]->crowd && !w->truths[i]->ignored;
        out->images += w->truths[i]->image != last;
        last = w->truths[i]->image;
    }
    for (int i = 0; i < n_found; i++)
        if (found[i].category == category) s[n++] = (struct sortable){&found[i], i};
    qsort(s, (size_t)n, sizeof *s, by_picture_and_score);
    for (int i = 0, rank = 0; i < n; i++, rank++) {
        if (i && s[i].found->image != s[i - 1].found->image) rank = 0;
        if (rank >= MAX_FOUND) continue;
        w->rank[w->n_found] = rank;
        w->found[w->n_found++] = s[i].found;
    }
    out->found = n;
    for (int i = 0; i < w->n_found; i++) s[i] = (struct sortable){w->found[i], i};
    qsort(s, (size_t)w->n_found, sizeof *s, by_score);
    for (int i = 0; i < w->n_found; i++) w->order[i] = s[i].position;
}

static double mean_of(const struct ap_result *r, size_t offset) {
    double sum = 0;
    int n = 0;
    for (int c = 0; c < r->n_categories; c++) {
        const char *figures = (const char *)&r->categories[c].figures;
        double v = *(const double *)(const void *)(figures + offset);
        if (v < 0) continue;
        sum += v;
        n++;
    }
    return n ? sum / n : -1;
}

int ap_compute(const struct ap_truth *truths, int n_truths, const struct ap_found *found,
               int n_found, int n_categories, struct ap_result *out) {
    size_t nt = (size_t)n_truths + 1, nf = (size_t)n_found + 1;
    struct work w = {.truths = malloc(nt * sizeof *w.truths), .found = malloc(nf * sizeof *w.found),
                     .rank = malloc(nf * sizeof *w.rank), .order = malloc(nf * sizeof *w.order),
                     .right = malloc(nf * AP_OVERLAPS), .aside = malloc(nf * AP_OVERLAPS),
                     .precision = malloc(nf * sizeof *w.precision),
                     .recall = malloc(nf * sizeof *w.recall)};
    struct sortable *s = malloc(nf * sizeof *s);
    for (int o = 0; o < AP_OVERLAPS; o++)
        w.overlaps[o] = o == AP_OVERLAPS - 1 ? 0.95 : 0.5 + o * ((0.95 - 0.5) / 9);
    *out = (struct ap_result){.n_categories = n_categories,
                              .categories = calloc((size_t)n_categories + 1,
                                                   sizeof *out->categories)};
    int status = w.truths && w.found && w.rank && w.order && w.right && w.aside && w.precision &&
                         w.recall && s && out->categories ? 0 : -1;
    for (int c = 0; !status && c < n_categories; c++) {
        struct ap_category *of = &out->categories[c];
        of->figures = (struct ap_figures){-1, -1, -1, -1, -1, -1, -1, -1, -1};
        collect(&w, s, c, truths, n_truths, found, n_found, of);
        status = evaluate(&w, of);
    }
    double *const mean = &out->mean.ap;
    for (size_t k = 0; !status && k < sizeof out->mean / sizeof *mean; k++)
        mean[k] = mean_of(out, k * sizeof *mean);
    free(w.truths), free(w.found), free(w.rank), free(w.order), free(w.right), free(w.aside);
    free(w.precision), free(w.recall), free(s);
    return status;
}

void ap_free(struct ap_result *r) {
    free(r->categories);
    r->categories = NULL;
}

/* ---- confusion ---- */

struct pair {
    double overlap;
    int found, truth;
};

static int by_overlap(const void *a, const void *b) {
    const struct pair *x = a, *y = b;
    if (x->overlap != y->overlap) return x->overlap > y->overlap ? -1 : 1;
    if (x->found != y->found) return x->found < y->found ? -1 : 1;
    return (x->truth > y->truth) - (x->truth < y->truth);
}

int ap_confusion(const struct ap_truth *truths, int n_truths, const struct ap_found *found,
                 int n_found, int n_categories, double score, double overlap, long **out) {
    size_t side = (size_t)n_categories + 1, n = 0, room = 256;
    long *counts = calloc(side * side, sizeof *counts);
    struct pair *pairs = malloc(room * sizeof *pairs);
    const struct ap_truth **sorted = malloc(((size_t)n_truths + 1) * sizeof *sorted);
    unsigned char *used_found = calloc((size_t)n_found + 1, 1),
                  *used_truth = calloc((size_t)n_truths + 1, 1);
    int status = counts && pairs && sorted && used_found && used_truth ? 0 : -1;
    for (int i = 0; !status && i < n_truths; i++) sorted[i] = &truths[i];
    if (!status) qsort(sorted, (size_t)n_truths, sizeof *sorted, by_picture);
    for (int d = 0, first = 0; !status && d < n_found; d++) {
        if (!(found[d].score >= score)) continue;
        while (first < n_truths && sorted[first]->image < found[d].image) first++;
        for (int t = first; t < n_truths && sorted[t]->image == found[d].image; t++) {
            double v = sorted[t]->crowd ? 0 : ap_overlap(&found[d], sorted[t]);
            if (v < overlap) continue;
            if (n == room) {
                struct pair *wider = realloc(pairs, (room *= 2) * sizeof *pairs);
                if (!wider) {
                    status = -1;
                    break;
                }
                pairs = wider;
            }
            pairs[n++] = (struct pair){v, d, t};
        }
    }
    if (!status) qsort(pairs, n, sizeof *pairs, by_overlap);
    for (size_t i = 0; !status && i < n; i++) {
        if (used_found[pairs[i].found] || used_truth[pairs[i].truth]) continue;
        used_found[pairs[i].found] = used_truth[pairs[i].truth] = 1;
        counts[(size_t)found[pairs[i].found].category * side +
               (size_t)sorted[pairs[i].truth]->category]++;
    }
    for (int d = 0; !status && d < n_found; d++)
        if (found[d].score >= score && !used_found[d])
            counts[(size_t)found[d].category * side + side - 1]++;
    for (int t = 0; !status && t < n_truths; t++)
        if (!used_truth[t] && !sorted[t]->crowd)
            counts[(side - 1) * side + (size_t)sorted[t]->category]++;
    free(pairs), free(sorted), free(used_found), free(used_truth);
    if (status) free(counts);
    *out = status ? NULL : counts;
    return status;
}
