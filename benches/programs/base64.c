// Base64, there and back: byte loads, shifts, table lookups.
#include "bench.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static uint8_t values[256];

static __attribute__((noinline)) size_t encode(const uint8_t *in, size_t count, char *out) {
    char *o = out;
    size_t i = 0;
    for (; i + 2 < count; i += 3) {
        uint32_t three = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        *o++ = ALPHABET[three >> 18];
        *o++ = ALPHABET[three >> 12 & 63];
        *o++ = ALPHABET[three >> 6 & 63];
        *o++ = ALPHABET[three & 63];
    }
    if (i < count) {
        uint32_t three = (uint32_t)in[i] << 16 | (i + 1 < count ? (uint32_t)in[i + 1] << 8 : 0);
        *o++ = ALPHABET[three >> 18];
        *o++ = ALPHABET[three >> 12 & 63];
        *o++ = i + 1 < count ? ALPHABET[three >> 6 & 63] : '=';
        *o++ = '=';
    }
    return (size_t)(o - out);
}

static __attribute__((noinline)) size_t decode(const char *in, size_t count, uint8_t *out) {
    uint8_t *o = out;
    for (size_t i = 0; i + 3 < count; i += 4) {
        uint32_t four = (uint32_t)values[(uint8_t)in[i]] << 18 | (uint32_t)values[(uint8_t)in[i + 1]] << 12 |
                        (uint32_t)values[(uint8_t)in[i + 2]] << 6 | values[(uint8_t)in[i + 3]];
        *o++ = (uint8_t)(four >> 16);
        if (in[i + 2] != '=') *o++ = (uint8_t)(four >> 8);
        if (in[i + 3] != '=') *o++ = (uint8_t)four;
    }
    return (size_t)(o - out);
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 120);
    enum { LENGTH = 1 << 20 };
    uint8_t *plain = malloc(LENGTH), *again = malloc(LENGTH + 3);
    char *text = malloc(LENGTH / 3 * 4 + 8);
    uint64_t sum = 1, seed = 3;
    for (int i = 0; i < 64; i++) values[(uint8_t)ALPHABET[i]] = (uint8_t)i;
    for (int i = 0; i < LENGTH; i++) plain[i] = (uint8_t)bench_random(&seed);
    for (uint32_t round = 0; round < work; round++) {
        size_t count = LENGTH - round % 3;
        size_t length = encode(plain, count, text);
        if (decode(text, length, again) != count || memcmp(plain, again, count) != 0) return 1;
        plain[round] ^= 0x55;
        sum = bench_mix(sum, (uint64_t)(uint8_t)text[round] + length);
    }
    free(plain);
    free(again);
    free(text);
    return bench_done("base64", sum);
}
