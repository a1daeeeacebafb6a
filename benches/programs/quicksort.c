// The C library's qsort: a call through a function pointer for each comparison, beside a quicksort of our own.
#include "bench.h"

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void quicksort(uint32_t *values, int32_t low, int32_t high) {
    while (low < high) {
        uint32_t pivot = values[low + (high - low) / 2];
        int32_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot) i++;
            while (values[j] > pivot) j--;
            if (i <= j) {
                uint32_t other = values[i];
                values[i++] = values[j];
                values[j--] = other;
            }
        }
        if (j - low < high - i) {
            quicksort(values, low, j);
            low = i;
        } else {
            quicksort(values, i, high);
            high = j;
        }
    }
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 8);
    const uint32_t count = 200000;
    uint32_t *first = malloc(count * sizeof *first), *second = malloc(count * sizeof *second);
    uint64_t sum = 1, seed = 11;
    for (uint32_t round = 0; round < work; round++) {
        for (uint32_t i = 0; i < count; i++) first[i] = second[i] = (uint32_t)(bench_random(&seed) >> 32);
        qsort(first, count, sizeof *first, compare);
        quicksort(second, 0, (int32_t)count - 1);
        if (memcmp(first, second, count * sizeof *first) != 0) return 1;
        for (uint32_t i = 0; i < count; i += 997) sum = bench_mix(sum, first[i]);
    }
    free(first);
    free(second);
    return bench_done("quicksort", sum);
}
