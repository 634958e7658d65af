/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of protocol buffers; see textformat.h.
 *
 * One token of lookahead over the text; a message is a C function that calls itself for the
 * messages within it, so that depth is the budget that guards the stack. Values are written
 * straight into protobuf-c's structs: `offset` and `quantifier_offset` of a field descriptor say
 * where the value and its count, presence or oneof case lie. A repeated field's array doubles
 * within the arena whenever its count reaches a power of two.
 */
#include "import/textformat.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS_OF_TYPE = 512, NAME_BYTES = 128, SHOWN_BYTES = 40 };

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_SIGN };

struct token {
    enum token_kind kind;
    const char *text; /* TOKEN_STRING: with its quotes */
    size_t n;
    int line, column; /* of its first byte, from 1 */
};

struct reader {
    const char *name, *at, *end, *line_start;
    int line;
    struct token token; /* the next one, not yet taken */
    bool skip_unknown, keep_places;
    const ProtobufCMessageDescriptor *ignored;
    int depth, max_depth;
    size_t n_fields, max_fields;
    struct text_message *out;
};

#define FAIL_AT(r, t, code, format, ...)                                                           \
    FAIL(code, "%s:%d:%d: " format, (r)->name, (t)->line, (t)->column, ##__VA_ARGS__)
#define CHECK_AT(r, t, condition, code, format, ...)                                               \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) FAIL_AT(r, t, code, format, ##__VA_ARGS__);         \
    } while (0)
#define CHECK_MEMORY(r, p)                                                                         \
    CHECK(p, STATUS_MEMORY, "%s: reading it needs more memory than there is or than is granted to "\
          "a text of its size", (r)->name)

/* ---- nearest name ---- */

/* Edits that turn a into b: one letter more, less or other, or two swapped. */
static size_t distance(const char *a, const char *b) {
    enum { MOST = 64 };
    size_t n = strlen(a), m = strlen(b), rows[3][MOST + 1];
    if (n > MOST || m > MOST) return SIZE_MAX;
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; j++) last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = last[j - 1] + (tolower((unsigned char)a[i - 1]) !=
                                         tolower((unsigned char)b[j - 1]));
            if (last[j] + 1 < best) best = last[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[m];
}

const char *text_nearest(const char *name, size_t n, const char *const *names, size_t stride) {
    const char *nearest = NULL;
    size_t least = strlen(name) < 6 ? 1 : strlen(name) / 3; /* more edits make another word */
    for (size_t i = 0; i < n; i++) {
        const char *candidate = *(const char *const *)((const char *)names + i * stride);
        size_t d = candidate ? distance(name, candidate) : SIZE_MAX;
        if (d > least || (nearest && d == least)) continue;
        least = d;
        nearest = candidate;
    }
    return nearest;
}

/* "; is 'x' meant?", or nothing. */
static const char *suggest(const char *name, size_t n, const char *const *names, size_t stride,
                           char buf[static NAME_BYTES]) {
    const char *nearest = text_nearest(name, n, names, stride);
    buf[0] = '\0';
    if (nearest) snprintf(buf, NAME_BYTES, "; is '%.80s' meant?", nearest);
    return buf;
}

/* ---- tokens ---- */

static bool is_name_char(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* What stands at a token, for messages: the text itself, shortened and printable. */
static const char *shown(const struct token *t, char buf[static SHOWN_BYTES + 8]) {
    if (t->kind == TOKEN_END) return strcpy(buf, "the end of the text");
    size_t n = t->n < SHOWN_BYTES ? t->n : SHOWN_BYTES;
    buf[0] = '\'';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)t->text[i];
        buf[i + 1] = c < 32 || c == 127 ? '?' : (char)c;
    }
    strcpy(buf + n + 1, n < t->n ? "...'" : "'");
    return buf;
}

static void skip_blanks(struct reader *r) {
    for (; r->at < r->end; r->at++) {
        if (*r->at == '#') r->at = memchr(r->at, '\n', (size_t)(r->end - r->at));
        if (!r->at) r->at = r->end; /* a comment without a newline behind */
        if (r->at == r->end || !strchr(" \t\r\n\v\f", *r->at) || !*r->at) return;
        if (*r->at == '\n') {
            r->line++;
            r->line_start = r->at + 1;
        }
    }
}

