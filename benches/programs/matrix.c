// Product of two square matrices of doubles, the plain triple loop over transposed rows.
#include "bench.h"

enum { N = 300 };

static double a[N][N], b[N][N], c[N][N];

static __attribute__((noinline)) void multiply(void) {
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < N; k++) sum += a[i][k] * b[j][k];
            c[i][j] = sum;
        }
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 24);
    uint64_t sum = 1;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = (i * 7 + j * 3) % 11 / 16.0;
            b[i][j] = (i * 5 + j) % 13 / 16.0;
        }
    for (uint32_t round = 0; round < work; round++) {
        multiply();
        a[round % N][round * 7 % N] = c[round * 3 % N][round % N] / 4096;
        sum = bench_mix_double(sum, c[N - 1][round % N]);
    }
    return bench_done("matrix", sum);
}
