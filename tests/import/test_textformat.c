/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of protocol buffers: what it reads, and what it says of everything else.
 *
 * With the argument "pack" this program is a filter instead: text of a Kinds message in, its binary
 * form out; test_textformat.py holds that against Google's own reader.
 */
#include "../check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/textformat.h"
#include "textformat.pb-c.h"

static enum status unpack(const char *text, bool skip, struct text_message *m) {
    return text_unpack(&kinds__kinds__descriptor, text, strlen(text),
                       &(struct text_options){.name = "k.cfg", .skip_unknown = skip}, m);
}

#define KINDS(m) ((const Kinds__Kinds *)(m).message)

static void every_kind_is_read(void **state) {
    struct text_message m;
    assert_ok(unpack("i32: -12 s32: 0x1F, sf32: 017; u32: 4294967295 f32: 7\n"
                     "i64: -9223372036854775808 s64: - 5 sf64: 1 u64: 0xffffffffffffffff f64: 2\n"
                     "real: 1.5f wide: -1e-3 flag: true colour: DARK_BLUE\n"
                     "text: 'a\"' \"b\\n\" # and on\n '\\x41\\101\\u00e9' raw: \"\\0\\377\"\n"
                     "left: 3", false, &m));
    const Kinds__Kinds *k = KINDS(m);
    assert_int_equal(k->i32, -12);
    assert_int_equal(k->s32, 31);
    assert_int_equal(k->sf32, 15);
    assert_true(k->u32 == UINT32_MAX && k->f32 == 7);
    assert_true(k->i64 == INT64_MIN && k->s64 == -5 && k->sf64 == 1);
    assert_true(k->u64 == UINT64_MAX && k->f64 == 2);
    assert_true(k->has_real && k->real == 1.5f && k->wide == -1e-3 && k->flag);
    assert_int_equal(k->colour, KINDS__COLOUR__DARK_BLUE);
    assert_string_equal(k->text, "a\"b\nAA\xc3\xa9");
    assert_int_equal(k->raw.len, 2);
    assert_memory_equal(k->raw.data, "\0\377", 2);
    assert_int_equal(k->choice_case, KINDS__KINDS__CHOICE_LEFT);
    assert_int_equal(k->left, 3);
    text_message_deinit(&m);
}

static void what_is_not_given_keeps_its_default(void **state) {
    struct text_message m;
    assert_ok(unpack(" # nothing", false, &m));
    assert_true(!KINDS(m)->has_real && KINDS(m)->real == 0.5f);
    assert_int_equal(KINDS(m)->colour, KINDS__COLOUR__GREEN);
    assert_null(KINDS(m)->text);
    text_message_deinit(&m);
    assert_ok(unpack("\xef\xbb\xbfone { id: 1 }", false, &m)); /* a BOM, as Windows writes it */
    assert_string_equal(KINDS(m)->one->label, "none");
    text_message_deinit(&m);
}

static void messages_and_lists_nest(void **state) {
    struct text_message m;
    assert_ok(unpack("one: < id: 1 inner { id: 2 inner: { id: 3 } } >\n"
                     "many [{ id: 4 }, < id: 5 >]; many { id: 6, }\n"
                     "numbers: [] numbers: [1, -2, 0x3] numbers: 4 reals: [.5, 1., inf, -INF, nan]\n"
                     "texts: ['a' 'b', \"c\"] colours: [RED, 5] flags: [t, 0, False] raws: 'x'\n"
                     "longs: 1 longs: 2 longs: 3 longs: 4 longs: 5", false, &m));
    const Kinds__Kinds *k = KINDS(m);
    assert_int_equal(k->one->inner[0]->inner[0]->id, 3);
    assert_int_equal(k->n_many, 3);
    assert_int_equal(k->many[2]->id, 6);
    assert_int_equal(k->n_numbers, 4);
    assert_int_equal(k->numbers[1], -2);
    assert_int_equal(k->numbers[3], 4);
    assert_int_equal(k->n_reals, 5);
    assert_true(k->reals[0] == 0.5f && isinf(k->reals[3]) && k->reals[3] < 0 && isnan(k->reals[4]));
    assert_string_equal(k->texts[0], "ab");
    assert_int_equal(k->colours[1], KINDS__COLOUR__GREEN);
    assert_true(k->n_flags == 3 && k->flags[0] && !k->flags[1] && !k->flags[2]);
    assert_true(k->n_longs == 5 && k->longs[4] == 5);
    text_message_deinit(&m);
}

