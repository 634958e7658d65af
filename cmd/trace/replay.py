#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the calls of a log of acltrace --json again, for acltrace --replay.

usage: replay.py PROTOTYPES SHIM LIBRARY LOG DATA

Each thread of the log is a thread here; a call begins when every call that had returned before it
began has returned. Handles, model numbers, threads and addresses of the log stand for those of this
run: what a call gave then is what it gives now, and memory of the program's own becomes memory of
this process, of the size the call names. No address of the log is ever used as one. DATA ("" for
none) holds what calls read and wrote.

Results, and what calls have put into their arguments, are compared with the log. A call that needs
what an earlier one did not give is left out, so that each difference is told once. The calls are
made in a child process, so that one that crashes or hangs is named.

Exit status: 0 equal, 1 something differs, 2 the log cannot be replayed.
"""
import bisect
import ctypes
import json
import math
import mmap
import os
import pathlib
import re
import select
import signal
import struct
import sys
import threading
import time

LIBRARIES = ("libacl_op_compiler.so", "libacl_dvpp.so", "libacl_cblas.so", "libacl_tdt_channel.so",
             "libacl_tdt_queue.so", "libmsprofiler.so", "libacl_retr.so")
CTYPES = {"int": ctypes.c_int, "aclError": ctypes.c_int, "float": ctypes.c_float,
          "double": ctypes.c_double, "size_t": ctypes.c_size_t, "aclFloat16": ctypes.c_uint16,
          **{f"{u}int{n}_t": getattr(ctypes, f"c_{u}int{n}") for u in ("", "u")
             for n in (8, 16, 32, 64)}}
SCRATCH = 64 << 10  # of memory whose size no argument names
MOST_BYTES = 1 << 30  # of one block of memory, and of one file of contents
MOST_THREADS = 500
PATIENCE_S = 60  # for a call to return, and 20 times the longest of the log
# The size of memory, by the names of its argument and of those that tell it.
SIZES = (("src", ("count",)), ("src", ("spitch", "height")), ("dst", ("count",)),
         ("dst", ("destMax",)), ("dst", ("dpitch", "height")), ("devPtr", ("count",)),
         ("devPtr", ("maxCount",)), ("data", ("size",)), ("data", ("dataSize",)),
         ("dataDev", ("size",)), ("model", ("modelSize",)), ("attrValue", ("valueSize",)),
         ("attrValue", ("valueLen",)), ("workPtr", ("workSize",)), ("weightPtr", ("weightSize",)))
# Arrays: what an element takes, and the argument that counts them.
ARRAYS = {"dims": (8, "numDims"), "values": (8, "numValues"), "inputDesc": (8, "numInputs"),
          "inputs": (8, "numInputs"), "outputDesc": (8, "numOutputs"), "outputs": (8, "numOutputs")}
ELEMENTS = {"aclopSetAttrListFloat": 4, "aclopSetAttrListBool": 1, "aclopSetAttrListDataType": 4}
ROWS = ("inputDesc", "inputs", "outputDesc", "outputs")  # arrays of handles
NUMBERS = ("modelId", "qid", "queueId", "bundleId")  # that the library chooses
FREES = ("aclrtFree", "aclrtFreeHost", "acldvppFree")
# What is never the same twice.
CHANCE = {"aclrtGetMemInfo", "aclrtEventElapsedTime", "aclrtGetThreadLastTaskId",
          "aclrtStreamGetId", "aclrtGetStreamId", "aclrtGetUtilizationRate", "aclrtQueryEvent",
          "aclrtStreamQuery", "aclrtQueryEventStatus", "aclrtQueryEventWaitStatus",
          "aclrtDeviceGetBareTgid", "aclrtEventGetTimestamp", "aclrtGetEventId"}
HOST_TO_DEVICE, DEVICE_TO_HOST, ACL_HOST = 1, 2, 1


class Wrong(Exception):
    """The log, or a line of it, is not what acltrace writes."""


class NotReplayed(Exception):
    pass


def say(line):
    print(line, flush=True)


class Replay:
    def __init__(self, prototypes, shim, library, data):
        self.prototypes = json.loads(pathlib.Path(prototypes).read_text())
        self.constants = ctypes.CDLL(shim).acltrace_value
        library = pathlib.Path(library)
        self.libraries = [ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)]
        for name in LIBRARIES:
            try:
                self.libraries.append(ctypes.CDLL(str(library.with_name(name))))
            except OSError:
                pass  # not every AscendCL has all of them
        self.data = pathlib.Path(data) if data else None
        self.lock = threading.RLock()
        self.handles = {}  # of the log -> of this run
        self.numbers = {}  # (kind, number of the log) -> number of this run
        self.absent = {}  # handle or (kind, number) of the log that a call did not give -> its line
        self.blocks = []  # (first address of the log, bytes, address here, device?), ascending
        self.own = {}  # address of the log -> buffers here, the newest last
        self.threads = {}  # pthread of the log -> of this run
        self.nothing = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)
        self.missing = set()  # files of data that are not there
        self.same = 0  # contents that were compared, and equal
        self.differences = self.remarks = 0

    # ---- names and values ----

    def constant(self, name):
        value = ctypes.c_int()
        if not self.constants(str(name).encode(), ctypes.byref(value)):
            raise Wrong(f"no header has {name}")
        return value.value

    def function(self, name, restype=ctypes.c_int):
        """A function object of its own for each use, since threads would share its types."""
        for library in self.libraries:
            try:
                found = getattr(library, name)
            except AttributeError:
                continue
            return ctypes.CFUNCTYPE(restype)(ctypes.cast(found, ctypes.c_void_p).value)
        raise NotReplayed("no library has it")

    def contents(self, call, name):
        """The bytes that a call read or wrote; None if they were not kept."""
        file = call["data"].get(name)
        if file is None or self.data is None:
            return None
        found = re.fullmatch(r"[0-9a-f]{16}-(\d{1,10})", str(file))
        if not found:
            raise Wrong(f"{file!r} is no file of --data")
        path, size = self.data / file, int(found[1])
        if not path.is_file() or path.stat().st_size != size or size > MOST_BYTES:
            self.missing.add(file)
            return None
        return path.read_bytes()

    def block_of(self, address, size):
        """(address here, on the device?) of one inside a block the library gave, or None."""
        i = bisect.bisect_right(self.blocks, (address, float("inf"))) - 1
        if i < 0 or address - self.blocks[i][0] >= self.blocks[i][1]:
            return None
        start, length, here, device = self.blocks[i]
        if address - start + size > length:
            raise NotReplayed(f"{size} bytes reach beyond a block of {length}")
        return here + address - start, device

    def memory_of(self, address, size):
        """Memory here that stands for the program's own at an address of the log."""
        buffers = self.own.setdefault(address, [])
        if not buffers or len(buffers[-1]) < size:
            if size > MOST_BYTES:
                raise NotReplayed(f"{size} bytes are more than a replay sets aside")
            buffer = ctypes.create_string_buffer(max(size, SCRATCH))
            if buffers:
                ctypes.memmove(buffer, buffers[-1], len(buffers[-1]))
            buffers.append(buffer)  # the library may still use the smaller ones
        return ctypes.addressof(buffers[-1])

    def place(self, text, size=0):
        """(address here, on the device?) of an address or a handle of the log."""
        if text is None:
            return None, False
        old = int(str(text), 16)
        if old in self.absent:
            raise NotReplayed(f"it needs what line {self.absent[old]} did not give")
        if old in self.handles:
            return self.handles[old], False
        return self.block_of(old, size) or (self.memory_of(old, size), False)

    def row(self, data):
        """A row of handles, read from the log's memory."""
        old = [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), 8)]
        return (ctypes.c_void_p * len(old))(*(self.place(hex(v))[0] if v else None for v in old))

    def pointer(self, call, name, filled):
        args, value, data = call["args"], call["args"].get(name), self.contents(call, name)
        if name == "attrValue" and str(args.get("attr", "")).endswith("_PTR"):
            raise NotReplayed("attrValue holds an address")
        if value is None:
            return None
        if name in ARRAYS and ARRAYS[name][1] in args:
            bytes_, n = ELEMENTS.get(call["call"], ARRAYS[name][0]), args[ARRAYS[name][1]]
            if n and data is None:
                raise NotReplayed(f"the row {name} is known only with --data")
            if n > 0 and n * bytes_ > len(data):
                raise Wrong(f"{name} has fewer than {n} elements")
        if name in ROWS and data is not None:
            row = self.row(data)
            return row
        size = max([8 if filled else 0, len(data or b"")] +
                   [math.prod(max(int(args[f]), 0) for f in factors)
                    for n, factors in SIZES if n == name and all(f in args for f in factors)])
        here, device = self.place(value, size)
        if data is not None and not device:
            ctypes.memmove(here, data, len(data))
        return ctypes.c_void_p(here)

    def argument(self, call, name, kind, type_, filled):
        value = call["args"].get(name)
        if kind in ("function", "asked"):
            if value is None:
                return None
            if kind == "asked":
                raise NotReplayed(f"{name} is a function of the program's that returns something")
            self.note(call, f"{name} is a function of the program's; one that does nothing stands "
                            "for it")
            return ctypes.cast(self.nothing, ctypes.c_void_p)
        if kind == "text":
            if value is None:
                return None
            if len(value) > 300:
                raise NotReplayed(f"{name} was cut off in the log")
            return ctypes.c_char_p(value.encode("latin-1"))
        if kind == "enum":
            return ctypes.c_int(value if isinstance(value, int) else self.constant(value))
        if kind in ("signed", "unsigned", "real"):
            if name.lower().endswith("threadid"):
                value = self.threads.get(value, value)
            if (name, value) in self.absent:
                raise NotReplayed(f"it needs what line {self.absent[name, value]} did not give")
            value = self.numbers.get((name, value), value)
            plain = type_.removeprefix("const ").strip()
            return CTYPES.get(plain, ctypes.c_size_t)(float("nan") if value is None else value)
        return self.pointer(call, name, filled)

    # ---- what is told ----

    def note(self, call, why):
        with self.lock:
            self.remarks += 1
            say(f"line {call['line']}: {call['call']}: {why}")

    def differ(self, call, what, then, now):
        with self.lock:
            self.differences += 1
            say(f"line {call['line']}: {call['call']}: {what} was {then}, is now {now}")

    def message(self):
        return (self.function("aclGetRecentErrMsg", ctypes.c_char_p)() or b"").decode(
            "utf-8", "replace")

    # ---- contents ----

    def on_device(self):
        """Is a device's memory no address of this process?"""
        mode = ctypes.c_int(ACL_HOST)
        self.function("aclrtGetRunMode")(ctypes.byref(mode))
        return mode.value == ACL_HOST

    def copy(self, to, from_, size, kind):
        n = ctypes.c_size_t(size)
        if not self.on_device():
            ctypes.memmove(to, from_, size)
        elif self.function("aclrtMemcpy")(ctypes.c_void_p(to), n, ctypes.c_void_p(from_), n, kind):
            raise NotReplayed("its buffers cannot be copied: " + self.message())

    def buffer(self, dataset, index):
        """(address, bytes) of a buffer of a dataset of this run."""
        pointer = ctypes.c_void_p
        b = self.function("aclmdlGetDatasetBuffer", pointer)(
            pointer(self.place(dataset)[0]), ctypes.c_size_t(index))
        if not b:
            return None, 0
        return (self.function("aclGetDataBufferAddr", pointer)(pointer(b)),
                self.function("aclGetDataBufferSizeV2", ctypes.c_size_t)(pointer(b)))

    def fill_inputs(self, call):
        """The buffers of a run get what they held then."""
        for name in call["data"]:
            if not (re.fullmatch(r"input\d{1,4}", name) and call["call"].startswith("aclmdlExec")):
                continue
            data = self.contents(call, name)
            address, size = self.buffer(call["args"]["input"], int(name[5:]))
            if data and address and len(data) <= size:
                from_ = ctypes.create_string_buffer(data, len(data))
                self.copy(address, ctypes.addressof(from_), len(data), HOST_TO_DEVICE)

    def compare_contents(self, call):
        for name in call["data"]:
            then = self.contents(call, name) if name.startswith(">") else None
            if then is None:
                continue
            if name == ">dst":
                address, _ = self.place(call["args"]["dst"], len(then))
                now = ctypes.string_at(address, len(then))
            elif re.fullmatch(r">output\d{1,4}", name):
                address, size = self.buffer(call["args"]["output"], int(name[7:]))
                if not address or size < len(then):
                    self.differ(call, f"the size of {name[1:]}", len(then), size)
                    continue
                got = ctypes.create_string_buffer(len(then))
                self.copy(ctypes.addressof(got), address, len(then), DEVICE_TO_HOST)
                now = got.raw
            else:
                raise Wrong(f"no call has {name}")
            if now == then:
                self.same += 1
            else:
                n = sum(a != b for a, b in zip(now, then))
                self.differ(call, f"the contents of {name[1:]}", f"{len(then)} bytes",
                            f"different in {n} of them")

    # ---- one call ----

    def learn(self, call, name, kind, then, now):
        """A value the call gave: what it stands for, and whether it is the same."""
        if kind == "address":
            if then is None or not now:
                if (then is None) != (not now):
                    self.differ(call, name, then, hex(now) if now else None)
                return
            old, size = int(then, 16), call["args"].get("size")
            self.absent.pop(old, None)
            if name in ("devPtr", "hostPtr") and isinstance(size, int) and size > 0:
                self.blocks = [b for b in self.blocks if b[0] + b[1] <= old or old + size <= b[0]]
                bisect.insort(self.blocks, (old, size, now, name == "devPtr" and self.on_device()))
                self.handles.pop(old, None)
            else:
                self.handles[old] = now
        elif name in NUMBERS:
            self.numbers[name, then] = now
            self.absent.pop((name, then), None)
        elif call["call"] not in CHANCE and then != now:
            if kind != "real" or abs(then - now) > 1e-6 * abs(then):
                self.differ(call, name, then, now)

    def lose(self, call):
        """What the call gave then, it has not given now."""
        _, parameters = self.prototypes.get(call["call"], (None, []))
        kinds = {p[0]: p[3] for p in parameters}
        given = dict(call["filled"], **{"": call["result"]})
        for name, then in given.items():
            if kinds.get(name, "address") == "address" and re.fullmatch("0x[0-9a-f]+", str(then)):
                self.absent[int(then, 16)] = call["line"]
            elif name in NUMBERS and isinstance(then, int):
                self.absent[name, then] = call["line"]

    def filled(self, call, parameters, arguments):
        for (name, _, _, kind, type_), argument in zip(parameters, arguments):
            if not kind or name not in call["filled"] or not argument or not argument.value:
                continue
            then = call["filled"][name]
            if kind == "address":
                now = ctypes.c_void_p.from_address(argument.value).value or 0
            elif kind == "enum":
                now = ctypes.c_int.from_address(argument.value).value
                then = then if isinstance(then, int) else self.constant(then)
            else:
                now = CTYPES[type_].from_address(argument.value).value
            self.learn(call, name, kind, then, now)

    def run(self, call):
        if call["call"] not in self.prototypes:
            raise Wrong(f"{call['call']} is no function of AscendCL")
        (kind, type_), parameters = self.prototypes[call["call"]]
        restype = {"void": None, "address": ctypes.c_void_p, "text": ctypes.c_char_p,
                   "enum": ctypes.c_int}.get(kind, CTYPES.get(type_, ctypes.c_int))
        with self.lock:
            function = self.function(call["call"], restype)
            arguments = [self.argument(call, n, k, t, bool(f)) for n, k, t, f, _ in parameters]
            self.fill_inputs(call)
        result = function(*arguments)
        with self.lock:
            then = call["result"]
            if kind == "code":
                code = then if isinstance(then, int) else self.constant(then)
                if code != result:
                    self.differ(call, "its code", then,
                                f"{result} ({self.message() if result else 'ACL_SUCCESS'})")
                    self.lose(call)
                elif not result:
                    self.filled(call, parameters, arguments)
                    self.compare_contents(call)
                    if call["call"] in FREES:
                        freed = int(next(iter(call["args"].values())), 16)
                        self.handles[freed] = arguments[0].value
                        self.blocks = [b for b in self.blocks if b[0] != freed]
            elif kind not in ("text", "void"):  # sentences may be worded anew
                if kind == "enum" and not isinstance(then, int):
                    then = self.constant(then)
                self.learn(call, "its result", kind, then, result or 0)

    # ---- all of them ----

    def run_thread(self, calls, order, progress):
        for call in calls:
            order.wait(call)
            progress.begin(call)
            try:
                self.run(call)
            except NotReplayed as e:
                self.note(call, f"not replayed: {e}")
                self.lose(call)
            except Exception as e:  # whatever a line can hold that acltrace has not written
                self.differ(call, "the line", "of a log",
                            f"not understood: {str(e) or type(e).__name__}")
                self.lose(call)
            progress.end(call)
            order.done(call)

    def run_all(self, calls, progress):
        order = Order(calls)
        threads = {}
        for call in calls:
            threads.setdefault(call["thread"], []).append(call)
        ready = threading.Barrier(len(threads) + 1)

        def main(own):
            with self.lock:
                self.threads[own[0]["pthread"]] = threading.get_ident()
            ready.wait()
            self.run_thread(own, order, progress)

        started = [threading.Thread(target=main, args=(own,)) for own in threads.values()]
        for t in started:
            t.start()
        ready.wait()
        for t in started:
            t.join()


