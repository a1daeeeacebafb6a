// A stack machine whose loop is one big switch: br_table, with a stack in memory.
#include "bench.h"

enum { PUSH, LOAD, STORE, ADD, SUB, MUL, MOD, LESS, JUMP, JUMP_ZERO, DUP, SWAP, HALT };

static __attribute__((noinline)) uint64_t run(const int32_t *code, int64_t *locals) {
    int64_t stack[64], *top = stack;
    uint64_t steps = 0;
    for (const int32_t *at = code;; steps++) {
        switch (*at++) {
        case PUSH: *top++ = *at++; break;
        case LOAD: *top++ = locals[*at++]; break;
        case STORE: locals[*at++] = *--top; break;
        case ADD: top--, top[-1] += top[0]; break;
        case SUB: top--, top[-1] -= top[0]; break;
        case MUL: top--, top[-1] = (int64_t)((uint64_t)top[-1] * (uint64_t)top[0]); break;
        case MOD: top--, top[-1] = top[0] ? (int64_t)((uint64_t)top[-1] % (uint64_t)top[0]) : 0; break;
        case LESS: top--, top[-1] = top[-1] < top[0]; break;
        case JUMP: at = code + *at; break;
        case JUMP_ZERO: at = *--top ? at + 1 : code + *at; break;
        case DUP: top[0] = top[-1], top++; break;
        case SWAP: {
            int64_t other = top[-1];
            top[-1] = top[-2];
            top[-2] = other;
            break;
        }
        default: return steps;
        }
    }
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 3000);
    // for (l1 = 0; l1 < l0; l1++) l2 = (l2 * 31 + l1) % 1000003;
    static const int32_t CODE[] = {
        PUSH, 0, STORE, 1,                                                                   // 0
        LOAD, 1, LOAD, 0, LESS, JUMP_ZERO, 0,                                                // 4
        LOAD, 2, PUSH, 31, MUL, LOAD, 1, SWAP, ADD, PUSH, 1000003, MOD, STORE, 2,            // 11
        LOAD, 1, DUP, STORE, 1,                                                              // 25
        PUSH, 1, ADD, STORE, 1, JUMP, 4, HALT,
    };
    // The exit lies behind the loop.
    int32_t code[sizeof CODE / sizeof *CODE];
    memcpy(code, CODE, sizeof CODE);
    code[10] = (int32_t)(sizeof CODE / sizeof *CODE) - 1;
    int64_t locals[4] = {0};
    uint64_t sum = 1;
    for (uint32_t round = 0; round < work; round++) {
        locals[0] = 4000 + round % 7;
        sum = bench_mix(sum, run(code, locals) + (uint64_t)locals[2]);
    }
    return bench_done("switch", sum);
}
