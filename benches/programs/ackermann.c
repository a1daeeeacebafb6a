// The Ackermann function: deep recursion. The stack must hold some ten thousand frames.
#include "bench.h"

static __attribute__((noinline)) uint32_t ackermann(uint32_t m, uint32_t n) {
    if (m == 0) return n + 1;
    if (n == 0) return ackermann(m - 1, 1);
    uint32_t inner = ackermann(m, n - 1);
    return ackermann(m - 1, inner);
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 18);
    uint64_t sum = 1;
    for (uint32_t round = 0; round < work; round++) sum = bench_mix(sum, ackermann(3, 8 + round % 2) + round);
    return bench_done("ackermann", sum);
}
