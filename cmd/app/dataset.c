/* SPDX-License-Identifier: Apache-2.0 */
#include "dataset.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "app.h"
#include "source.h"

enum { MAX_ITEMS = 20000000, MAX_CATEGORIES = 100000, MAX_LINE = 1 << 16 };

static int fail(const char *path, const char *what) {
    app_fail("eval", "%s %s", path, what);
    return -1;
}

/* Room for one more of an array that doubles. */
static int grow(void *array, int n, size_t item) {
    void **to = array;
    if (n && (n & (n - 1))) return 0;
    if (n >= MAX_ITEMS) return app_fail("eval", "more than %d labels or pictures", MAX_ITEMS), -1;
    void *wider = realloc(*to, (n ? 2 * (size_t)n : 1) * item);
    if (!wider) return app_fail("eval", "out of memory"), -1;
    *to = wider;
    return 0;
}

static int add_image(struct dataset *d, int64_t id, const char *path, int label) {
    if (grow(&d->images, d->n_images, sizeof *d->images)) return -1;
    d->images[d->n_images] = (struct dataset_image){id, strdup(path), label};
    if (!d->images[d->n_images].path) return app_fail("eval", "out of memory"), -1;
    d->n_images++;
    return 0;
}

static int add_category(struct dataset *d, int64_t id, const char *name) {
    if (d->n_categories >= MAX_CATEGORIES || grow(&d->categories, d->n_categories,
                                                  sizeof *d->categories))
        return fail(name, "is one category too many");
    d->categories[d->n_categories] = (struct dataset_category){id, strdup(name)};
    if (!d->categories[d->n_categories].name) return app_fail("eval", "out of memory"), -1;
    d->n_categories++;
    return 0;
}

static int add_truth(struct dataset *d, const struct ap_truth *t) {
    if (grow(&d->truths, d->n_truths, sizeof *d->truths)) return -1;
    d->truths[d->n_truths++] = *t;
    return 0;
}