static enum status scan_string(struct reader *r, const struct token *t) {
    char quote = *r->at++;
    while (r->at < r->end && *r->at != quote && *r->at != '\n')
        r->at += *r->at == '\\' && r->at + 1 < r->end && r->at[1] != '\n' ? 2 : 1;
    CHECK_AT(r, t, r->at < r->end && *r->at == quote, STATUS_FORMAT,
             "the text in quotes that begins here does not end on its line; close it with %c",
             quote);
    r->at++;
    return STATUS_OK;
}

static void scan_number(struct reader *r) {
    bool hex = r->end - r->at > 1 && r->at[0] == '0' && (r->at[1] | 32) == 'x';
    for (; r->at < r->end; r->at++) {
        bool sign = (*r->at == '+' || *r->at == '-') && !hex && (r->at[-1] | 32) == 'e';
        if (!is_name_char(*r->at) && *r->at != '.' && !sign) return;
    }
}

/* Reads the next token into r->token. */
static enum status next(struct reader *r) {
    skip_blanks(r);
    struct token *t = &r->token;
    *t = (struct token){.kind = TOKEN_END, .text = r->at, .line = r->line,
                        .column = (int)(r->at - r->line_start) + 1};
    if (r->at == r->end) return STATUS_OK;
    char c = *r->at;
    if (isdigit((unsigned char)c) ||
        (c == '.' && r->end - r->at > 1 && isdigit((unsigned char)r->at[1]))) {
        t->kind = TOKEN_NUMBER;
        scan_number(r);
    } else if (is_name_char(c)) {
        t->kind = TOKEN_NAME;
        while (r->at < r->end && is_name_char(*r->at)) r->at++;
    } else if (c == '"' || c == '\'') {
        t->kind = TOKEN_STRING;
        TRY(scan_string(r, t));
    } else {
        t->kind = TOKEN_SIGN;
        t->n = 1;
        char buf[SHOWN_BYTES + 8];
        CHECK_AT(r, t, c && strchr("{}<>[]:,;-./", c), STATUS_FORMAT,
                 "%s does not belong into a text of fields and values", shown(t, buf));
        r->at++;
    }
    t->n = (size_t)(r->at - t->text);
    return STATUS_OK;
}

static bool at_sign(const struct reader *r, char sign) {
    return r->token.kind == TOKEN_SIGN && *r->token.text == sign;
}

/* Takes the sign if it is there. */
static enum status take_sign(struct reader *r, char sign, bool *taken) {
    *taken = at_sign(r, sign);
    return *taken ? next(r) : STATUS_OK;
}

/* The token as a string of our own; false if it does not fit. */
static bool token_text(const struct token *t, char *buf, size_t n) {
    if (t->n >= n) return false;
    memcpy(buf, t->text, t->n);
    buf[t->n] = '\0';
    return true;
}

/* ---- fields nobody reads ---- */

static enum status skip_message(struct reader *r, char close);

static enum status skip_scalar(struct reader *r) {
    bool minus;
    char buf[SHOWN_BYTES + 8];
    TRY(take_sign(r, '-', &minus));
    CHECK_AT(r, &r->token, r->token.kind != TOKEN_END && r->token.kind != TOKEN_SIGN, STATUS_FORMAT,
             "expected a value, found %s", shown(&r->token, buf));
    bool string = r->token.kind == TOKEN_STRING;
    do TRY(next(r));
    while (string && r->token.kind == TOKEN_STRING);
    return STATUS_OK;
}

static enum status skip_one(struct reader *r) {
    CHECK_AT(r, &r->token, r->n_fields++ < r->max_fields, STATUS_LIMIT,
             "there are more than %zu values", r->max_fields);
    bool brace, angle;
    TRY(take_sign(r, '{', &brace));
    if (brace) return skip_message(r, '}');
    TRY(take_sign(r, '<', &angle));
    return angle ? skip_message(r, '>') : skip_scalar(r);
}

