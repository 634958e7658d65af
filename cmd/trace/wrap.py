# SPDX-License-Identifier: Apache-2.0
"""Writes the wrappers of libacltrace.so: one for every function the AscendCL headers declare.

usage: wrap.py [--json] INCLUDE-FOLDER HEADER... > wrappers.c

How an argument is shown follows from its type: enums by name, numbers, texts, and addresses for
everything else; what a call puts into a number or a handle is shown once it has returned success.

With --json: how each function is called, for replay.py, which runs a log again.
"""
import json
import pathlib
import re
import sys

SIGNED = {"int", "int8_t", "int16_t", "int32_t", "int64_t", "aclError"}
UNSIGNED = {"uint8_t", "uint16_t", "uint32_t", "uint64_t", "size_t", "aclFloat16"}
REAL = {"float", "double"}
HANDLES = {"aclrtStream", "aclrtEvent", "aclrtContext", "acltdtBuf", "aclrtDrvMemHandle",
           "aclrtBinHandle", "aclrtFuncHandle"}
CALLBACKS = {}  # type of functions that programs pass -> what they return, read from the headers
# Variable arguments cannot be passed on.
LEFT_OUT = {"aclAppLog"}


def read(path):
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.S)
    constants = re.findall(r"#define\s+(ACL_ERROR_\w+)\s+\(?\d", text)
    text = re.sub(r"^[ \t]*#.*?(?<!\\)$", "", text, flags=re.M | re.S)
    enums = {m[2]: re.findall(r"\b([A-Z]\w+)\s*(?:=[^,]*)?(?:,|$)", m[1].strip())
             for m in re.finditer(r"\btypedef\s+enum\s*\w*\s*\{([^}]*)\}\s*(\w+)\s*;", text)}
    CALLBACKS.update((m[2], m[1]) for m in re.finditer(
        r"\btypedef\s+(\w+)\s*(?:\*\s*)?\(\s*\*(\w+)\)\s*\(", text))
    functions = re.findall(r"\bACL_FUNC_VISIBILITY\s+([^;{]+?);", text)
    return constants, enums, [" ".join(f.split()) for f in functions]