static int image_by_id(const void *a, const void *b) {
    const struct dataset_image *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static int category_by_id(const void *a, const void *b) {
    const struct dataset_category *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

int dataset_find_image(const struct dataset *d, int64_t id) {
    const struct dataset_image key = {id, NULL, 0}, *found;
    if (!d->n_images) return -1;
    found = bsearch(&key, d->images, (size_t)d->n_images, sizeof key, image_by_id);
    return found ? (int)(found - d->images) : -1;
}

int dataset_find_category(const struct dataset *d, int64_t id) {
    const struct dataset_category key = {id, NULL}, *found;
    if (!d->n_categories) return -1;
    found = bsearch(&key, d->categories, (size_t)d->n_categories, sizeof key, category_by_id);
    return found ? (int)(found - d->categories) : -1;
}

static int is_folder(const char *path) {
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static int no_dots(const struct dirent *e) { return e->d_name[0] != '.'; }

/* ---- COCO ---- */

/* Where the pictures are, if nobody says: beside the annotations, or where COCO's own archives put
 * them: annotations/instances_val2017.json and val2017/. */
static int find_images(const char *annotations, const char *first, char folder[static PATH_MAX]) {
    char dir[PATH_MAX / 2], path[PATH_MAX], split[100] = "";
    const char *slash = strrchr(annotations, '/'), *name = slash ? slash + 1 : annotations;
    const char *mark = strchr(name, '_');
    if (mark) snprintf(split, sizeof split, "%.*s", (int)strcspn(mark + 1, "."), mark + 1);
    if (snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - annotations) : 1,
                 slash ? annotations : ".") >= (int)sizeof dir)
        return -1;
    const char *const forms[] = {"%s", "%s/images", "%s/../images", "%s/%s", "%s/../%s",
                                 "%s/../images/%s"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (i >= 3 && !*split) break;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(folder, PATH_MAX, forms[i], dir, split);
#pragma GCC diagnostic pop
        if (snprintf(path, sizeof path, "%s/%s", folder, first) < PATH_MAX && !access(path, R_OK))
            return 0;
    }
    return -1;
}

static int number_of(const json_t *o, const char *key, double *out) {
    const json_t *v = json_object_get(o, key);
    *out = json_number_value(v);
    return json_is_number(v) && isfinite(*out) ? 0 : -1;
}

static int read_coco_images(struct dataset *d, const json_t *list, const char *path,
                            const char *images) {
    char folder[PATH_MAX] = "", file[PATH_MAX];
    const char *first = json_string_value(json_object_get(json_array_get(list, 0), "file_name"));
    if (images) snprintf(folder, sizeof folder, "%s", images);
    else if (!first || find_images(path, first, folder))
        return fail(path, "names pictures that are not near it; say where with --images DIR");
    size_t i;
    const json_t *o;
    json_array_foreach(list, i, o) {
        const char *name = json_string_value(json_object_get(o, "file_name"));
        const json_t *id = json_object_get(o, "id");
        if (!json_is_integer(id) || (!name && *folder))
            return fail(path, "has an image without id or file_name");
        if (snprintf(file, sizeof file, "%s/%s", folder, name ? name : "") >= PATH_MAX)
            return fail(path, "has a file_name that is too long");
        if (add_image(d, json_integer_value(id), file, -1)) return -1;
    }
    qsort(d->images, (size_t)d->n_images, sizeof *d->images, image_by_id);
    for (int k = 1; k < d->n_images; k++)
        if (d->images[k].id == d->images[k - 1].id) return fail(path, "has two images of one id");
    return 0;
}

static int read_coco_truths(struct dataset *d, const json_t *list, const char *path) {
    size_t i;
    const json_t *o;
    json_array_foreach(list, i, o) {
        const json_t *box = json_object_get(o, "bbox"), *crowd = json_object_get(o, "iscrowd");
        int image = dataset_find_image(d, json_integer_value(json_object_get(o, "image_id")));
        int category =
            dataset_find_category(d, json_integer_value(json_object_get(o, "category_id")));
        if (image < 0 || category < 0 || json_array_size(box) != 4)
            return fail(path, "has an annotation of an image or category that it does not list, or "
                              "without a bbox of 4 numbers");
        double v[4];
        for (size_t k = 0; k < 4; k++) {
            v[k] = json_number_value(json_array_get(box, k));
            if (!json_is_number(json_array_get(box, k)) || !isfinite(v[k]))
                return fail(path, "has a bbox that is not 4 numbers");
        }
        struct ap_truth t = {.image = image, .category = category,
                             .x = v[0], .y = v[1], .w = v[2], .h = v[3], .area = v[2] * v[3],
                             .crowd = json_is_true(crowd) || json_number_value(crowd) != 0};
        number_of(o, "area", &t.area);
        if (!json_object_get(o, "area")) t.area = v[2] * v[3];
        if (add_truth(d, &t)) return -1;
    }
    return 0;
}

int dataset_fail_json(const char *path, const json_error_t *error) {
    /* Jansson counts no line where there is no file. */
    if (error->line < 1) return app_fail("eval", "%s", error->text);
    return app_fail("eval", "%s cannot be read: line %d: %s", path, error->line, error->text);
}

static int read_coco(struct dataset *d, const char *path, const char *images) {
    json_error_t error;
    json_t *root = json_load_file(path, JSON_DECODE_ANY, &error);
    if (!root) return dataset_fail_json(path, &error), -1;
    const json_t *categories = json_object_get(root, "categories"),
                 *list = json_object_get(root, "images"),
                 *annotations = json_object_get(root, "annotations");
    int status = 0;
    if (!json_is_array(categories) || !json_is_array(list) || !json_is_array(annotations) ||
        !json_array_size(list))
        status = fail(path, "is not COCO's: it needs images, annotations and categories");
    size_t i;
    const json_t *o;
    json_array_foreach(categories, i, o) {
        const char *name = json_string_value(json_object_get(o, "name"));
        const json_t *id = json_object_get(o, "id");
        if (status) break;
        if (!name || !json_is_integer(id)) status = fail(path, "has a category without id or name");
        else status = add_category(d, json_integer_value(id), name);
    }
    if (!status && d->n_categories)
        qsort(d->categories, (size_t)d->n_categories, sizeof *d->categories, category_by_id);
    if (!status) status = read_coco_images(d, list, path, images);
    if (!status) status = read_coco_truths(d, annotations, path);
    json_decref(root);
    return status;
}

/* ---- YOLO ---- */

/* Lines of a class and a box (centre, size), or of a class and a polygon, all in parts of the
 * picture. A picture without such a file shows nothing. */
static int read_yolo_labels(struct dataset *d, const char *path, int image) {
    FILE *f = fopen(path, "r");
    if (!f) return errno == ENOENT ? 0 : fail(path, "cannot be read");
    char *line = malloc(MAX_LINE);
    int status = line ? 0 : fail(path, "needs more memory");
    while (!status && fgets(line, MAX_LINE, f)) {
        char *at = line, *end;
        double v[6], low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
        int n = 0, bad = 0;
        for (;; n++, at = end) {
            double value = strtod(at, &end);
            if (end == at) break;
            if (n < 6) v[n] = value;
            bad |= !isfinite(value);
            if (n > 0) {
                int k = (n - 1) & 1;
                low[k] = fmin(low[k], value);
                high[k] = fmax(high[k], value);
            }
        }
        if (!n && !at[strspn(at, " \t\r\n")]) continue;
        if (at[strspn(at, " \t\r\n")] || bad || n < 5 || (n > 5 && n % 2 == 0) || v[0] < 0 ||
            v[0] >= MAX_CATEGORIES || v[0] != floor(v[0])) {
            status = fail(path, "has a line that is not a class and a box: "
                                "CLASS X Y WIDTH HEIGHT in parts of the picture");
            break;
        }
        struct ap_truth t = {.image = image, .category = (int)v[0]};
        if (n == 5) t.x = v[1] - v[3] / 2, t.y = v[2] - v[4] / 2, t.w = v[3], t.h = v[4];
        else t.x = low[0], t.y = low[1], t.w = high[0] - low[0], t.h = high[1] - low[1];
        status = add_truth(d, &t);
    }
    free(line);
    fclose(f);
    return status;
}

/* DIR/images/X.jpg and DIR/labels/X.txt; DIR/images/val if there; or DIR is such a folder of
 * pictures, and the labels are where its path says labels in the place of images. */
static int read_yolo(struct dataset *d, const char *path) {
    char images[PATH_MAX], labels[PATH_MAX], file[PATH_MAX], text[PATH_MAX];
    const char *const splits[] = {"images", "images/val", "images/val2017", "images/test"};
    int found = 0, n;
    struct dirent **names;
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        if (snprintf(text, sizeof text, "%s/%s", path, splits[i]) >= PATH_MAX || !is_folder(text))
            continue;
        strcpy(images, text);
        snprintf(labels, sizeof labels, "%.*s/labels%s", PATH_MAX - 40, path, splits[i] + 6);
        if ((found = is_folder(labels))) break;
    }
    const char *part = strstr(path, "images");
    if (!found && part && strlen(path) < PATH_MAX - 8) {
        for (const char *next; (next = strstr(part + 1, "images"));) part = next;
        snprintf(images, sizeof images, "%s", path);
        snprintf(labels, sizeof labels, "%.*slabels%s", (int)(part - path), path, part + 6);
        found = is_folder(labels);
    }
    if (!found)
        return fail(path, "is not laid out as YOLO's: folders images and labels are needed");
    n = scandir(images, &names, no_dots, alphasort);
    if (n < 0) return fail(images, "cannot be read");
    d->relative = 1;
    int status = 0;
    for (int i = 0; i < n; i++) {
        const char *dot = strrchr(names[i]->d_name, '.');
        if (!status && source_is_picture(names[i]->d_name)) {
            if (snprintf(file, sizeof file, "%s/%s", images, names[i]->d_name) >= PATH_MAX ||
                snprintf(text, sizeof text, "%s/%.*s.txt", labels, (int)(dot - names[i]->d_name),
                         names[i]->d_name) >= PATH_MAX)
                status = fail(images, "has a path that is too long");
            else status = add_image(d, d->n_images, file, -1);
            if (!status) status = read_yolo_labels(d, text, d->n_images - 1);
        }
        free(names[i]);
    }
    free(names);
    if (!status && !d->n_images) return fail(images, "holds no pictures");
    if (!status && !d->n_truths) return fail(labels, "holds no labels of these pictures");
    return status;
}

