// Copy, scale, add and triad over arrays larger than the caches: bound by memory.
#include "bench.h"

enum { COUNT = 2 << 20 };

static __attribute__((noinline)) void copy(double *restrict a, const double *restrict b) {
    for (int i = 0; i < COUNT; i++) a[i] = b[i];
}
static __attribute__((noinline)) void scale(double *restrict a, const double *restrict b, double by) {
    for (int i = 0; i < COUNT; i++) a[i] = by * b[i];
}
static __attribute__((noinline)) void add(double *restrict a, const double *restrict b, const double *restrict c) {
    for (int i = 0; i < COUNT; i++) a[i] = b[i] + c[i];
}
static __attribute__((noinline)) void triad(double *restrict a, const double *restrict b, const double *restrict c, double by) {
    for (int i = 0; i < COUNT; i++) a[i] = b[i] + by * c[i];
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 40);
    double *a = malloc(COUNT * sizeof *a), *b = malloc(COUNT * sizeof *b), *c = malloc(COUNT * sizeof *c);
    for (int i = 0; i < COUNT; i++) a[i] = 1 + i % 7, b[i] = 2, c[i] = i % 3;
    uint64_t sum = 1;
    for (uint32_t round = 0; round < work; round++) {
        copy(c, a);
        scale(b, c, 0.25);
        add(c, a, b);
        triad(a, b, c, 0.5);
        sum = bench_mix_double(sum, a[round * 1021 % COUNT]);
    }
    free(a);
    free(b);
    free(c);
    return bench_done("stream", sum);
}
