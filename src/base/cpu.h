/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine can do: instruction sets, cores, caches. Read once. */
#ifndef PK_BASE_CPU_H
#define PK_BASE_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Best first, as src/kernels/isa.def lists them. */
enum isa { ISA_AVX512, ISA_AVX2, ISA_NEON, ISA_BASE, ISA_COUNT };

const char *isa_name(enum isa isa);      /* "avx512", "avx2", "neon", "base" */
int isa_supported(enum isa isa);         /* by this CPU and operating system */
/* The ISA to use: PRUSIK_ISA if set and supported, else the best supported. An unknown or
 * unsupported value is reported once on stderr and ignored. */
enum isa isa_selected(void);

/* Cores this process may use: its affinity mask, no more than its cgroup CPU quota (rounded up);
 * at least 1. */
int cpu_usable_cores(void);

/* Cores by number, as the system numbers them. n = 0: no choice, any core. */
enum { MAX_CORES = 1024 };
struct core_set {
    int n;
    uint64_t bits[MAX_CORES / 64];
};
/* Reads "0-3,8,9" up to the end or a ';' and moves *text there; false when it is malformed. */
bool core_set_parse(const char **text, struct core_set *out);
/* Whether this thread may run on one of them. */
bool core_set_is_usable(const struct core_set *set);
/* Keeps the calling thread on these cores; does nothing when n is 0 or none of them is usable. */
void core_set_pin_self(const struct core_set *set);

/* What processors share that run the same code equally fast: "AuthenticAMD-25-17" (maker, family,
 * model), "arm-0x410fd0c0" (MIDR), "unknown". No blanks and no dots. */
const char *cpu_class(void);
/* Whether vectors of this instruction set are added by other units than those that multiply and
 * add, and measured to be: see kernels/pairs.h. */
bool cpu_adds_beside_products(enum isa isa);
size_t cpu_l2_bytes(void); /* per core; 512 KiB when the system does not say */

#endif