class Order:
    """Lets a call begin when all that had returned before it began have returned."""

    def __init__(self, calls):
        self.changed = threading.Condition()
        ends = sorted((c["at_us"] + c["us"], c["line"]) for c in calls)
        self.rank = {line: i for i, (_, line) in enumerate(ends)}
        times = [t for t, _ in ends]
        self.before = {c["line"]: bisect.bisect_right(times, c["at_us"]) for c in calls}
        self.returned = [False] * len(ends)
        self.first = 0  # all before this rank have returned

    def wait(self, call):
        with self.changed:
            self.changed.wait_for(lambda: self.first >= min(self.before[call["line"]],
                                                            self.rank[call["line"]]))

    def done(self, call):
        with self.changed:
            self.returned[self.rank[call["line"]]] = True
            while self.first < len(self.returned) and self.returned[self.first]:
                self.first += 1
            self.changed.notify_all()


class Progress:
    """Which lines are being run: memory that the parent process sees."""

    def __init__(self, calls):
        self.slots = {t: i for i, t in enumerate(dict.fromkeys(c["thread"] for c in calls))}
        self.lines = {c["line"]: c for c in calls}
        self.memory = mmap.mmap(-1, 8 * len(self.slots) + 8)
        self.ended, self.lock = 0, threading.Lock()

    def begin(self, call):
        struct.pack_into("q", self.memory, 8 * self.slots[call["thread"]] + 8, call["line"])

    def end(self, call):
        struct.pack_into("q", self.memory, 8 * self.slots[call["thread"]] + 8, 0)
        with self.lock:
            self.ended += 1
            struct.pack_into("q", self.memory, 0, self.ended)

    def read(self):
        """(calls that have ended, lines that are being run)."""
        ended, *lines = struct.unpack_from(f"{len(self.slots) + 1}q", self.memory)
        return ended, [self.lines[n] for n in lines if n]


