// The sieve of Eratosthenes: byte stores with a stride, one long loop in one function.
#include "bench.h"

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 32);
    const uint32_t limit = 4000000;
    uint8_t *composite = malloc(limit + 1);
    uint64_t sum = 1;
    for (uint32_t round = 0; round < work; round++) {
        memset(composite, 0, limit + 1);
        uint32_t count = 0;
        for (uint32_t n = 2; n <= limit; n++) {
            if (composite[n]) continue;
            count++;
            if (n > limit / n) continue;
            for (uint32_t multiple = n * n; multiple <= limit; multiple += n) composite[multiple] = 1;
        }
        sum = bench_mix(sum, count + round);
    }
    free(composite);
    return bench_done("sieve", sum);
}
