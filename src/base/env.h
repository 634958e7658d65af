/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of environment variables; nothing else calls getenv. `docs/env.md` is generated
 * from it (tests compare). Values are read once, at first use, and stay for the process; tests may
 * override them with env_override().
 *
 * ENV(identifier, NAME, default, sentence)
 */
#ifndef PK_BASE_ENV_H
#define PK_BASE_ENV_H

#define ENV_TABLE(ENV)                                                                             \
    ENV(DEBUG, "PRUSIK_DEBUG", "0", "1 = print each failure with file and line to stderr, where it first happens.") \
    ENV(THREADS, "PRUSIK_THREADS", "0", "Worker threads per device; 0 = as many as the affinity mask and cgroup quota allow.") \
    ENV(DEVICES, "PRUSIK_DEVICES", "", "Cores of each device, for example 0-3;4-7: its workers and the threads of its streams run there. Empty = one device with all cores.") \
    ENV(ISA, "PRUSIK_ISA", "", "Instruction set of the kernels: avx512, avx2, base, neon; empty = the best this CPU has.") \
    ENV(ALGO, "PRUSIK_ALGO", "", "direct, winograd2, winograd4, winograd5, winograd6 or pairs: convolutions use it wherever they can; empty = the fastest.") \
    ENV(REF, "PRUSIK_REF", "0", "1 = run every operator with its plain reference kernel.") \
    ENV(CHECK, "PRUSIK_CHECK", "0", "1 = report mistakes that a card would punish (memory, waits, leaks), as lines of the log; 2 = such calls fail, too.") \
    ENV(DUMP, "PRUSIK_DUMP", "", "Folder to write the graph after each pass to, and the plan, as text.") \
    ENV(SKIP, "PRUSIK_SKIP", "", "Comma-separated names of passes to leave out.") \
    ENV(STOP, "PRUSIK_STOP", "", "Name of the last pass to run.") \
    ENV(PROF, "PRUSIK_PROF", "0", "1 = print time, GFLOP/s and GB/s of each step, with their shares of the machine's limits, after each run to stderr; 2 = the steps that lose most first.") \
    ENV(TRACE, "PRUSIK_TRACE", "", "File to write calls, runs and steps of the process to at aclFinalize, as a Chrome trace (ui.perfetto.dev).") \
    ENV(SPIN_US, "PRUSIK_SPIN_US", "200", "How long a worker spins for the next step of a run before it sleeps, in microseconds.") \
    ENV(RUN_MODE, "PRUSIK_RUN_MODE", "host", "What aclrtGetRunMode says: host or device.") \
    ENV(SOC, "PRUSIK_SOC", "Ascend310", "What aclrtGetSocName says.") \
    ENV(STRICT, "PRUSIK_STRICT", "", "310, 310P or 310B: picture functions refuse what that chip would refuse (docs/dvpp.md); empty = they take what can be done.") \
    ENV(TEST_DATA, "PRUSIK_TEST_DATA", "", "Folder of test data; empty = a sibling folder named shared, if there is one.") \
    ENV(LOG_LEVEL, "ASCEND_GLOBAL_LOG_LEVEL", "3", "AscendCL log level: 0 debug, 1 info, 2 warning, 3 error, 4 none.") \
    ENV(LOG_STDOUT, "ASCEND_SLOG_PRINT_TO_STDOUT", "0", "1 = AscendCL log lines go to stdout, else to stderr.")

enum env_variable {
#define ENV(id, name, fallback, sentence) ENV_##id,
    ENV_TABLE(ENV)
#undef ENV
    ENV_COUNT
};

const char *env_string(enum env_variable v); /* never NULL */
int env_int(enum env_variable v);            /* 0 when not a number */
const char *env_name(enum env_variable v);
const char *env_default(enum env_variable v);
const char *env_sentence(enum env_variable v);
/* For tests and command-line options that stand for a variable. `value` is copied; at most 255
 * bytes. Not thread safe against env_string of the same variable. */
void env_override(enum env_variable v, const char *value);

#endif
