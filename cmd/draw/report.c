/* SPDX-License-Identifier: Apache-2.0 */
/* Precision over recall, and the matrix of confusions, as PNG. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cairo.h>
#include <jansson.h>

#include "draw.h"

enum { LEFT = 70, TOP = 40, PLOT = 600, RIGHT = 260, BOTTOM = 60, LEGEND = 24 };

static cairo_surface_t *begin(int width, int height, cairo_t **cr) {
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    *cr = cairo_create(s);
    cairo_set_source_rgb(*cr, 1, 1, 1);
    cairo_paint(*cr);
    cairo_select_font_face(*cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(*cr, 13);
    return s;
}

static int end(cairo_surface_t *s, cairo_t *cr, const char *path) {
    cairo_destroy(cr);
    cairo_surface_flush(s);
    int bad = cairo_surface_write_to_png(s, path) != CAIRO_STATUS_SUCCESS;
    cairo_surface_destroy(s);
    return bad ? -1 : 0;
}

/* Cairo takes whole UTF-8 only, which a name in a file need not be. */
static void text(cairo_t *cr, double x, double y, double align, const char *name) {
    cairo_text_extents_t e;
    char what[128];
    size_t n = strlen(name) < sizeof what ? strlen(name) : sizeof what - 1;
    memcpy(what, name, n);
    /* A letter that was cut off in the middle goes. */
    size_t cut = n;
    while (cut > 0 && cut + 4 > n && ((unsigned char)what[cut - 1] & 0xc0) == 0x80) cut--;
    if (cut > 0 && (unsigned char)what[cut - 1] >= 0xc0) {
        unsigned char lead = (unsigned char)what[cut - 1];
        size_t whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        if (n - (cut - 1) < whole) n = cut - 1;
    }
    what[n] = '\0';
    json_t *valid = json_string(what);
    for (char *c = what; !valid && *c; c++)
        if ((unsigned char)*c >= 128) *c = '?';
    json_decref(valid);
    cairo_text_extents(cr, what, &e);
    cairo_move_to(cr, x - align * e.x_advance, y);
    cairo_show_text(cr, what);
}

/* Hues by the golden angle, as boxes have. */
static void set_colour(cairo_t *cr, int k, double alpha) {
    double hue = fmod(k * 0.61803398875 + 0.02, 1.0) * 6, rgb[3];
    for (int c = 0; c < 3; c++) {
        double x = fabs(fmod(hue + (c == 0 ? 3 : c == 1 ? 1 : 5), 6) - 3) - 1;
        rgb[c] = 0.1 + 0.75 * (x < 0 ? 0 : x > 1 ? 1 : x);
    }
    cairo_set_source_rgba(cr, rgb[0], rgb[1], rgb[2], alpha);
}

static void draw_axes(cairo_t *cr) {
    char number[16];
    cairo_set_line_width(cr, 1);
    for (int i = 0; i <= 10; i++) {
        double at = PLOT * i / 10.0;
        cairo_set_source_rgb(cr, 0.88, 0.88, 0.88);
        cairo_move_to(cr, LEFT + at + 0.5, TOP);
        cairo_rel_line_to(cr, 0, PLOT);
        cairo_move_to(cr, LEFT, TOP + at + 0.5);
        cairo_rel_line_to(cr, PLOT, 0);
        cairo_stroke(cr);
        cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
        snprintf(number, sizeof number, "%.1f", i / 10.0);
        text(cr, LEFT + at, TOP + PLOT + 18, 0.5, number);
        text(cr, LEFT - 8, TOP + PLOT - at + 5, 1, number);
    }
    text(cr, LEFT + PLOT / 2.0, TOP + PLOT + 42, 0.5, "recall");
    cairo_save(cr);
    cairo_translate(cr, 22, TOP + PLOT / 2.0);
    cairo_rotate(cr, -1.5707963267948966);
    text(cr, 0, 0, 0.5, "precision, overlap 0.50");
    cairo_restore(cr);
}

