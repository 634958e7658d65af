/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments in, results out. Numbers are taken through __index__, so NumPy's integers are as good
 * as Python's and a float is refused.
 */
#include "binding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "acl/private.h"

void wrong_type(const char *call, int argument, const char *wanted, PyObject *object) {
    PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__name__");
    if (!type) return;
    PyErr_Format(PyExc_TypeError, "%s() argument %d must be %s, not %U", call, argument, wanted,
                 type);
    Py_DECREF(type);
}

/* The bits of an integer that fits `bits`; with a sign, or as either sign's bits without. */
static bool take_integer(PyObject *object, const char *call, int argument, int bits, bool has_sign,
                         uint64_t *out) {
    if (!PyIndex_Check(object)) {
        wrong_type(call, argument, "int", object);
        return false;
    }
    PyObject *number = PyNumber_Index(object);
    if (!number) return false;
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
    bool fits = overflow == 0;
    *out = (uint64_t)value;
    if (overflow > 0 && bits == 64 && !has_sign) {
        *out = PyLong_AsUnsignedLongLong(number);
        fits = !PyErr_Occurred();
        PyErr_Clear();
    }
    if (fits && bits == 32)
        fits = value >= INT32_MIN && value <= (has_sign ? INT32_MAX : (long long)UINT32_MAX);
    Py_DECREF(number);
    if (!fits)
        PyErr_Format(PyExc_OverflowError, "%s() argument %d does not fit %d bits", call, argument,
                     bits);
    return fits;
}

static bool take_text(PyObject *object, const char *call, int argument, const char **out) {
    if (!PyUnicode_Check(object)) {
        wrong_type(call, argument, "str", object);
        return false;
    }
    return PyArg_Parse(object, "s", out);
}

static bool take_one(PyObject *object, const char *call, int argument, char letter, void *out) {
    uint64_t bits;
    double real;
    switch (letter) {
    case 'o': *(PyObject **)out = object; return true;
    case 's': return take_text(object, call, argument, out);
    case 'S':
        if (object != Py_None) return take_text(object, call, argument, out);
        *(const char **)out = NULL;
        return true;
    case 'f':
        real = PyFloat_AsDouble(object);
        if (real == -1.0 && PyErr_Occurred()) return false;
        *(float *)out = (float)real;
        return true;
    case 'i':
        if (!take_integer(object, call, argument, 32, true, &bits)) return false;
        *(int32_t *)out = (int32_t)bits;
        return true;
    case 'u':
        if (!take_integer(object, call, argument, 32, false, &bits)) return false;
        *(uint32_t *)out = (uint32_t)bits;
        return true;
    case 'I':
        if (!take_integer(object, call, argument, 64, true, &bits)) return false;
        *(int64_t *)out = (int64_t)bits;
        return true;
    default: /* p z U, all of 64 bits */
        if (!take_integer(object, call, argument, 64, false, &bits)) return false;
        if (letter == 'p') *(void **)out = (void *)(uintptr_t)bits;
        else if (letter == 'z') *(size_t *)out = (size_t)bits;
        else *(uint64_t *)out = bits;
        return true;
    }
}

bool take(PyObject *args, const char *call, const char *format, ...) {
    int given = (int)PyTuple_Size(args), most = (int)strlen(format), least = most;
    const char *optional = strchr(format, '|');
    if (optional) {
        least = (int)(optional - format);
        most--;
    }
    if (given < least || given > most) {
        int bound = given < least ? least : most;
        PyErr_Format(PyExc_TypeError, "%s() takes %s%d argument%s (%d given)", call,
                     least == most ? "" : given < least ? "at least " : "at most ", bound,
                     bound == 1 ? "" : "s", given);
        return false;
    }
    bool ok = true;
    va_list outs;
    va_start(outs, format);
    for (int i = 0; ok && i < given; i++) {
        if (*format == '|') format++;
        ok = take_one(PyTuple_GetItem(args, i), call, i + 1, *format++, va_arg(outs, void *));
    }
    va_end(outs);
    return ok;
}

/* Numbers of `bits`, 32 or 64, one behind the other. */
static void *take_numbers(PyObject *list, const char *call, int argument, int bits, bool has_sign,
                          size_t *n) {
    if (!PySequence_Check(list) || PyUnicode_Check(list) || PyBytes_Check(list)) {
        wrong_type(call, argument, "a list of int", list);
        return NULL;
    }
    Py_ssize_t length = PySequence_Size(list);
    if (length < 0) return NULL;
    uint64_t *values = PyMem_Malloc(((size_t)length + 1) * sizeof *values), value;
    if (!values) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < length; i++) {
        PyObject *item = PySequence_GetItem(list, i);
        bool ok = item && take_integer(item, call, argument, bits, has_sign, &value);
        Py_XDECREF(item);
        if (!ok) {
            PyMem_Free(values);
            return NULL;
        }
        if (bits == 64) values[i] = value;
        else ((uint32_t *)values)[i] = (uint32_t)value;
    }
    *n = (size_t)length;
    return values;
}

int64_t *take_list(PyObject *list, const char *call, int argument, size_t *n) {
    return take_numbers(list, call, argument, 64, true, n);
}

void *take_list_of_32(PyObject *list, const char *call, int argument, bool has_sign, size_t *n) {
    return take_numbers(list, call, argument, 32, has_sign, n);
}

bool take_option(PyObject *args, const char *call, uint32_t narrow, struct option *out) {
    PyObject *value;
    *out = (struct option){0};
    if (!take(args, call, "pio|z", &out->handle, &out->attr, &value, &out->size)) return false;
    bool is_narrow = out->attr >= 0 && out->attr < 32 && (narrow >> out->attr & 1);
    if (PyTuple_Size(args) == 3) out->size = is_narrow ? sizeof(int32_t) : sizeof(uint64_t);
    if (PyUnicode_Check(value)) return take_text(value, call, 3, &out->value.text);
    uint64_t bits;
    if (!take_integer(value, call, 3, is_narrow ? 32 : 64, false, &bits)) return false;
    if (is_narrow) out->value.narrow = (int32_t)bits;
    else out->value.wide = bits;
    return true;
}

/* ---- results ---- */

aclError refuse(const char *call, const char *format, ...) {
    char why[512];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return _pk_private.fail(ACL_ERROR_INVALID_PARAM, call, "%s", why);
}

PyObject *code_only(aclError code) { return PyLong_FromLong(code); }
PyObject *address(const volatile void *value) {
    return PyLong_FromUnsignedLongLong((uintptr_t)value);
}
PyObject *size_value(size_t value) { return PyLong_FromSize_t(value); }

PyObject *text(const char *value) {
    if (!value) value = "";
    return PyUnicode_DecodeUTF8(value, (Py_ssize_t)strlen(value), "replace");
}

PyObject *address_and_code(const volatile void *value, aclError code) {
    return Py_BuildValue("Ki", (unsigned long long)(uintptr_t)value, (int)code);
}

PyObject *number_and_code(long long value, aclError code) {
    return Py_BuildValue("Li", value, (int)code);
}

PyObject *object_and_code(PyObject *taken, aclError code) {
    return taken ? Py_BuildValue("Ni", taken, (int)code) : NULL;
}