/* ---- ImageNet ---- */

/* labels.csv: the first column a file beside it, the second its class. */
static int read_csv(struct dataset *d, const char *folder, const char *csv) {
    char line[4096], file[PATH_MAX];
    FILE *f = fopen(csv, "r");
    if (!f) return fail(csv, "cannot be read");
    int status = 0;
    for (int number = 0; !status && fgets(line, sizeof line, f); number++) {
        line[strcspn(line, "\r\n")] = '\0';
        char *comma = strchr(line, ','), *end;
        long label = comma ? strtol(comma + 1, &end, 10) : 0;
        if (!*line) continue;
        if (!comma || end == comma + 1 || (*end && *end != ',') || label < 0 || label > 1000000) {
            if (number) status = fail(csv, "has a line that is not FILE,CLASS");
            continue; /* the header */
        }
        *comma = '\0';
        if (snprintf(file, sizeof file, "%s/%s", folder, line) >= PATH_MAX)
            status = fail(csv, "has a path that is too long");
        else status = add_image(d, d->n_images, file, (int)label);
    }
    fclose(f);
    return status;
}

static int read_imagenet(struct dataset *d, const char *path) {
    char folder[PATH_MAX], file[PATH_MAX];
    struct dirent **names, **inner;
    if (snprintf(file, sizeof file, "%s/labels.csv", path) < PATH_MAX && !access(file, R_OK))
        return read_csv(d, path, file) ? -1 : d->n_images ? 0 : fail(file, "names no pictures");
    int n = scandir(path, &names, no_dots, alphasort), status = 0;
    if (n < 0) return fail(path, "cannot be read");
    for (int i = 0; i < n; i++) {
        const int length = snprintf(folder, sizeof folder, "%s/%s", path, names[i]->d_name);
        if (!status && length < PATH_MAX && is_folder(folder)) {
            int m = scandir(folder, &inner, no_dots, alphasort);
            status = m < 0 ? fail(folder, "cannot be read")
                           : add_category(d, d->n_categories, names[i]->d_name);
            for (int k = 0; k < m; k++) {
                if (!status && source_is_picture(inner[k]->d_name)) {
                    if (snprintf(file, sizeof file, "%s/%s", folder, inner[k]->d_name) >= PATH_MAX)
                        status = fail(folder, "has a path that is too long");
                    else status = add_image(d, d->n_images, file, d->n_categories - 1);
                }
                free(inner[k]);
            }
            if (m >= 0) free(inner);
        }
        free(names[i]);
    }
    free(names);
    if (!status && !d->n_images)
        return fail(path, "holds neither labels.csv nor folders of pictures, one a class");
    return status;
}

