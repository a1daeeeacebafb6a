// What every program of this folder shares: one argument, the amount of work, and one line of output, a checksum.
#ifndef BENCH_H
#define BENCH_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The first argument as the amount of work, or the default. The compiler cannot know it.
static inline uint32_t bench_work(int argc, char **argv, uint32_t normal) {
    return argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : normal;
}

// Mixes a value into a checksum.
static inline uint64_t bench_mix(uint64_t sum, uint64_t value) {
    sum ^= value;
    sum *= 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 29;
}

// Mixes a double in, rounded to 9 digits so that the last bits do not matter.
static inline uint64_t bench_mix_double(uint64_t sum, double value) {
    char text[40];
    snprintf(text, sizeof text, "%.9e", value);
    for (const char *c = text; *c; c++) sum = bench_mix(sum, (unsigned char)*c);
    return sum;
}

// xorshift64*: the same numbers everywhere.
static inline uint64_t bench_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

static inline int bench_done(const char *name, uint64_t sum) {
    printf("%s %016" PRIx64 "\n", name, sum);
    return 0;
}

#endif