static enum status skip_value(struct reader *r) {
    bool list, more;
    char buf[SHOWN_BYTES + 8];
    TRY(take_sign(r, '[', &list));
    if (!list) return skip_one(r);
    for (more = !at_sign(r, ']'); more;) {
        TRY(skip_one(r));
        TRY(take_sign(r, ',', &more));
    }
    CHECK_AT(r, &r->token, at_sign(r, ']'), STATUS_FORMAT, "expected ',' or ']', found %s",
             shown(&r->token, buf));
    return next(r);
}

/* The ':' between a field's name and its value, which a message may leave out. */
static enum status take_colon(struct reader *r, const char *field, bool message) {
    bool colon;
    char buf[SHOWN_BYTES + 8];
    TRY(take_sign(r, ':', &colon));
    bool open = at_sign(r, '{') || at_sign(r, '<');
    if (colon || (message && (open || at_sign(r, '[')))) return STATUS_OK;
    CHECK_AT(r, &r->token, !open, STATUS_FORMAT,
             "field '%s' is no message with fields of its own; write '%s: value'", field, field);
    FAIL_AT(r, &r->token, STATUS_FORMAT, "expected ':'%s after '%s', found %s",
            message ? " or '{'" : "", field, shown(&r->token, buf));
}

static enum status take_separator(struct reader *r) {
    return at_sign(r, ',') || at_sign(r, ';') ? next(r) : STATUS_OK;
}

/* An extension or the address of an Any: [a.b/c]. */
static enum status skip_bracketed(struct reader *r) {
    char buf[SHOWN_BYTES + 8];
    do TRY(next(r));
    while (r->token.kind == TOKEN_NAME || r->token.kind == TOKEN_NUMBER || at_sign(r, '.') ||
           at_sign(r, '/') || at_sign(r, '-'));
    CHECK_AT(r, &r->token, at_sign(r, ']'), STATUS_FORMAT, "expected ']', found %s",
             shown(&r->token, buf));
    return next(r);
}

static enum status skip_field(struct reader *r) {
    char buf[SHOWN_BYTES + 8];
    if (at_sign(r, '[')) {
        TRY(skip_bracketed(r));
    } else {
        CHECK_AT(r, &r->token, r->token.kind == TOKEN_NAME, STATUS_FORMAT,
                 "expected the name of a field, found %s", shown(&r->token, buf));
        TRY(next(r));
    }
    TRY(take_colon(r, "this field", true));
    TRY(skip_value(r));
    return take_separator(r);
}

static enum status skip_message(struct reader *r, char close) {
    CHECK_AT(r, &r->token, ++r->depth <= r->max_depth, STATUS_LIMIT,
             "messages are nested more than %d deep", r->max_depth);
    while (!at_sign(r, close)) TRY(skip_field(r));
    r->depth--;
    return next(r);
}

/* ---- scalars ---- */

/* A number's token with its sign, as text that the C library reads. */
static enum status take_number(struct reader *r, const char *field, const char *wanted,
                               struct token *at, char buf[static NAME_BYTES]) {
    char show[SHOWN_BYTES + 8];
    bool minus;
    *at = r->token;
    TRY(take_sign(r, '-', &minus));
    CHECK_AT(r, &r->token, r->token.kind == TOKEN_NUMBER || r->token.kind == TOKEN_NAME,
             STATUS_FORMAT, "field '%s' takes %s, found %s", field, wanted,
             shown(&r->token, show));
    buf[0] = minus ? '-' : '+';
    CHECK_AT(r, &r->token, token_text(&r->token, buf + 1, NAME_BYTES - 1), STATUS_FORMAT,
             "field '%s' takes %s; this is too long for one", field, wanted);
    return next(r);
}

static enum status take_integer(struct reader *r, const char *field, bool is_signed, int bits,
                                uint64_t *out) {
    char text[NAME_BYTES], *stop;
    struct token at;
    const char *wanted = is_signed ? "an integer" : "an integer of 0 or more";
    TRY(take_number(r, field, wanted, &at, text));
    errno = 0;
    uint64_t v = strtoull(text + 1, &stop, 0);
    CHECK_AT(r, &at, isdigit((unsigned char)text[1]) && !*stop, STATUS_FORMAT,
             "field '%s' takes %s, found '%s'", field, wanted, text + (*text == '+'));
    bool minus = *text == '-';
    uint64_t most = !is_signed ? UINT64_MAX >> (64 - bits) : (UINT64_C(1) << (bits - 1)) - !minus;
    CHECK_AT(r, &at, !errno && v <= most && (is_signed || !minus || !v), STATUS_FORMAT,
             "field '%s': %s does not fit into %s integer of %d bits", field,
             text + (*text == '+'), is_signed ? "a signed" : "an unsigned", bits);
    *out = minus ? 0 - v : v;
    return STATUS_OK;
}

