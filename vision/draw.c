/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes and labels, with Cairo. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cairo.h>

#include "internal.h"

/* Colours far apart for neighbouring classes: hues by the golden angle. */
static void colour_of(int class_id, double rgb[3]) {
    double hue = fmod((double)class_id * 0.61803398875 + 0.02, 1.0) * 6;
    for (int c = 0; c < 3; c++) {
        double x = fabs(fmod(hue + (c == 0 ? 3 : c == 1 ? 1 : 5), 6) - 3) - 1;
        rgb[c] = 0.15 + 0.8 * (x < 0 ? 0 : x > 1 ? 1 : x);
    }
}

struct area {
    double x, y, width, height;
};

enum { MAX_PLACED = 300 };
struct placed {
    int n;
    struct area areas[MAX_PLACED];
};

/* The label that stands where `a` would; NULL when there is none. */
static const struct area *in_the_way(const struct placed *p, const struct area *a) {
    for (int i = 0; i < p->n; i++) {
        const struct area *b = &p->areas[i];
        if (a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
            b->y < a->y + a->height)
            return b;
    }
    return NULL;
}

/* Above the box, or lower where that is outside or another label stands already. */
static void draw_label(cairo_t *cr, const struct pk_detection *d, const char *text, double size,
                       double line, int width, struct placed *placed) {
    double rgb[3];
    cairo_text_extents_t extents;
    cairo_text_extents(cr, text, &extents);
    struct area a = {d->x1 - line / 2, 0, extents.x_advance + size * 0.5, size * 1.3};
    a.y = d->y1 - a.height;
    if (a.x + a.width > width) a.x = width - a.width;
    if (a.x < 0) a.x = 0;
    if (!(a.y >= 0)) a.y = d->y1 > 0 ? d->y1 : 0;
    const struct area *other;
    for (int tries = 0; tries < 8 && (other = in_the_way(placed, &a)); tries++)
        a.y = other->y + other->height;
    if (placed->n < MAX_PLACED) placed->areas[placed->n++] = a;
    colour_of(d->class_id, rgb);
    cairo_set_source_rgb(cr, rgb[0], rgb[1], rgb[2]);
    cairo_rectangle(cr, a.x, a.y, a.width, a.height);
    cairo_fill(cr);
    double light = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    cairo_set_source_rgb(cr, light < 0.55, light < 0.55, light < 0.55);
    cairo_move_to(cr, a.x + size * 0.25, a.y + size);
    cairo_show_text(cr, text);
}

/* What is to be drawn: detections, or else classes. */
struct drawing {
    const struct pk_detection *detections;
    const struct pk_class *classes;
    int n;
    const struct pk_labels *labels;
    struct pk_style style;
};

/* "dog 0.93", or less where the style says so; 0 when nothing is left. */
static int make_text(const struct drawing *g, int class_id, float score, char text[static 160]) {
    if (g->style.hide_labels) return 0;
    if (g->style.hide_scores) snprintf(text, 160, "%.120s", pk_label(g->labels, class_id));
    else snprintf(text, 160, "%.120s %.2f", pk_label(g->labels, class_id), score);
    return 1;
}

static void draw_all(cairo_t *cr, int width, int height, const struct drawing *g) {
    const struct pk_detection *d = g->detections;
    int n = g->n;
    double side = width > height ? width : height,
           line = g->style.line_width > 0 ? g->style.line_width : fmax(2, side / 320),
           size = fmax(12, side / 45);
    struct placed placed = {.n = 0};
    char text[160];
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    cairo_set_font_size(cr, size);
    cairo_set_line_width(cr, line);
    for (int i = 0; !d && i < n; i++) {
        struct pk_detection corner = {.class_id = g->classes[i].class_id};
        if (make_text(g, corner.class_id, g->classes[i].score, text))
            draw_label(cr, &corner, text, size, line, width, &placed);
    }
    if (!d) return;
    /* The best box last, so that it is on top; the best label first, so that it stands where it
     * should. */
    for (int i = n - 1; i >= 0; i--) {
        double rgb[3];
        colour_of(d[i].class_id, rgb);
        cairo_set_source_rgb(cr, rgb[0], rgb[1], rgb[2]);
        cairo_rectangle(cr, d[i].x1, d[i].y1, d[i].x2 - d[i].x1, d[i].y2 - d[i].y1);
        cairo_stroke(cr);
    }
    for (int i = 0; i < n; i++) {
        if (make_text(g, d[i].class_id, d[i].score, text))
            draw_label(cr, &d[i], text, size, line, width, &placed);
    }
}

static int draw(struct pk_image *image, const struct drawing *g) {
    int w = image->width, h = image->height;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
    if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
        int result = pk_fail("cannot draw on a picture of %d x %d: %s", w, h,
                             cairo_status_to_string(cairo_surface_status(surface)));
        cairo_surface_destroy(surface);
        return result;
    }
    size_t stride = (size_t)cairo_image_surface_get_stride(surface);
    unsigned char *pixels = cairo_image_surface_get_data(surface);
    for (int y = 0; y < h; y++) {
        uint32_t *row = (uint32_t *)(void *)(pixels + (size_t)y * stride);
        const uint8_t *rgb = image->rgb + (size_t)y * (size_t)w * 3;
        for (int x = 0; x < w; x++)
            row[x] = (uint32_t)rgb[3 * x] << 16 | (uint32_t)rgb[3 * x + 1] << 8 | rgb[3 * x + 2];
    }
    cairo_surface_mark_dirty(surface);
    cairo_t *cr = cairo_create(surface);
    draw_all(cr, w, h, g);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    cairo_surface_flush(surface);
    for (int y = 0; y < h; y++) {
        const uint32_t *row = (const uint32_t *)(void *)(pixels + (size_t)y * stride);
        uint8_t *rgb = image->rgb + (size_t)y * (size_t)w * 3;
        for (int x = 0; x < w; x++) {
            rgb[3 * x] = (uint8_t)(row[x] >> 16);
            rgb[3 * x + 1] = (uint8_t)(row[x] >> 8);
            rgb[3 * x + 2] = (uint8_t)row[x];
        }
    }
    cairo_surface_destroy(surface);
    return status == CAIRO_STATUS_SUCCESS
               ? 0
               : pk_fail("cannot draw: %s", cairo_status_to_string(status));
}

static const struct pk_style plain;

int pk_draw(struct pk_image *image, const struct pk_detection *d, int n,
            const struct pk_labels *labels, const struct pk_style *style) {
    struct drawing g = {d, NULL, n, labels, style ? *style : plain};
    return n > 0 ? draw(image, &g) : 0;
}

int pk_draw_classes(struct pk_image *image, const struct pk_class *c, int n,
                    const struct pk_labels *labels, const struct pk_style *style) {
    struct drawing g = {NULL, c, n, labels, style ? *style : plain};
    return n > 0 ? draw(image, &g) : 0;
}