def read_log(path):
    calls = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            try:
                call = {"data": {}, "filled": {}, "pthread": None, **json.loads(line)}
                call["line"] = number
                times = call["at_us"], call["us"]
                if not (isinstance(call["call"], str) and isinstance(call["thread"], int)
                        and all(isinstance(call[k], dict) for k in ("args", "data", "filled"))
                        and all(isinstance(t, (int, float)) and 0 <= t < 1e15 for t in times)
                        and isinstance(call["result"], (str, int, float, type(None)))
                        and isinstance(call["pthread"], (int, type(None)))):
                    raise ValueError
            except (ValueError, KeyError, TypeError, RecursionError):
                raise Wrong(f"{path}: line {number} is no line of acltrace --json") from None
            calls.append(call)
    if not calls:
        raise Wrong(f"{path} has no calls")
    if len({c["thread"] for c in calls}) > MOST_THREADS:
        raise Wrong(f"{path} has more than {MOST_THREADS} threads")
    return sorted(calls, key=lambda c: (c["at_us"], c["line"]))


def child(arguments, calls, progress):
    prototypes, shim, library, _, data = arguments
    try:
        replay = Replay(prototypes, shim, library, data)
    except OSError as e:
        print(f"acltrace: {e}", file=sys.stderr)
        return 2
    replay.run_all(calls, progress)
    say(f"{len(calls)} calls replayed, {replay.differences} differences, {replay.same} contents "
        f"equal, {replay.remarks} remarks")
    if replay.missing:
        say(f"{len(replay.missing)} contents are missing in {data}, or not whole")
    return 1 if replay.differences or replay.missing else 0


