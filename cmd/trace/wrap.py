# SPDX-License-Identifier: Apache-2.0
"""Writes the wrappers of libacltrace.so: one for every function the AscendCL headers declare.

usage: wrap.py INCLUDE-FOLDER HEADER... > wrappers.c

How an argument is shown follows from its type: enums by name, numbers, texts, and addresses for
everything else; what a call puts into a number or a handle is shown once it has returned success.
"""
import pathlib
import re
import sys

SIGNED = {"int", "int8_t", "int16_t", "int32_t", "int64_t", "aclError"}
UNSIGNED = {"uint8_t", "uint16_t", "uint32_t", "uint64_t", "size_t", "aclFloat16"}
REAL = {"float", "double"}
HANDLES = {"aclrtStream", "aclrtEvent", "aclrtContext", "acltdtBuf", "aclrtDrvMemHandle",
           "aclrtBinHandle", "aclrtFuncHandle"}
# Variable arguments cannot be passed on.
LEFT_OUT = {"aclAppLog"}


def read(path):
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.S)
    constants = re.findall(r"#define\s+(ACL_ERROR_\w+)\s+\(?\d", text)
    text = re.sub(r"^[ \t]*#.*?(?<!\\)$", "", text, flags=re.M | re.S)
    enums = {m[2]: re.findall(r"\b([A-Z]\w+)\s*(?:=[^,]*)?(?:,|$)", m[1].strip())
             for m in re.finditer(r"\btypedef\s+enum\s*\w*\s*\{([^}]*)\}\s*(\w+)\s*;", text)}
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


def wrapper(declaration, enums):
    result, name, args = re.match(r"(.*?[\s*])(\w+)\((.*)\)", declaration).groups()
    result = result.strip()
    parameters = [parameter(p) for p in split(args)]
    fail = {"void": "return", "aclError": "return ACL_ERROR_API_NOT_SUPPORT"}.get(
        result, f"return ({result})0")
    lines = [f"{result} {name}({args}) {{",
             f'    static struct trace_function function = {{.name = "{name}"}};',
             "    struct trace_call call;",
             f"    typedef {result} (*function_type)({args});",
             "    function_type next = (function_type)trace_begin(&call, &function);",
             f"    if (!next) {fail};"]
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
    lines += ["        trace_write(&call);", "    }"]
    if result != "void":
        lines.append("    return result;")
    return "\n".join(lines + ["}", ""])


def main():
    folder, *headers = sys.argv[1:]
    constants, enums, functions = [], {}, []
    for header in headers:
        c, e, f = read(pathlib.Path(folder) / header)
        constants += c
        enums.update(e)
        functions += f
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
    for f in functions:
        if not any(re.search(rf"\b{left}\(", f) for left in LEFT_OUT):
            print(wrapper(f, enums))


if __name__ == "__main__":
    main()
