// The Mandelbrot set: double arithmetic in a loop whose length depends on the data.
#include "bench.h"

int main(int argc, char **argv) {
    uint32_t size = bench_work(argc, argv, 900);
    uint64_t sum = 1;
    for (uint32_t row = 0; row < size; row++) {
        uint32_t inside = 0, steps = 0;
        double ci = 2.0 * row / size - 1.0;
        for (uint32_t column = 0; column < size; column++) {
            double cr = 2.0 * column / size - 1.5, zr = 0, zi = 0, rr = 0, ii = 0;
            uint32_t step = 0;
            while (step < 200 && rr + ii <= 4.0) {
                zi = 2 * zr * zi + ci;
                zr = rr - ii + cr;
                rr = zr * zr;
                ii = zi * zi;
                step++;
            }
            steps += step;
            inside += step == 200;
        }
        sum = bench_mix(bench_mix(sum, inside), steps);
    }
    return bench_done("mandelbrot", sum);
}