static enum status take_real(struct reader *r, const char *field, bool is_float, double *out) {
    char text[NAME_BYTES], *stop;
    struct token at;
    TRY(take_number(r, field, "a number", &at, text));
    char *body = text + 1;
    size_t n = strlen(body);
    /* Hexadecimal and octal, which the C library would read or misread, are for integers. */
    bool word = !strcasecmp(body, "inf") || !strcasecmp(body, "infinity") ||
                !strcasecmp(body, "nan");
    bool decimal = *body == '.' || isdigit((unsigned char)*body);
    bool octal = n > 1 && body[0] == '0' && strspn(body, "0123456789") == n &&
                 strspn(body, "0") < n;
    if (decimal && n > 1 && (body[n - 1] | 32) == 'f' && (body[1] | 32) != 'x') body[n - 1] = '\0';
    *out = is_float ? (double)strtof(text, &stop) : strtod(text, &stop);
    CHECK_AT(r, &at, (word || decimal) && !octal && !strpbrk(body, word ? "" : "xXpP") && !*stop,
             STATUS_FORMAT, "field '%s' takes a number such as 1, -0.5 or 1e-3, found '%s'", field,
             text + (*text == '+'));
    CHECK_AT(r, &at, word || isfinite(*out), STATUS_FORMAT, "field '%s': %s is too large for a %s",
             field, text + (*text == '+'), is_float ? "float" : "double");
    return STATUS_OK;
}

static enum status take_bool(struct reader *r, const char *field, protobuf_c_boolean *out) {
    static const char *const words[] = {"false", "true", "False", "True", "f", "t", "0", "1"};
    char text[NAME_BYTES], buf[SHOWN_BYTES + 8];
    bool fits = r->token.kind != TOKEN_STRING && token_text(&r->token, text, sizeof text);
    for (size_t i = 0; fits && i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(text, words[i])) {
            *out = i % 2;
            return next(r);
        }
    FAIL_AT(r, &r->token, STATUS_FORMAT, "field '%s' takes true or false, found %s", field,
            shown(&r->token, buf));
}

static enum status take_enum(struct reader *r, const ProtobufCFieldDescriptor *f, int *out) {
    const ProtobufCEnumDescriptor *type = f->descriptor;
    char text[NAME_BYTES], near[NAME_BYTES], buf[SHOWN_BYTES + 8];
    struct token at = r->token;
    if (at.kind == TOKEN_NUMBER || at_sign(r, '-')) {
        uint64_t v;
        TRY(take_integer(r, f->name, true, 32, &v));
        *out = (int)(int64_t)v;
        CHECK_AT(r, &at, protobuf_c_enum_descriptor_get_value(type, *out), STATUS_FORMAT,
                 "field '%s': %s has no value %d", f->name, type->short_name, *out);
        return STATUS_OK;
    }
    CHECK_AT(r, &at, at.kind == TOKEN_NAME && token_text(&at, text, sizeof text), STATUS_FORMAT,
             "field '%s' takes a name of %s such as %s, without quotes; found %s", f->name,
             type->short_name, type->n_values ? type->values[0].name : "none", shown(&at, buf));
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value_by_name(type, text);
    CHECK_AT(r, &at, v, STATUS_FORMAT, "field '%s': %s has no value '%s'%s", f->name,
             type->short_name, text,
             suggest(text, type->n_values, type->n_values ? &type->values[0].name : NULL,
                     sizeof type->values[0], near));
    *out = v->value;
    return next(r);
}

/* ---- strings ---- */

static int digit_of(char c) {
    if (isdigit((unsigned char)c)) return c - '0';
    return isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : 99;
}

