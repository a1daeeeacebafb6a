// Spectral norm of an infinite matrix: integer to double conversions, divisions, small functions.
#include "bench.h"
#include <math.h>

static double element(uint32_t i, uint32_t j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

static __attribute__((noinline)) void times(const double *v, double *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0;
        for (uint32_t j = 0; j < n; j++) sum += element(i, j) * v[j];
        out[i] = sum;
    }
}

static __attribute__((noinline)) void times_transposed(const double *v, double *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0;
        for (uint32_t j = 0; j < n; j++) sum += element(j, i) * v[j];
        out[i] = sum;
    }
}

int main(int argc, char **argv) {
    uint32_t n = bench_work(argc, argv, 2000);
    double *u = malloc(n * sizeof *u), *v = malloc(n * sizeof *v), *t = malloc(n * sizeof *t);
    for (uint32_t i = 0; i < n; i++) u[i] = 1;
    for (int round = 0; round < 10; round++) {
        times(u, t, n);
        times_transposed(t, v, n);
        times(v, t, n);
        times_transposed(t, u, n);
    }
    double uv = 0, vv = 0;
    for (uint32_t i = 0; i < n; i++) {
        uv += u[i] * v[i];
        vv += v[i] * v[i];
    }
    free(u);
    free(v);
    free(t);
    return bench_done("spectral", bench_mix_double(1, sqrt(uv / vv)));
}
