// Heapsort of doubles: loads and stores that depend on comparisons.
#include "bench.h"

static __attribute__((noinline)) void sift(double *heap, uint32_t root, uint32_t count) {
    double value = heap[root];
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= count) break;
        if (child + 1 < count && heap[child] < heap[child + 1]) child++;
        if (!(value < heap[child])) break;
        heap[root] = heap[child];
        root = child;
    }
    heap[root] = value;
}

static void heapsort_doubles(double *heap, uint32_t count) {
    for (uint32_t root = count / 2; root-- > 0;) sift(heap, root, count);
    for (uint32_t end = count - 1; end > 0; end--) {
        double last = heap[end];
        heap[end] = heap[0];
        heap[0] = last;
        sift(heap, 0, end);
    }
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 5);
    const uint32_t count = 1000000;
    double *values = malloc(count * sizeof *values);
    uint64_t sum = 1, seed = 7;
    for (uint32_t round = 0; round < work; round++) {
        for (uint32_t i = 0; i < count; i++) values[i] = (double)(bench_random(&seed) >> 11) / 9007199254740992.0;
        heapsort_doubles(values, count);
        for (uint32_t i = 1; i < count; i++)
            if (values[i - 1] > values[i]) return 1;
        sum = bench_mix_double(sum, values[count / 3]);
    }
    free(values);
    return bench_done("heapsort", sum);
}
