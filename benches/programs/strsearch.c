// Searching words in a text three ways: naive, Horspool, and a table-driven automaton for several words.
#include "bench.h"

static const char *const WORDS[] = {"delta", "crank", "shaft", "napier", "engine", "opposed", "piston", "triangle"};
enum { WORD_COUNT = 8, LENGTH = 1 << 20, STATES = 64 };

static __attribute__((noinline)) uint32_t naive(const char *text, size_t count, const char *word, size_t length) {
    uint32_t found = 0;
    for (size_t i = 0; i + length <= count; i++) {
        size_t j = 0;
        while (j < length && text[i + j] == word[j]) j++;
        found += j == length;
    }
    return found;
}

static __attribute__((noinline)) uint32_t horspool(const char *text, size_t count, const char *word, size_t length) {
    size_t skip[256];
    uint32_t found = 0;
    for (int i = 0; i < 256; i++) skip[i] = length;
    for (size_t i = 0; i + 1 < length; i++) skip[(uint8_t)word[i]] = length - 1 - i;
    for (size_t i = 0; i + length <= count; i += skip[(uint8_t)text[i + length - 1]]) found += memcmp(text + i, word, length) == 0;
    return found;
}

static uint8_t next[STATES][256], ends[STATES];

static void build(void) {
    uint8_t fail[STATES] = {0}, queue[STATES];
    int count = 1, head = 0, tail = 0;
    memset(next, 0, sizeof next);
    for (int w = 0; w < WORD_COUNT; w++) {
        int state = 0;
        for (const char *c = WORDS[w]; *c; c++) {
            if (!next[state][(uint8_t)*c]) next[state][(uint8_t)*c] = (uint8_t)count++;
            state = next[state][(uint8_t)*c];
        }
        ends[state]++;
    }
    for (int c = 0; c < 256; c++)
        if (next[0][c]) queue[tail++] = next[0][c];
    while (head < tail) {
        int state = queue[head++];
        ends[state] = (uint8_t)(ends[state] + ends[fail[state]]);
        for (int c = 0; c < 256; c++) {
            int child = next[state][c];
            if (child) fail[child] = next[fail[state]][c], queue[tail++] = (uint8_t)child;
            else next[state][c] = next[fail[state]][c];
        }
    }
}

static __attribute__((noinline)) uint32_t automaton(const char *text, size_t count) {
    uint32_t found = 0, state = 0;
    for (size_t i = 0; i < count; i++) {
        state = next[state][(uint8_t)text[i]];
        found += ends[state];
    }
    return found;
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 20);
    char *text = malloc(LENGTH + 16);
    uint64_t seed = 5, sum = 1;
    size_t length = 0;
    while (length < LENGTH) {
        uint64_t dice = bench_random(&seed) >> 32;
        if (dice % 16 == 0) {
            const char *word = WORDS[dice / 16 % WORD_COUNT];
            memcpy(text + length, word, strlen(word));
            length += strlen(word);
        } else {
            text[length++] = (char)('a' + dice / 16 % 26);
        }
    }
    build();
    for (uint32_t round = 0; round < work; round++) {
        uint32_t one = 0, two = 0;
        for (int w = 0; w < WORD_COUNT; w++) {
            one += naive(text, LENGTH, WORDS[w], strlen(WORDS[w]));
            two += horspool(text, LENGTH, WORDS[w], strlen(WORDS[w]));
        }
        uint32_t three = automaton(text, LENGTH);
        if (one != two || two != three) return 1;
        text[round * 31 % LENGTH] ^= 1;
        sum = bench_mix(sum, one);
    }
    free(text);
    return bench_done("strsearch", sum);
}