/* Up to `most` digits of a base behind *s; returns how many there were. */
static int take_digits(const char **s, const char *end, int base, int most, uint32_t *out) {
    int n = 0;
    for (*out = 0; n < most && *s < end && digit_of(**s) < base; n++)
        *out = *out * (uint32_t)base + (uint32_t)digit_of(*(*s)++);
    return n;
}

static char *put_utf8(char *to, uint32_t c) {
    static const struct {
        uint32_t most;
        uint8_t lead;
        int more;
    } forms[] = {{0x7f, 0, 0}, {0x7ff, 0xc0, 1}, {0xffff, 0xe0, 2}, {0x10ffff, 0xf0, 3}};
    int k = 0;
    while (c > forms[k].most) k++;
    *to++ = (char)(forms[k].lead | c >> 6 * forms[k].more);
    for (int i = forms[k].more; i-- > 0;) *to++ = (char)(0x80 | (c >> 6 * i & 63));
    return to;
}

/* One escape behind its backslash. No escape is longer as bytes than as written. */
static enum status take_escape(struct reader *r, const struct token *t, const char **s,
                               const char *end, char **to) {
    static const char plain[] = "abfnrtv\\'\"?", meant[] = "\a\b\f\n\r\t\v\\'\"?";
    uint32_t v;
    if (take_digits(s, end, 8, 3, &v)) {
        CHECK_AT(r, t, v < 256, STATUS_FORMAT, "the text has an octal escape beyond \\377");
        *(*to)++ = (char)v;
        return STATUS_OK;
    }
    char c = *(*s)++;
    const char *known = c ? strchr(plain, c) : NULL;
    if (known) {
        *(*to)++ = meant[known - plain];
    } else if (c == 'x' || c == 'X') {
        CHECK_AT(r, t, take_digits(s, end, 16, 2, &v), STATUS_FORMAT,
                 "the text has \\x without a hexadecimal digit behind");
        *(*to)++ = (char)v;
    } else if (c == 'u' || c == 'U') {
        int digits = c == 'u' ? 4 : 8;
        CHECK_AT(r, t, take_digits(s, end, 16, digits, &v) == digits && v <= 0x10ffff &&
                           (v < 0xd800 || v > 0xdfff), STATUS_FORMAT,
                 "the text has \\%c without the %d hexadecimal digits of a character behind", c,
                 digits);
        *to = put_utf8(*to, v);
    } else {
        FAIL_AT(r, t, STATUS_FORMAT, "the text has an escape that does not exist; write \\\\ for a "
                "backslash");
    }
    return STATUS_OK;
}

/* Neighbouring texts in quotes become one. */
static enum status take_string(struct reader *r, const char *field, ProtobufCBinaryData *out) {
    char buf[SHOWN_BYTES + 8];
    CHECK_AT(r, &r->token, r->token.kind == TOKEN_STRING, STATUS_FORMAT,
             "field '%s' takes text in quotes, found %s", field, shown(&r->token, buf));
    size_t n = 0, room = 0;
    char *bytes = NULL;
    while (r->token.kind == TOKEN_STRING) {
        struct token t = r->token;
        const char *s = t.text + 1, *end = t.text + t.n - 1;
        if (n + t.n > room) { /* its two quotes leave place for the NUL */
            room = n ? 2 * (n + t.n) : t.n;
            char *wider = arena_alloc(&r->out->arena, room);
            CHECK_MEMORY(r, wider);
            if (n) memcpy(wider, bytes, n);
            bytes = wider;
        }
        char *to = bytes + n;
        while (s < end) {
            if (*s == '\\') {
                s++;
                TRY(take_escape(r, &t, &s, end, &to));
            } else {
                *to++ = *s++;
            }
        }
        n = (size_t)(to - bytes);
        TRY(next(r));
    }
    *out = (ProtobufCBinaryData){.len = n, .data = (uint8_t *)bytes};
    return STATUS_OK;
}

/* ---- values into structs ---- */

static size_t size_of_value(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return 8;
    case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_ENUM: return sizeof(int);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    default: return 4;
    }
}

static enum status read_message(struct reader *r, const ProtobufCMessageDescriptor *type,
                                const struct token *open, ProtobufCMessage **out);