def split(text):
    """At commas outside brackets."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "([") - (c in ")]")
        if c == "," and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return [p.strip() for p in parts if p.strip() not in ("", "void")]


def parameter(text):
    """(name, type); the type of what is no plain variable is only good for an address."""
    called = re.search(r"\(\*(?:const )?(\w+)\)", text)
    if called:
        return called[1], "function"
    name, array = re.search(r"(\w+)((?:\[\w*\])*)$", text).groups()
    return name, text[: text.rindex(name)].strip() + array


def shown(type_, enums):
    plain = type_.removeprefix("const ").strip()
    if plain in enums:
        return "enum"
    if type_ == "const char *":
        return "text"
    for kind, types in (("signed", SIGNED), ("unsigned", UNSIGNED), ("real", REAL)):
        if plain in types:
            return kind
    return "address"


def value(kind, type_, expression):
    if kind == "enum":
        table = type_.removeprefix("const ").strip()
        return f"trace_enum(&call, {{}}, {expression}, names_{table}, N_NAMES(names_{table}));"
    cast = {"address": "(const void *)(uintptr_t)", "signed": "", "unsigned": "", "real": "",
            "text": ""}[kind]
    return f"trace_{kind}(&call, {{}}, {cast}{expression});"


def target(type_, enums):
    """The type a pointer argument is filled with, if that can be shown."""
    found = re.fullmatch(r"(\w+(?: \*)?) ?\*", type_)
    if not found or type_.startswith("const ") or found[1] in ("void", "char"):
        return None
    kind = shown(found[1], enums)
    pointer = found[1].endswith("*") or found[1] in HANDLES
    return found[1] if kind != "address" or pointer else None


# (pointer, bytes) of what calls read, where they have parameters of these names.
READ = [("model", "modelSize", "modelSize"),
        ("attrValue", "valueSize", "valueSize"),
        ("dims", "numDims", "(size_t)(numDims > 0 ? numDims : 0) * sizeof *dims"),
        ("values", "numValues", "(size_t)(numValues > 0 ? numValues : 0) * sizeof *values")]
# Rows of handles.
ROWS = {"inputDesc": "numInputs", "inputs": "numInputs", "outputDesc": "numOutputs",
        "outputs": "numOutputs"}


def contents(name, parameters):
    """The lines that keep what a call reads, and what it has written."""
    types, before, after = dict(parameters), [], []
    for pointer, size, bytes_ in READ:
        plain = types.get(pointer, "").startswith("const ") and types[pointer].count("*") < 2
        if plain and size in types and not types[size].endswith("*"):
            before.append(f'trace_data(&call, "{pointer}", {pointer}, {bytes_});')
    for row, n in ROWS.items():
        if row in types and types.get(n, "*").count("*") == 0:
            before.append(f'trace_data(&call, "{row}", {row}, '
                          f"(size_t)({n} > 0 ? {n} : 0) * sizeof *{row});")
    if name == "aclmdlSetInputDynamicDims":
        before.append('trace_data(&call, "dims", dims, sizeof *dims);')
    # What an asynchronous call reads on the device is not there yet, and what it writes never is.
    if name in ("aclmdlExecute", "aclmdlExecuteV2"):
        before.append('trace_dataset(&call, "input", input);')
        after.append('if (!result) trace_dataset(&call, ">output", output);')
    if name.startswith("aclrtMemcpy"):
        size = "count" if "count" in types else "height ? spitch * (height - 1) + width : 0"
        before.append("if (kind == ACL_MEMCPY_HOST_TO_HOST || kind == ACL_MEMCPY_HOST_TO_DEVICE) "
                      f'trace_data(&call, "src", src, {size});')
    if name == "aclrtMemcpy":
        after.append("if (!result && (kind == ACL_MEMCPY_HOST_TO_HOST || "
                     "kind == ACL_MEMCPY_DEVICE_TO_HOST)) trace_data(&call, \">dst\", dst, count);")
    return before, after


def argument_kind(type_, enums):
    if type_ == "function" or CALLBACKS.get(type_) == "void":
        return "function"
    return "asked" if type_ in CALLBACKS else shown(type_, enums)


def parse(declaration):
    result, name, args = re.match(r"(.*?[\s*])(\w+)\((.*)\)", declaration).groups()
    return result.strip(), name, args, [parameter(p) for p in split(args)]


def prototype(declaration, enums):
    """[kind of the result, [name, kind, type, kind that it is filled with] of each parameter]."""
    result, name, _, parameters = parse(declaration)
    filled = [target(t, enums) for _, t in parameters]
    kind = "void" if result == "void" else "code" if result == "aclError" else shown(result, enums)
    return name, [[kind, result], [
        [n, argument_kind(t, enums), t, f and shown(f, enums), f]
        for (n, t), f in zip(parameters, filled)]]


def wrapper(declaration, enums):
    result, name, args, parameters = parse(declaration)
    before, after = contents(name, parameters)
    fail = {"void": "return", "aclError": "return ACL_ERROR_API_NOT_SUPPORT"}.get(
        result, f"return ({result})0")
    lines = [f"{result} {name}({args}) {{",
             f'    static struct trace_function function = {{.name = "{name}"}};',
             "    struct trace_call call;",
             f"    typedef {result} (*function_type)({args});",
             "    function_type next = (function_type)trace_begin(&call, &function);",
             f"    if (!next) {fail};"]
    lines += ["    " + line for line in before]
    passed = ", ".join(n for n, _ in parameters)
    lines.append(f"    {result + ' result = ' if result != 'void' else ''}next({passed});")
    lines.append("    if (trace_returned(&call)) {")
    for n, type_ in parameters:
        lines.append("        " + value(shown(type_, enums), type_, n).format(f'"{n}"'))
    if result == "aclError":
        lines.append("        trace_code(&call, result);")
    elif result != "void":
        lines.append("        trace_result(&call);")
        lines.append("        " + value(shown(result, enums), result, "result").format("NULL"))
    else:
        lines.append("        trace_result(&call);")
    if result == "aclError":
        for n, type_ in parameters:
            filled = target(type_, enums)
            if filled:
                lines.append(f"        if (!result && {n}) " + value(
                    shown(filled, enums), filled, f"*{n}").format(f'"{n}"'))
    lines += ["        " + line for line in after]
    lines += ["        trace_write(&call);", "    }"]
    if result != "void":
        lines.append("    return result;")
    return "\n".join(lines + ["}", ""])


def main():
    folder, *headers = [a for a in sys.argv[1:] if a != "--json"]
    constants, enums, functions = [], {}, []
    for header in headers:
        c, e, f = read(pathlib.Path(folder) / header)
        constants += c
        enums.update(e)
        functions += f
    functions = [f for f in functions
                 if not any(re.search(rf"\b{left}\(", f) for left in LEFT_OUT)]
    if "--json" in sys.argv:
        print(json.dumps(dict(prototype(f, enums) for f in functions)))
        return
    print('/* Generated by wrap.py. */\n#include "shim.h"')
    for header in headers:
        print(f'#include "{header}"')
    print("\n#define N_NAMES(table) (int)(sizeof(table) / sizeof((table)[0]))")
    for name, members in enums.items():
        print(f"__attribute__((unused)) static const struct trace_name names_{name}[] = {{")
        for m in members:
            print(f'    {{{m}, "{m}"}},')
        print("};")
    print("const struct trace_name trace_codes[] = {\n    {ACL_SUCCESS, \"ACL_SUCCESS\"},")
    for c in dict.fromkeys(constants):
        if c != "ACL_ERROR_NONE":
            print(f'    {{(int){c}, "{c}"}},')
    print("};\nconst int trace_n_codes = N_NAMES(trace_codes);\n")
    print("static const struct { const struct trace_name *names; int n; } all_names[] = {")
    for name in enums:
        print(f"    {{names_{name}, N_NAMES(names_{name})}},")
    print("};\n#include <string.h>")
    print("ACL_FUNC_VISIBILITY int acltrace_value(const char *name, int *value);")
    print("""/* For replay.py: what a constant of the headers stands for; 0 if there is none. */
int acltrace_value(const char *name, int *value) {
    for (int i = 0; i < trace_n_codes; i++)
        if (!strcmp(trace_codes[i].name, name)) {
            *value = trace_codes[i].value;
            return 1;
        }
    for (int t = 0; t < N_NAMES(all_names); t++)
        for (int i = 0; i < all_names[t].n; i++)
            if (!strcmp(all_names[t].names[i].name, name)) {
                *value = all_names[t].names[i].value;
                return 1;
            }
    return 0;
}
""")
    for f in functions:
        print(wrapper(f, enums))


if __name__ == "__main__":
    main()
