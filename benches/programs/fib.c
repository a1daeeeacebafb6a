// Recursive Fibonacci numbers: direct calls and nothing else.
#include "bench.h"

static __attribute__((noinline)) uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 38);
    return bench_done("fib", bench_mix(1, fib(work)));
}