static enum status read_value(struct reader *r, const ProtobufCFieldDescriptor *f, void *to) {
    CHECK_AT(r, &r->token, r->n_fields++ < r->max_fields, STATUS_LIMIT,
             "there are more than %zu values", r->max_fields);
    union {
        uint64_t u;
        double d;
        ProtobufCBinaryData bytes;
    } v;
    char buf[SHOWN_BYTES + 8];
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        TRY(take_integer(r, f->name, true, 32, &v.u));
        *(int32_t *)to = (int32_t)(int64_t)v.u;
        return STATUS_OK;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        TRY(take_integer(r, f->name, false, 32, &v.u));
        *(uint32_t *)to = (uint32_t)v.u;
        return STATUS_OK;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64: return take_integer(r, f->name, true, 64, to);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: return take_integer(r, f->name, false, 64, to);
    case PROTOBUF_C_TYPE_FLOAT:
        TRY(take_real(r, f->name, true, &v.d));
        *(float *)to = (float)v.d;
        return STATUS_OK;
    case PROTOBUF_C_TYPE_DOUBLE: return take_real(r, f->name, false, to);
    case PROTOBUF_C_TYPE_BOOL: return take_bool(r, f->name, to);
    case PROTOBUF_C_TYPE_ENUM: return take_enum(r, f, to);
    case PROTOBUF_C_TYPE_BYTES: return take_string(r, f->name, to);
    case PROTOBUF_C_TYPE_STRING: {
        struct token at = r->token;
        TRY(take_string(r, f->name, &v.bytes));
        CHECK_AT(r, &at, !memchr(v.bytes.data, 0, v.bytes.len), STATUS_FORMAT,
                 "field '%s': the text has a zero byte", f->name);
        *(char **)to = (char *)v.bytes.data;
        return STATUS_OK;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        struct token open = r->token;
        CHECK_AT(r, &r->token, at_sign(r, '{') || at_sign(r, '<'), STATUS_FORMAT,
                 "field '%s' has fields of its own; expected '{', found %s", f->name,
                 shown(&r->token, buf));
        TRY(next(r));
        return read_message(r, f->descriptor, &open, to);
    }
    }
    FAIL_AT(r, &r->token, STATUS_INTERNAL, "field '%s' has an unknown type", f->name);
}

/* Room for one more element of a repeated field; its count grows once it has been read. */
static enum status grow(struct reader *r, const ProtobufCFieldDescriptor *f, char *message,
                        void **out) {
    size_t *n = (size_t *)(void *)(message + f->quantifier_offset), bytes = size_of_value(f->type);
    void **array = (void **)(void *)(message + f->offset);
    if (!(*n & (*n - 1))) { /* 0 or a power of two: full */
        void *wider = arena_calloc(&r->out->arena, *n ? 2 * *n : 1, bytes);
        CHECK_MEMORY(r, wider);
        if (*n) memcpy(wider, *array, *n * bytes);
        *array = wider;
    }
    *out = (char *)*array + *n * bytes;
    return STATUS_OK;
}

static enum status read_repeated(struct reader *r, const ProtobufCFieldDescriptor *f,
                                 char *message) {
    bool list, more = true;
    char buf[SHOWN_BYTES + 8];
    TRY(take_sign(r, '[', &list));
    if (list) TRY(take_sign(r, ']', &more));
    if (list && more) return STATUS_OK; /* [] */
    for (more = true; more;) {
        void *to;
        TRY(grow(r, f, message, &to));
        TRY(read_value(r, f, to));
        ++*(size_t *)(void *)(message + f->quantifier_offset);
        more = false;
        if (list) TRY(take_sign(r, ',', &more));
    }
    if (!list) return STATUS_OK;
    CHECK_AT(r, &r->token, at_sign(r, ']'), STATUS_FORMAT, "expected ',' or ']', found %s",
             shown(&r->token, buf));
    return next(r);
}

static enum status read_singular(struct reader *r, const ProtobufCFieldDescriptor *f,
                                 char *message) {
    CHECK_AT(r, &r->token, !at_sign(r, '['), STATUS_FORMAT,
             "field '%s' takes one value, found a list", f->name);
    TRY(read_value(r, f, message + f->offset));
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        *(uint32_t *)(void *)(message + f->quantifier_offset) = f->id;
    else if (f->quantifier_offset && f->label == PROTOBUF_C_LABEL_OPTIONAL)
        *(protobuf_c_boolean *)(void *)(message + f->quantifier_offset) = 1;
    return STATUS_OK;
}

