# SPDX-License-Identifier: Apache-2.0
"""The file of --aipp-config: parameters of dynamic AIPP, as msit's benchmark documents it. One
section [aipp_op] of NAME : VALUE; names, ranges and defaults are those of atc's static AIPP, which
docs/aipp.md lists. What a value does not fit is AscendCL's to say."""
import configparser

import aclruntime

_NEEDED = ("input_format", "src_image_size_w", "src_image_size_h")
_SWITCHES = ("crop", "resize", "padding", "csc_switch", "rbuv_swap_switch", "ax_swap_switch")
_FLOATS = ("min_chn_", "var_reci_chn_")
_WORDS = {"true": 1, "false": 0}


def _number(path, name, text):
    try:
        return float(text) if name.startswith(_FLOATS) else int(text)
    except ValueError:
        raise RuntimeError("{}: {} is '{}', which is no {}".format(
            path, name, text, "number" if name.startswith(_FLOATS) else "whole number")) from None


def read(path):
    """{name: number}, input_format as its name."""
    # Names may come twice, the last counts; indented lines continue nothing.
    parser = configparser.ConfigParser(strict=False, interpolation=None,
                                       inline_comment_prefixes=("#",))
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_string("\n".join(line.strip() for line in file), str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise RuntimeError("--aipp-config {}: {}".format(
            path, " ".join(str(error).split()))) from error
    if parser.sections() != ["aipp_op"]:
        raise RuntimeError("--aipp-config {}: it must have one section, [aipp_op]".format(path))
    settings = {}
    for name, text in parser["aipp_op"].items():
        if name == "input_format":
            settings[name] = text
        elif name not in aclruntime.AIPP_FIELDS:
            raise RuntimeError("--aipp-config {}: {} is no field of dynamic AIPP".format(
                path, name))
        else:
            text = str(_WORDS.get(text.lower(), text)) if name in _SWITCHES else text
            settings[name] = _number(path, name, text)
            if name in _SWITCHES and settings[name] not in (0, 1):
                raise RuntimeError("{}: {} is {}; it is 0 or 1".format(path, name, text))
    missing = [name for name in _NEEDED if name not in settings]
    if missing:
        raise RuntimeError("--aipp-config {}: {} is missing".format(path, missing[0]))
    if settings["input_format"] not in aclruntime.AIPP_FORMATS:
        raise RuntimeError("--aipp-config {}: input_format {} is none of {}".format(
            path, settings["input_format"], ", ".join(aclruntime.AIPP_FORMATS)))
    return settings
