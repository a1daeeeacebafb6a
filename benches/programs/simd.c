// 128-bit vectors: a blur of bytes, a dot product of floats, a shuffle and a reduction.
#include "bench.h"
#include <wasm_simd128.h>

enum { WIDTH = 1024, HEIGHT = 512, FLOATS = 1 << 15 };

static uint8_t image[HEIGHT][WIDTH], blurred[HEIGHT][WIDTH];
static float a[FLOATS], b[FLOATS];

static __attribute__((noinline)) void blur(void) {
    for (int y = 1; y + 1 < HEIGHT; y++)
        for (int x = 16; x + 32 <= WIDTH; x += 16) {
            v128_t up = wasm_v128_load(&image[y - 1][x]), down = wasm_v128_load(&image[y + 1][x]);
            v128_t left = wasm_v128_load(&image[y][x - 1]), right = wasm_v128_load(&image[y][x + 1]);
            v128_t cross = wasm_u8x16_avgr(wasm_u8x16_avgr(up, down), wasm_u8x16_avgr(left, right));
            v128_t middle = wasm_v128_load(&image[y][x]);
            v128_t edge = wasm_i8x16_gt(wasm_u8x16_sub_sat(cross, middle), wasm_i8x16_splat(60));
            wasm_v128_store(&blurred[y][x], wasm_v128_bitselect(middle, wasm_u8x16_avgr(cross, middle), edge));
        }
}

static __attribute__((noinline)) float dot(void) {
    v128_t sum0 = wasm_f32x4_splat(0), sum1 = sum0;
    for (int i = 0; i < FLOATS; i += 8) {
        sum0 = wasm_f32x4_add(sum0, wasm_f32x4_mul(wasm_v128_load(&a[i]), wasm_v128_load(&b[i])));
        sum1 = wasm_f32x4_add(sum1, wasm_f32x4_mul(wasm_v128_load(&a[i + 4]), wasm_v128_load(&b[i + 4])));
    }
    v128_t sum = wasm_f32x4_add(sum0, sum1);
    sum = wasm_f32x4_add(sum, wasm_i32x4_shuffle(sum, sum, 2, 3, 0, 1));
    return wasm_f32x4_extract_lane(sum, 0) + wasm_f32x4_extract_lane(sum, 1);
}

static __attribute__((noinline)) uint32_t reduce(void) {
    v128_t total = wasm_i32x4_splat(0);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x += 16) {
            v128_t bytes = wasm_i8x16_swizzle(wasm_v128_load(&blurred[y][x]), wasm_i8x16_const(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
            v128_t low = wasm_u16x8_extend_low_u8x16(bytes), high = wasm_u16x8_extend_high_u8x16(bytes);
            total = wasm_i32x4_add(total, wasm_i32x4_dot_i16x8(low, high));
        }
    return (uint32_t)(wasm_i32x4_extract_lane(total, 0) + wasm_i32x4_extract_lane(total, 1) + wasm_i32x4_extract_lane(total, 2) + wasm_i32x4_extract_lane(total, 3));
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 3000);
    uint64_t sum = 1, seed = 21;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) image[y][x] = (uint8_t)(bench_random(&seed) >> 30);
    for (int i = 0; i < FLOATS; i++) a[i] = (float)(i % 17) / 4, b[i] = (float)(i % 5) - 2;
    for (uint32_t round = 0; round < work; round++) {
        blur();
        image[round % HEIGHT][round * 7 % WIDTH] ^= 0xff;
        a[round % FLOATS] += 1;
        sum = bench_mix(bench_mix(sum, reduce()), (uint64_t)(int64_t)(dot() * 16));
    }
    return bench_done("simd", sum);
}
