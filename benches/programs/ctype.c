// Classifying and converting characters through tables and branches.
#include "bench.h"

enum { UPPER = 1, LOWER = 2, DIGIT = 4, SPACE = 8, PUNCT = 16 };

static uint8_t classes[256];

static __attribute__((noinline)) int classify(int c) {
    if (c >= 'a' && c <= 'z') return LOWER;
    if (c >= 'A' && c <= 'Z') return UPPER;
    if (c >= '0' && c <= '9') return DIGIT;
    if (c == ' ' || (c >= '\t' && c <= '\r')) return SPACE;
    return c > 32 && c < 127 ? PUNCT : 0;
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 500);
    enum { LENGTH = 1 << 18 };
    unsigned char *text = malloc(LENGTH);
    uint64_t seed = 42;
    for (int i = 0; i < 256; i++) classes[i] = (uint8_t)classify(i);
    for (int i = 0; i < LENGTH; i++) text[i] = (unsigned char)(bench_random(&seed) >> 57);
    uint64_t sum = 1;
    for (uint32_t round = 0; round < work; round++) {
        uint32_t counts[5] = {0}, words = 0;
        int inside = 0;
        for (int i = 0; i < LENGTH; i++) {
            int c = text[i], class = classes[c];
            if (class & UPPER) counts[0]++, text[i] = (unsigned char)(c + 32);
            else if (class & LOWER) counts[1]++, text[i] = (unsigned char)(c - 32);
            else if (class & DIGIT) counts[2] += (uint32_t)(c - '0');
            else if (class & SPACE) counts[3]++;
            else counts[4]++;
            int letter = (class & (UPPER | LOWER)) != 0;
            words += (uint32_t)(letter && !inside);
            inside = letter;
        }
        for (int i = 0; i < 5; i++) sum = bench_mix(sum, counts[i]);
        sum = bench_mix(sum, words);
    }
    free(text);
    return bench_done("ctype", sum);
}