/* ---- fields and messages ---- */

static enum status unknown_field(struct reader *r, const ProtobufCMessageDescriptor *type,
                                 const struct token *name) {
    char text[NAME_BYTES], near[NAME_BYTES], buf[SHOWN_BYTES + 8];
    if (type == r->ignored) return skip_field(r);
    near[0] = '\0';
    if (token_text(name, text, sizeof text) && type->n_fields)
        suggest(text, type->n_fields, &type->fields[0].name, sizeof type->fields[0], near);
    CHECK_AT(r, name, r->skip_unknown, STATUS_FORMAT, "%s has no field %s%s", type->short_name,
             shown(name, buf), near);
    struct text_message *m = r->out;
    if (m->n_warnings < TEXT_MAX_WARNINGS) {
        const char *w = arena_printf(&m->arena, "%s:%d:%d: %s has no field %s%s", r->name,
                                     name->line, name->column, type->short_name, shown(name, buf),
                                     near);
        CHECK_MEMORY(r, w);
        m->warnings[m->n_warnings] = w;
    }
    m->n_warnings++;
    return skip_field(r);
}

/* What a message has been given so far, by index in its descriptor. */
struct seen {
    uint64_t bits[MAX_FIELDS_OF_TYPE / 64];
};

static bool has_seen(const struct seen *s, unsigned i) { return s->bits[i / 64] >> i % 64 & 1; }