static void draw_curve(cairo_t *cr, const double curve[AP_RECALLS]) {
    cairo_new_path(cr); /* a text leaves its end behind */
    for (int r = 0; r < AP_RECALLS; r++)
        cairo_line_to(cr, LEFT + PLOT * r / (AP_RECALLS - 1.0), TOP + PLOT * (1 - curve[r]));
    cairo_stroke(cr);
}

int report_draw_curves(const struct report *r, const char *path) {
    cairo_t *cr;
    cairo_surface_t *s = begin(LEFT + PLOT + RIGHT, TOP + PLOT + BOTTOM, &cr);
    double mean[AP_RECALLS] = {0};
    char line[300];
    int n = 0;
    draw_axes(cr);
    for (int c = 0; c < r->ap->n_categories; c++) {
        const struct ap_category *a = &r->ap->categories[c];
        if (!a->truths) continue;
        for (int k = 0; k < AP_RECALLS; k++) mean[k] += a->curve[k];
        cairo_set_line_width(cr, 1);
        set_colour(cr, c, 0.6);
        draw_curve(cr, a->curve);
        /* The first of them are named; more would not fit. */
        if (n++ < LEGEND) {
            set_colour(cr, c, 1);
            snprintf(line, sizeof line, "%.24s %.3f", r->data->categories[c].name,
                     a->figures.ap50);
            text(cr, LEFT + PLOT + 16, TOP + 36 + 22 * n, 0, line);
        }
    }
    for (int k = 0; k < AP_RECALLS && n; k++) mean[k] /= n;
    cairo_set_source_rgb(cr, 0.05, 0.05, 0.3);
    cairo_set_line_width(cr, 3.5);
    if (n) draw_curve(cr, mean);
    snprintf(line, sizeof line, "mean of %d: %.3f", n, n ? r->ap->mean.ap50 : 0);
    text(cr, LEFT + PLOT + 16, TOP + 26, 0, line);
    if (n > LEGEND) {
        snprintf(line, sizeof line, "and %d more", n - LEGEND);
        text(cr, LEFT + PLOT + 16, TOP + 36 + 22 * (LEGEND + 1), 0, line);
    }
    text(cr, LEFT, 24, 0, r->model);
    return end(s, cr, path);
}

int report_draw_confusion(const struct report *r, const char *path) {
    int side = r->data->n_categories + 1, named = side <= 40;
    double cell = named ? 22 : PLOT * 1.2 / side;
    int left = named ? 160 : LEFT, top = named ? 160 : TOP, size = (int)ceil(cell * side);
    cairo_t *cr;
    cairo_surface_t *s = begin(left + size + 20, top + size + BOTTOM, &cr);
    for (int t = 0; t < side; t++) {
        double sum = 0;
        for (int f = 0; f < side; f++) sum += (double)r->confusion[f * (long)side + t];
        for (int f = 0; f < side && sum > 0; f++) {
            double v = (double)r->confusion[f * (long)side + t] / sum;
            cairo_set_source_rgb(cr, 1 - v, 1 - 0.8 * v, 1 - 0.35 * v);
            cairo_rectangle(cr, left + t * cell, top + f * cell, cell, cell);
            cairo_fill(cr);
        }
    }
    cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
    cairo_set_line_width(cr, 1);
    cairo_rectangle(cr, left - 0.5, top - 0.5, cell * side + 1, cell * side + 1);
    cairo_stroke(cr);
    for (int k = 0; named && k < side; k++) {
        char name[32];
        snprintf(name, sizeof name, "%.20s",
                 k + 1 < side ? r->data->categories[k].name : "(nothing)");
        text(cr, left - 6, top + k * cell + 16, 1, name);
        cairo_save(cr);
        cairo_translate(cr, left + k * cell + 16, top - 6);
        cairo_rotate(cr, -1.5707963267948966);
        text(cr, 0, 0, 0, name);
        cairo_restore(cr);
    }
    text(cr, left, top + size + 24, 0, "columns: true; rows: found; the last is nothing");
    return end(s, cr, path);
}