/* ---- all ---- */

int dataset_open(enum dataset_kind kind, const char *path, const char *images,
                 struct dataset *out) {
    *out = (struct dataset){.kind = kind};
    if (kind == DATASET_COCO) return read_coco(out, path, images);
    if (kind == DATASET_YOLO) return read_yolo(out, path);
    return read_imagenet(out, path);
}

static int match_coco(struct dataset *d, const struct pk_labels *labels, int n_classes, int *map) {
    int matched = 0;
    for (int c = 0; c < n_classes; c++) {
        map[c] = -1;
        for (int k = 0; k < d->n_categories && map[c] < 0; k++)
            if (!strcasecmp(pk_label(labels, c), d->categories[k].name)) map[c] = k;
        matched += map[c] >= 0;
    }
    if (matched < n_classes && n_classes == d->n_categories) {
        for (int c = 0; c < n_classes; c++) map[c] = c;
        return 0;
    }
    if (matched < n_classes)
        fprintf(stderr, "prusik eval: %d of the network's %d classes are categories of the "
                        "annotations\n", matched, n_classes);
    return matched ? 0 : fail("--labels", "must name the network's classes as the annotations do");
}

/* A folder's name is a class's label, its number, or its place among as many. */
static int match_folders(struct dataset *d, const struct pk_labels *labels, int n_classes) {
    int *class_of = malloc(((size_t)d->n_categories + 1) * sizeof *class_of), unknown = -1;
    if (!class_of) return fail("eval", "is out of memory");
    for (int k = 0; k < d->n_categories; k++) {
        char *end;
        long number = strtol(d->categories[k].name, &end, 10);
        class_of[k] = pk_label_find(labels, d->categories[k].name);
        if (class_of[k] < 0 && end != d->categories[k].name && !*end && number >= 0)
            class_of[k] = number < n_classes ? (int)number : -1;
        if (class_of[k] < 0) unknown = k;
    }
    int status = 0;
    if (unknown >= 0 && d->n_categories == n_classes)
        for (int k = 0; k < n_classes; k++) class_of[k] = k;
    else if (unknown >= 0)
        status = app_fail("eval", "folder %s is no class of the network: name folders by number or "
                                  "by --labels, or have one for each of its %d classes",
                          d->categories[unknown].name, n_classes);
    for (int i = 0; !status && i < d->n_images; i++)
        d->images[i].label = class_of[d->images[i].label];
    free(class_of);
    return status;
}