static enum status check_once(struct reader *r, const ProtobufCMessageDescriptor *type, unsigned at,
                              const struct token *name, struct seen *seen) {
    const ProtobufCFieldDescriptor *f = &type->fields[at];
    if (f->label == PROTOBUF_C_LABEL_REPEATED) return STATUS_OK;
    CHECK_AT(r, name, !has_seen(seen, at), STATUS_FORMAT,
             "field '%s' of %s is given twice; it takes one value", f->name, type->short_name);
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        for (unsigned i = 0; i < type->n_fields; i++)
            CHECK_AT(r, name, !(type->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
                                  type->fields[i].quantifier_offset != f->quantifier_offset ||
                                  !has_seen(seen, i), STATUS_FORMAT,
                     "fields '%s' and '%s' of %s exclude each other", type->fields[i].name, f->name,
                     type->short_name);
    seen->bits[at / 64] |= UINT64_C(1) << at % 64;
    return STATUS_OK;
}

static enum status keep_place(struct reader *r, const ProtobufCMessage *message, const char *field,
                              const struct token *at) {
    if (!r->keep_places) return STATUS_OK;
    struct text_place *p = arena_alloc(&r->out->arena, sizeof *p);
    CHECK_MEMORY(r, p);
    *p = (struct text_place){r->out->places, message, field, at->line, at->column};
    r->out->places = p;
    return STATUS_OK;
}

static enum status read_field(struct reader *r, ProtobufCMessage *message, struct seen *seen) {
    const ProtobufCMessageDescriptor *type = message->descriptor;
    char text[NAME_BYTES], buf[SHOWN_BYTES + 8];
    struct token name = r->token;
    if (at_sign(r, '[')) return unknown_field(r, type, &name);
    CHECK_AT(r, &name, name.kind == TOKEN_NAME, STATUS_FORMAT,
             "expected the name of a field of %s, found %s", type->short_name, shown(&name, buf));
    const ProtobufCFieldDescriptor *f = NULL;
    if (token_text(&name, text, sizeof text - 1)) {
        f = protobuf_c_message_descriptor_get_field_by_name(type, text);
        if (!f) f = protobuf_c_message_descriptor_get_field_by_name(type, strcat(text, "_"));
    }
    if (!f) return unknown_field(r, type, &name);
    TRY(check_once(r, type, (unsigned)(f - type->fields), &name, seen));
    TRY(keep_place(r, message, f->name, &name));
    TRY(next(r));
    TRY(take_colon(r, f->name, f->type == PROTOBUF_C_TYPE_MESSAGE));
    if (f->label == PROTOBUF_C_LABEL_REPEATED) TRY(read_repeated(r, f, (char *)message));
    else TRY(read_singular(r, f, (char *)message));
    return take_separator(r);
}

/* What stands behind `open`, up to and with the sign that closes it, or, where that is no sign, to
 * the end of the text. */
static enum status read_message(struct reader *r, const ProtobufCMessageDescriptor *type,
                                const struct token *open, ProtobufCMessage **out) {
    struct seen seen = {0};
    char buf[SHOWN_BYTES + 8];
    char close = open->kind != TOKEN_SIGN ? '\0' : *open->text == '{' ? '}' : '>';
    CHECK_AT(r, open, ++r->depth <= r->max_depth, STATUS_LIMIT,
             "messages are nested more than %d deep", r->max_depth);
    CHECK(type->n_fields <= MAX_FIELDS_OF_TYPE, STATUS_INTERNAL, "%s has %u fields",
          type->short_name, type->n_fields);
    ProtobufCMessage *m = arena_alloc(&r->out->arena, type->sizeof_message);
    CHECK_MEMORY(r, m);
    protobuf_c_message_init(type, m);
    while (close ? !at_sign(r, close) : r->token.kind != TOKEN_END) {
        CHECK_AT(r, &r->token, r->token.kind != TOKEN_END, STATUS_FORMAT,
                 "the text ends within %s, which begins at line %d; expected '%c'",
                 type->short_name, open->line, close);
        CHECK_AT(r, &r->token, !at_sign(r, '}') && !at_sign(r, '>'), STATUS_FORMAT,
                 "%s closes nothing that is open here", shown(&r->token, buf));
        TRY(read_field(r, m, &seen));
    }
    for (unsigned i = 0; i < type->n_fields; i++)
        CHECK_AT(r, open, type->fields[i].label != PROTOBUF_C_LABEL_REQUIRED || has_seen(&seen, i),
                 STATUS_FORMAT, "%s lacks its field '%s'", type->short_name, type->fields[i].name);
    r->depth--;
    *out = m;
    return close ? next(r) : STATUS_OK;
}

enum status text_unpack(const ProtobufCMessageDescriptor *type, const char *text, size_t n_bytes,
                        const struct text_options *options, struct text_message *out) {
    *out = (struct text_message){0};
    struct reader r = {
        .name = options && options->name ? options->name : "text",
        .at = text, .end = text + n_bytes, .line_start = text, .line = 1,
        .skip_unknown = options && options->skip_unknown,
        .keep_places = options && options->keep_places,
        .ignored = options ? options->ignored : NULL,
        .max_depth = options && options->max_depth ? options->max_depth : 64,
        .max_fields = options && options->max_fields ? options->max_fields : (size_t)4 << 20,
        .out = out,
    };
    if (n_bytes >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) r.at = r.line_start += 3; /* a BOM */
    size_t max_bytes = options && options->max_bytes ? options->max_bytes : (size_t)64 << 20;
    CHECK(n_bytes <= max_bytes, STATUS_LIMIT, "%s has %zu bytes; a text of fields may have %zu",
          r.name, n_bytes, max_bytes);
    /* "a{}" is the least text that makes a struct; honest texts need far less per byte. */
    arena_init(&out->arena, ((size_t)64 << 20) + 64 * n_bytes);
    /* The program we live in may have chosen a locale with decimal commas. */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), old = c ? uselocale(c) : (locale_t)0;
    const struct token start = {.kind = TOKEN_END, .line = 1, .column = 1};
    enum status s = next(&r);
    if (s == STATUS_OK) s = read_message(&r, type, &start, &out->message);
    if (c) {
        uselocale(old);
        freelocale(c);
    }
    if (s != STATUS_OK) text_message_deinit(out);
    return s;
}

void text_message_deinit(struct text_message *m) {
    arena_deinit(&m->arena);
    m->message = NULL;
    m->places = NULL;
}

const struct text_place *text_place(const struct text_message *m, const ProtobufCMessage *message,
                                    const char *field) {
    const struct text_place *p = m->places;
    while (p && (p->message != message || strcmp(p->field, field))) p = p->next;
    return p;
}
