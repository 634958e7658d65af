# SPDX-License-Identifier: Apache-2.0
"""Where the wheel has put Prusik: bin, include, lib and libexec of an installed tree.

The Python interface is the module acl. A C program is built against the wheel with
`cc program.c $(python -m prusik)`.
"""
import os
import pathlib
import sys


def folder():
    """The tree's folder."""
    return pathlib.Path(__file__).resolve().parent


def flags():
    """What a compiler is told to use the tree; the program then finds the libraries by itself."""
    lib = folder() / "lib"
    return f"-I{folder() / 'include'} -L{lib} -Wl,-rpath,{lib} -lascendcl"


def run():
    """The command of the name this was called by."""
    program = folder() / "bin" / pathlib.Path(sys.argv[0]).name
    os.execv(program, [str(program), *sys.argv[1:]])
