// Fannkuch: permutations and reversals of small arrays.
#include "bench.h"

int main(int argc, char **argv) {
    int n = (int)bench_work(argc, argv, 10);
    int count[16], first[16], work[16], flips_max = 0, checksum = 0, sign = 1;
    if (n < 2 || n > 15) return 2;
    for (int i = 0; i < n; i++) first[i] = i, count[i] = i;
    for (;;) {
        if (first[0] != 0) {
            for (int i = 0; i < n; i++) work[i] = first[i];
            int flips = 0;
            for (int top = work[0]; top != 0; top = work[0]) {
                for (int i = 0, j = top; i < j; i++, j--) {
                    int other = work[i];
                    work[i] = work[j];
                    work[j] = other;
                }
                flips++;
            }
            if (flips > flips_max) flips_max = flips;
            checksum += sign * flips;
        }
        // The next permutation, so that the sign alternates.
        if (sign == 1) {
            int other = first[0];
            first[0] = first[1];
            first[1] = other;
            sign = -1;
            continue;
        }
        int other = first[1];
        first[1] = first[2];
        first[2] = other;
        sign = 1;
        for (int i = 2;; i++) {
            if (count[i] != 0) {
                count[i]--;
                break;
            }
            if (i == n - 1) return bench_done("fannkuch", bench_mix(bench_mix(1, (uint32_t)checksum), (uint32_t)flips_max));
            count[i] = i;
            int head = first[0];
            for (int j = 0; j <= i; j++) first[j] = first[j + 1];
            first[i + 1] = head;
        }
    }
}