def watch(pid, calls, progress):
    """Waits for the child; says where it has crashed, or hangs."""
    patience = PATIENCE_S + 20 * max(c["us"] for c in calls) / 1e6
    ended, since, stuck = -1, time.monotonic(), False
    handle = os.pidfd_open(pid)
    while not select.select([handle], [], [], 1)[0]:
        now = progress.read()[0]
        if now != ended:
            ended, since = now, time.monotonic()
        elif time.monotonic() - since > patience:
            stuck = True
            os.kill(pid, signal.SIGKILL)
            break
    status = os.waitpid(pid, 0)[1]
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    why = (f"has not returned for {patience:.0f} s" if stuck else
           f"has ended by {signal.Signals(os.WTERMSIG(status)).name}")
    ended, running = progress.read()
    for call in running:
        say(f"line {call['line']}: {call['call']}: {why}")
    say(f"{ended} of {len(calls)} calls replayed" + ("" if running else f"; the replay {why}"))
    return 1


def main():
    arguments = sys.argv[1:]
    log, data = arguments[3:]
    try:
        calls = read_log(log)
        if data and not pathlib.Path(data).is_dir():
            raise Wrong(f"{data} is no folder")
    except OSError as e:
        print(f"acltrace: {log} cannot be read: {e.strerror}", file=sys.stderr)
        return 2
    except Wrong as e:
        print(f"acltrace: {e}", file=sys.stderr)
        return 2
    progress = Progress(calls)
    pid = os.fork()
    if pid:
        try:
            return watch(pid, calls, progress)
        except KeyboardInterrupt:
            os.kill(pid, signal.SIGKILL)
            return 130
    status = 2
    try:
        status = child(arguments, calls, progress)
    finally:
        os._exit(status)  # threads, and handlers of the library's, have nothing left to do


if __name__ == "__main__":
    sys.exit(main())
