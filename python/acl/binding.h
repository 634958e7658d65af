/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the Python module `acl` share: taking arguments apart, building results, and
 * one macro for each shape of call.
 *
 * Addresses and handles are Python integers. A wrong type raises TypeError; a wrong value goes to
 * the library, which answers with its own code. Every call that returns a code runs without the
 * interpreter lock, because it may wait for another thread that runs Python code.
 *
 * Only the limited API of Python 3.8 is used, so one file serves 3.8 and everything newer.
 */
#ifndef PRUSIK_PYTHON_BINDING_H
#define PRUSIK_PYTHON_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "acl/acl.h"

/*
 * Takes the positional arguments of `call` apart; false with an exception set if they do not fit.
 * `format` has a letter for each, and the variable that receives it follows:
 *     p void *   z size_t   i int32_t   u uint32_t   U uint64_t   I int64_t   f float
 *     s const char * (borrowed; str)   S the same, or None for NULL   o PyObject * (borrowed)
 * Those after '|' may be absent, and leave their variable alone. Negative numbers are taken as
 * two's complement where the C type has no sign.
 */
bool take(PyObject *args, const char *call, const char *format, ...);

/* Names the type of `object` in a TypeError: "CALL() argument N must be WANTED, not TYPE". */
void wrong_type(const char *call, int argument, const char *wanted, PyObject *object);

/* A list of int as int64_t from PyMem_Malloc, NULL with an exception set. `n` its length. */
int64_t *take_list(PyObject *list, const char *call, int argument, size_t *n);
/* The same for numbers of 32 bits: int32_t, or uint32_t without a sign. */
void *take_list_of_32(PyObject *list, const char *call, int argument, bool has_sign, size_t *n);

/* Lists of handles a single operator is called with, in the order of the C arguments: input
 * descriptions and buffers, output descriptions and buffers. */
struct lists {
    int64_t *values[4];
    size_t n[4];
};
/* objects[i] NULL: that list is not part of the call. first: the number of its argument. False with
 * an exception set, and then nothing to free. */
bool lists_take(struct lists *l, const char *call, PyObject *const objects[4], int first);
void lists_free(struct lists *l);

/*
 * The arguments of a call that sets an option: (handle, attr, value), and the size of the value,
 * which may be left out. The value itself is given, an int or, for a path, a str; the bits of
 * `narrow` tell the attributes whose value has 4 bytes, the others have 8.
 */
struct option {
    void *handle;
    int32_t attr;
    union {
        int32_t narrow;
        uint64_t wide;
        const char *text;
    } value;
    size_t size;
};
bool take_option(PyObject *args, const char *call, uint32_t narrow, struct option *out);

/* For what a call refuses before the library is asked: leaves the sentence for
 * acl.get_recent_err_msg() and returns ACL_ERROR_INVALID_PARAM. */
