// An interpreter of a small register machine that calls a handler through a table for each operation: indirect calls.
#include "bench.h"

typedef struct {
    uint8_t op, to, a, b;
} Code;

typedef struct {
    int64_t registers[16];
    uint32_t at;
    int running;
    int32_t memory[256];
} Machine;

typedef void (*Handler)(Machine *, Code);

#define HANDLER(name) static void name(Machine *m, Code c)
HANDLER(op_add) { m->registers[c.to] = m->registers[c.a] + m->registers[c.b]; }
HANDLER(op_sub) { m->registers[c.to] = m->registers[c.a] - m->registers[c.b]; }
HANDLER(op_mul) { m->registers[c.to] = (int64_t)((uint64_t)m->registers[c.a] * (uint64_t)m->registers[c.b]); }
HANDLER(op_xor) { m->registers[c.to] = m->registers[c.a] ^ m->registers[c.b]; }
HANDLER(op_shr) { m->registers[c.to] = (int64_t)((uint64_t)m->registers[c.a] >> (c.b & 63)); }
HANDLER(op_imm) { m->registers[c.to] = (int8_t)c.a; (void)c.b; }
HANDLER(op_addi) { m->registers[c.to] = m->registers[c.a] + (int8_t)c.b; }
HANDLER(op_load) { m->registers[c.to] = m->memory[(uint64_t)(m->registers[c.a] + c.b) & 255]; }
HANDLER(op_store) { m->memory[(uint64_t)(m->registers[c.a] + c.b) & 255] = (int32_t)m->registers[c.to]; }
HANDLER(op_less) { m->registers[c.to] = m->registers[c.a] < m->registers[c.b]; }
HANDLER(op_jump_if) {
    if (m->registers[c.to]) m->at = (uint32_t)c.a | (uint32_t)c.b << 8;
}
HANDLER(op_halt) {
    m->running = 0;
    (void)c;
}

enum { ADD, SUB, MUL, XOR, SHR, IMM, ADDI, LOAD, STORE, LESS, JUMP_IF, HALT };
static const Handler HANDLERS[] = {op_add, op_sub, op_mul, op_xor, op_shr, op_imm, op_addi, op_load, op_store, op_less, op_jump_if, op_halt};

static __attribute__((noinline)) uint64_t run(Machine *m, const Code *code) {
    uint64_t steps = 0;
    m->running = 1;
    while (m->running) {
        Code c = code[m->at++];
        HANDLERS[c.op](m, c);
        steps++;
    }
    return steps;
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 20000);
    // r0 counts to r1 in steps of r2; the rest mixes numbers through memory.
    static const Code CODE[] = {
        {IMM, 0, 0, 0},  {IMM, 2, 1, 0},   {IMM, 3, 57, 0},  {IMM, 4, 31, 0},      // 0
        {ADD, 5, 0, 3},  {MUL, 5, 5, 4},   {SHR, 6, 5, 3},   {XOR, 5, 5, 6},       // 4: the loop
        {LOAD, 7, 0, 5}, {ADD, 7, 7, 5},   {STORE, 7, 0, 5}, {SUB, 3, 3, 0},       // 8
        {ADDI, 4, 4, 2}, {ADD, 0, 0, 2},   {LESS, 8, 0, 1},  {JUMP_IF, 8, 4, 0},   // 12
        {HALT, 0, 0, 0},
    };
    Machine *m = calloc(1, sizeof *m);
    uint64_t sum = 1;
    for (uint32_t round = 0; round < work; round++) {
        m->at = 0;
        m->registers[1] = 500 + round % 16;
        sum = bench_mix(sum, run(m, CODE));
        sum = bench_mix(sum, (uint64_t)m->registers[3] + (uint32_t)m->memory[round % 256]);
    }
    free(m);
    return bench_done("interp", sum);
}