static void mistakes_are_named_with_their_place(void **state) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"i32: 1\n  numbrs: 2", "k.cfg:2:3: Kinds has no field 'numbrs'; is 'numbers' meant?"},
        {"quite_else: 2", "Kinds has no field 'quite_else'"},
        {"i32: 1 i32: 2", "k.cfg:1:8: field 'i32' of Kinds is given twice"},
        {"one { id: 1 } one { id: 1 }", "given twice"},
        {"left: 1 right: 'x'", "'left' and 'right' of Kinds exclude each other"},
        {"one { label: 'x' }", "Inner lacks its field 'id'"},
        {"i32: 2147483648", "k.cfg:1:6: field 'i32': 2147483648 does not fit into a signed"},
        {"i32: -2147483649", "does not fit"},
        {"u32: -1", "'u32': -1 does not fit into an unsigned integer of 32 bits"},
        {"u64: 18446744073709551616", "does not fit"},
        {"i32: 1.5", "'i32' takes an integer, found '1.5'"},
        {"i32: 08", "'i32' takes an integer, found '08'"},
        {"i32: 'x'", "'i32' takes an integer, found ''x''"},
        {"i32 1", "k.cfg:1:5: expected ':' after 'i32', found '1'"},
        {"i32 { }", "'i32' is no message"},
        {"i32:", "'i32' takes an integer, found the end of the text"},
        {"i32: [1]", "'i32' takes one value, found a list"},
        {"real: 0x10", "'real' takes a number such as 1"},
        {"real: 010", "'real' takes a number"},
        {"real: 1e39", "'real': 1e39 is too large for a float"},
        {"wide: 1e999", "too large for a double"},
        {"real: one", "found 'one'"},
        {"flag: yes", "'flag' takes true or false, found 'yes'"},
        {"colour: GREN", "'colour': Colour has no value 'GREN'; is 'GREEN' meant?"},
        {"colour: 4", "Colour has no value 4"},
        {"colour: 'RED'", "without quotes"},
        {"text: x", "'text' takes text in quotes, found 'x'"},
        {"text: 'x\n'", "k.cfg:1:7: the text in quotes that begins here does not end"},
        {"text: '\\q'", "escape that does not exist"},
        {"text: '\\ud800'", "\\u without"},
        {"text: 'a\\0b'", "zero byte"},
        {"one: 3", "'one' has fields of its own; expected '{', found '3'"},
        {"one {\n id: 1", "the text ends within Inner, which begins at line 1; expected '}'"},
        {"one { id: 1 >", "'>' closes nothing"},
        {"}", "'}' closes nothing that is open here"},
        {"numbers: [1 2]", "expected ',' or ']', found '2'"},
        {"numbers: [1,]", "'numbers' takes an integer, found ']'"},
        {"[my.extension]: 3", "has no field '['"},
        {"i32: 1 @", "k.cfg:1:8: '@' does not belong"},
        {": 3", "expected the name of a field of Kinds, found ':'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text_message m;
        assert_fails(unpack(cases[i].text, false, &m), STATUS_FORMAT, cases[i].says);
        assert_null(m.message);
    }
}

static void unknown_fields_can_be_skipped(void **state) {
    struct text_message m;
    assert_ok(unpack("new { a: [1, { b: 'x' 'y' }] c < [d.e/f]: -inf > } i32: 1, nums: 3; [a.b] { }",
                     true, &m));
    assert_int_equal(KINDS(m)->i32, 1);
    assert_int_equal(m.n_warnings, 3);
    assert_string_equal(m.warnings[0], "k.cfg:1:1: Kinds has no field 'new'");
    assert_non_null(strstr(m.warnings[1], "'nums'"));
    text_message_deinit(&m);
    const char *nested = "one { id: 1 } kinds { new: 3 }";
    assert_ok(text_unpack(&kinds__kinds__descriptor, nested, strlen(nested),
                          &(struct text_options){.ignored = &kinds__kinds__descriptor}, &m));
    assert_int_equal(m.n_warnings, 0);
    text_message_deinit(&m);
    assert_fails(unpack("new { a: [1, }", true, &m), STATUS_FORMAT, "expected a value, found '}'");
    assert_fails(unpack("new { a: 1", true, &m), STATUS_FORMAT, "found the end of the text");
}

static void depth_and_count_are_bounded(void **state) {
    enum { DEEP = 100000 };
    char *text = malloc(DEEP * 9 + 1);
    assert_non_null(text);
    for (int skipped = 0; skipped < 2; skipped++) {
        char *at = text;
        for (int i = 0; i < DEEP; i++) at = stpcpy(at, skipped ? "other {" : "kinds {");
        struct text_message m;
        assert_fails(unpack(text, skipped, &m), STATUS_LIMIT, "nested more than 64 deep");
    }
    struct text_message m;
    const char *many = "numbers: [1, 2, 3, 4]";
    assert_fails(text_unpack(&kinds__kinds__descriptor, many, strlen(many),
                             &(struct text_options){.max_fields = 3}, &m),
                 STATUS_LIMIT, "more than 3 values");
    assert_fails(text_unpack(&kinds__kinds__descriptor, many, strlen(many),
                             &(struct text_options){.max_bytes = 20}, &m),
                 STATUS_LIMIT, "text has 21 bytes; a text of fields may have 20");
    free(text);
}

static int pack(void) {
    static char text[1 << 16];
    struct text_message m;
    size_t n = fread(text, 1, sizeof text, stdin);
    if (text_unpack(&kinds__kinds__descriptor, text, n, NULL, &m) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    static uint8_t bytes[1 << 17];
    size_t packed = protobuf_c_message_get_packed_size(m.message);
    if (packed > sizeof bytes) return 2;
    protobuf_c_message_pack(m.message, bytes);
    text_message_deinit(&m);
    return fwrite(bytes, 1, packed, stdout) == packed ? 0 : 2;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "pack")) return pack();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read),
        cmocka_unit_test(what_is_not_given_keeps_its_default),
        cmocka_unit_test(messages_and_lists_nest),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(unknown_fields_can_be_skipped),
        cmocka_unit_test(depth_and_count_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