aclError refuse(const char *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Results. `code_only` is the plain code, the others are for calls that return values. */
PyObject *code_only(aclError code);
PyObject *address(const volatile void *value);
PyObject *size_value(size_t value);
PyObject *text(const char *value); /* NULL becomes "" */
PyObject *address_and_code(const volatile void *value, aclError code);
PyObject *number_and_code(long long value, aclError code);
PyObject *dims_dict(const aclmdlIODims *dims); /* {"name", "dimCount", "dims"} */
PyObject *object_and_code(PyObject *taken, aclError code); /* takes the reference; NULL: NULL */

/* An expression without the interpreter lock. */
#define UNLOCKED(expr)                                                                             \
    ({                                                                                             \
        aclError code_;                                                                            \
        Py_BEGIN_ALLOW_THREADS code_ = (expr);                                                     \
        Py_END_ALLOW_THREADS code_;                                                                \
    })

#define METHOD(name) static PyObject *name(PyObject *self, PyObject *args)

/* C types of the letters of take(). */
#define TYPE_p void *
#define TYPE_z size_t
#define TYPE_i int32_t
#define TYPE_u uint32_t
#define TYPE_U uint64_t
#define TYPE_I int64_t
#define TYPE_s const char *

/* Calls that take values and return only the code: CODE(function, "acl.name", C function, p, z). */
#define CODE0(name, call, fn)                                                                      \
    METHOD(name) { return take(args, call, "") ? code_only(UNLOCKED(fn())) : NULL; }
#define CODE1(name, call, fn, a)                                                                   \
    METHOD(name) {                                                                                 \
        TYPE_##a v1;                                                                               \
        return take(args, call, #a, &v1) ? code_only(UNLOCKED(fn(v1))) : NULL;                     \
    }
#define CODE2(name, call, fn, a, b)                                                                \
    METHOD(name) {                                                                                 \
        TYPE_##a v1;                                                                               \
        TYPE_##b v2;                                                                               \
        return take(args, call, #a #b, &v1, &v2) ? code_only(UNLOCKED(fn(v1, v2))) : NULL;         \
    }
#define CODE3(name, call, fn, a, b, c)                                                             \
    METHOD(name) {                                                                                 \
        TYPE_##a v1;                                                                               \
        TYPE_##b v2;                                                                               \
        TYPE_##c v3;                                                                               \
        return take(args, call, #a #b #c, &v1, &v2, &v3) ? code_only(UNLOCKED(fn(v1, v2, v3)))     \
                                                         : NULL;                                   \
    }
#define CODE4(name, call, fn, a, b, c, d)                                                          \
    METHOD(name) {                                                                                 \
        TYPE_##a v1;                                                                               \
        TYPE_##b v2;                                                                               \
        TYPE_##c v3;                                                                               \
        TYPE_##d v4;                                                                               \
        return take(args, call, #a #b #c #d, &v1, &v2, &v3, &v4)                                   \
                   ? code_only(UNLOCKED(fn(v1, v2, v3, v4)))                                       \
                   : NULL;                                                                         \
    }
#define CODE5(name, call, fn, a, b, c, d, e)                                                       \
    METHOD(name) {                                                                                 \
        TYPE_##a v1;                                                                               \
        TYPE_##b v2;                                                                               \
        TYPE_##c v3;                                                                               \
        TYPE_##d v4;                                                                               \
        TYPE_##e v5;                                                                               \
        return take(args, call, #a #b #c #d #e, &v1, &v2, &v3, &v4, &v5)                           \
                   ? code_only(UNLOCKED(fn(v1, v2, v3, v4, v5)))                                   \
                   : NULL;                                                                         \
    }

/* Calls that make something and return (handle or address, code); the C function puts it first. */
#define MAKE0(name, call, fn)                                                                      \
    METHOD(name) {                                                                                 \
        void *made = NULL;                                                                         \
        if (!take(args, call, "")) return NULL;                                                    \
        aclError code = UNLOCKED(fn(&made));                                                       \
        return address_and_code(made, code);                                                       \
    }
#define MAKE1(name, call, fn, a)                                                                   \
    METHOD(name) {                                                                                 \
        void *made = NULL;                                                                         \
        TYPE_##a v1;                                                                               \
        if (!take(args, call, #a, &v1)) return NULL;                                               \
        aclError code = UNLOCKED(fn(&made, v1));                                                   \
        return address_and_code(made, code);                                                       \
    }
#define MAKE2(name, call, fn, a, b)                                                                \
    METHOD(name) {                                                                                 \
        void *made = NULL;                                                                         \
        TYPE_##a v1;                                                                               \
        TYPE_##b v2;                                                                               \
        if (!take(args, call, #a #b, &v1, &v2)) return NULL;                                       \
        aclError code = UNLOCKED(fn(&made, v1, v2));                                               \
        return address_and_code(made, code);                                                       \
    }

/* Getters: the value alone, without a code. `build` makes the Python object. */
#define GET0(name, call, fn, build)                                                                \
    METHOD(name) { return take(args, call, "") ? build(fn()) : NULL; }
#define GET1(name, call, fn, a, build)                                                             \
    METHOD(name) {                                                                                 \
        TYPE_##a v1;                                                                               \
        return take(args, call, #a, &v1) ? build(fn(v1)) : NULL;                                   \
    }
#define GET2(name, call, fn, a, b, build)                                                          \
    METHOD(name) {                                                                                 \
        TYPE_##a v1;                                                                               \
        TYPE_##b v2;                                                                               \
        return take(args, call, #a #b, &v1, &v2) ? build(fn(v1, v2)) : NULL;                       \
    }

/* Calls that tell one number, which the C function takes the address of last: (value, code). */
#define TELL1(name, call, fn, type, a)                                                             \
    METHOD(name) {                                                                                 \
        type out = 0;                                                                              \
        TYPE_##a v1;                                                                               \
        if (!take(args, call, #a, &v1)) return NULL;                                               \
        aclError code = UNLOCKED(fn(v1, &out));                                                    \
        return number_and_code((long long)out, code);                                              \
    }
#define TELL2(name, call, fn, type, a, b)                                                          \
    METHOD(name) {                                                                                 \
        type out = 0;                                                                              \
        TYPE_##a v1;                                                                               \
        TYPE_##b v2;                                                                               \
        if (!take(args, call, #a #b, &v1, &v2)) return NULL;                                       \
        aclError code = UNLOCKED(fn(v1, v2, &out));                                                \
        return number_and_code((long long)out, code);                                              \
    }

/* A row of a method table, with the line help() shows. */
#define ROW(name, function, doc) {name, function, METH_VARARGS, doc}

/* The method tables, each in the file of its name; the last row is empty. */
extern PyMethodDef aipp_methods[], base_methods[], blas_methods[], compile_methods[],
    device_methods[], fv_methods[], himpi_methods[], mdl_methods[], media_methods[], op_methods[],
    op_compile_methods[], prof_methods[], queue_methods[], rt_methods[], stream_methods[],
    tdt_methods[], tensor_methods[], util_methods[], video_methods[];

/* A function of Python's and what it gets, on the way through a callback of the library's. */
struct callback {
    struct callback *next, *previous;
    PyObject *function, *user;
};
/* With references of its own; NULL with an exception. */
struct callback *callback_new(PyObject *function, PyObject *user);
/* Ends it before its function is called, with the references now the caller's; false if it has been
 * forgotten: aclFinalize does not wait for the callback that a thread is about to run. */
bool callback_take(struct callback *c, PyObject **function, PyObject **user);
void callback_free(struct callback *c); /* nothing, once forgotten */
/* Releases what callbacks that never ran still hold; after aclFinalize. */
void callbacks_forget(void);

#endif
