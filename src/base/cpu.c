/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/cpu.h"

#include <ctype.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"

static const char *const names[ISA_COUNT] = {"avx512", "avx2", "neon", "base"};

const char *isa_name(enum isa isa) { return names[isa]; }

int isa_supported(enum isa isa) {
    switch (isa) {
#if defined(__x86_64__)
    case ISA_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("fma");
    case ISA_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif defined(__aarch64__)
    case ISA_NEON: return 1;
#endif
    case ISA_BASE: return 1;
    default: return 0;
    }
}

static enum isa selected;
static pthread_once_t isa_once = PTHREAD_ONCE_INIT;

static void select_isa(void) {
    const char *wanted = env_string(ENV_ISA);
    for (int i = ISA_COUNT - 1; i >= 0; i--)
        if (isa_supported((enum isa)i)) selected = (enum isa)i;
    if (!*wanted) return;
    for (int i = 0; i < ISA_COUNT; i++)
        if (!strcmp(wanted, names[i]) && isa_supported((enum isa)i)) {
            selected = (enum isa)i;
            return;
        }
    fprintf(stderr, "prusik: PRUSIK_ISA=%s is not known or not supported by this CPU; using %s\n",
            wanted, names[selected]);
}

enum isa isa_selected(void) {
    pthread_once(&isa_once, select_isa);
    return selected;
}

static double cgroup_quota(void) {
    char line[64];
    long quota = 0, period = 0;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r"); /* cgroup v2, own namespace */
    if (f) {
        if (fgets(line, sizeof line, f) && sscanf(line, "%ld %ld", &quota, &period) != 2) quota = 0;
        fclose(f);
    } else {
        if ((f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r"))) {
            if (fscanf(f, "%ld", &quota) != 1) quota = 0;
            fclose(f);
        }
        if ((f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r"))) {
            if (fscanf(f, "%ld", &period) != 1) period = 0;
            fclose(f);
        }
    }
    return quota > 0 && period > 0 ? (double)quota / (double)period : 0;
}

int cpu_usable_cores(void) {
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                         : (int)sysconf(_SC_NPROCESSORS_ONLN);
    double quota = cgroup_quota();
    if (quota > 0 && quota < n) n = (int)(quota + 0.999);
    return n < 1 ? 1 : n;
}

bool core_set_parse(const char **text, struct core_set *out) {
    const char *p = *text;
    *out = (struct core_set){0};
    while (*p && *p != ';') {
        char *end;
        long first = strtol(p, &end, 10), last = first;
        if (end == p || first < 0) return false;
        if (*end == '-') {
            p = end + 1;
            last = strtol(p, &end, 10);
            if (end == p || last < first) return false;
        }
        if (last >= MAX_CORES) return false;
        for (long i = first; i <= last; i++) {
            uint64_t bit = UINT64_C(1) << i % 64;
            out->n += !(out->bits[i / 64] & bit);
            out->bits[i / 64] |= bit;
        }
        p = *end == ',' ? end + 1 : end;
        if (*p && *p != ';' && end == p) return false;
    }
    *text = p;
    return out->n > 0;
}

static void to_system(const struct core_set *set, cpu_set_t *out) {
    CPU_ZERO(out);
    for (int i = 0; i < MAX_CORES && i < CPU_SETSIZE; i++)
        if (set->bits[i / 64] >> i % 64 & 1) CPU_SET(i, out);
}

bool core_set_is_usable(const struct core_set *set) {
    cpu_set_t allowed, wanted;
    if (sched_getaffinity(0, sizeof allowed, &allowed)) return true; /* not known */
    to_system(set, &wanted);
    CPU_AND(&wanted, &wanted, &allowed);
    return CPU_COUNT(&wanted) > 0;
}

void core_set_pin_self(const struct core_set *set) {
    cpu_set_t wanted;
    if (!set->n) return;
    to_system(set, &wanted);
    sched_setaffinity(0, sizeof wanted, &wanted);
}

static char class_name[48] = "unknown";
static pthread_once_t class_once = PTHREAD_ONCE_INIT;

static void find_class(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d;
    char maker[13] = "";
    if (!__get_cpuid(0, &a, &b, &c, &d)) return;
    memcpy(maker, &b, 4);
    memcpy(maker + 4, &d, 4);
    memcpy(maker + 8, &c, 4);
    for (int i = 0; maker[i]; i++)
        if (!isalnum((unsigned char)maker[i])) maker[i] = '_';
    if (!__get_cpuid(1, &a, &b, &c, &d)) return;
    unsigned family = a >> 8 & 15, model = a >> 4 & 15;
    if (family == 6 || family == 15) model |= a >> 12 & 0xf0;
    if (family == 15) family += a >> 20 & 0xff;
    snprintf(class_name, sizeof class_name, "%s-%u-%u", maker, family, model);
#else
    unsigned long long midr;
    FILE *f = fopen("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", "r");
    if (!f) return;
    if (fscanf(f, "%llx", &midr) == 1)
        snprintf(class_name, sizeof class_name, "arm-0x%llx", midr & ~0xfULL); /* any revision */
    fclose(f);
#endif
}

const char *cpu_class(void) {
    pthread_once(&class_once, find_class);
    return class_name;
}

bool cpu_adds_beside_products(enum isa isa) {
    /* Family 25 is Zen 3 and Zen 4; only the latter has AVX-512, in two halves. */
    return isa == ISA_AVX512 && strncmp(cpu_class(), "AuthenticAMD-25-", 16) == 0;
}

size_t cpu_l2_bytes(void) {
    long n = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return n > 0 ? (size_t)n : 512u * 1024;
}