int dataset_match(struct dataset *d, const struct pk_labels *labels, int n_classes, int *map) {
    for (int c = 0; c < n_classes; c++) map[c] = c;
    if (d->kind == DATASET_COCO) return match_coco(d, labels, n_classes, map);
    if (d->kind == DATASET_IMAGENET && d->n_categories && match_folders(d, labels, n_classes))
        return -1;
    for (int i = 0; d->kind == DATASET_IMAGENET && i < d->n_images; i++)
        if (d->images[i].label >= n_classes)
            return app_fail("eval", "%s is labelled %d; the network has classes 0 to %d",
                            d->images[i].path, d->images[i].label, n_classes - 1), -1;
    for (int i = 0; i < d->n_truths; i++)
        if (d->truths[i].category >= n_classes)
            return app_fail("eval", "%s is labelled %d; the network has classes 0 to %d",
                            d->images[d->truths[i].image].path, d->truths[i].category,
                            n_classes - 1), -1;
    for (int k = 0; k < d->n_categories; k++) free(d->categories[k].name);
    d->n_categories = 0;
    for (int c = 0; c < n_classes; c++)
        if (add_category(d, c, pk_label(labels, c))) return -1;
    return 0;
}

void dataset_scale(struct dataset *d, int image, int width, int height) {
    if (!d->relative) return;
    /* The first truth of the picture: those of YOLO were read picture after picture. */
    int first = 0, end = d->n_truths;
    while (first < end) {
        int mid = first + (end - first) / 2;
        if (d->truths[mid].image < image) first = mid + 1;
        else end = mid;
    }
    for (int i = first; i < d->n_truths && d->truths[i].image == image; i++) {
        struct ap_truth *t = &d->truths[i];
        t->x *= width, t->w *= width, t->y *= height, t->h *= height;
        t->area = t->w * t->h;
    }
}

void dataset_close(struct dataset *d) {
    for (int i = 0; i < d->n_images; i++) free(d->images[i].path);
    for (int i = 0; i < d->n_categories; i++) free(d->categories[i].name);
    free(d->images), free(d->categories), free(d->truths);
    *d = (struct dataset){0};
}
