// Five bodies under gravity: scalar doubles, square roots and divisions.
#include "bench.h"
#include <math.h>

typedef struct {
    double x, y, z, vx, vy, vz, mass;
} Body;

enum { COUNT = 5 };
static const double PI = 3.141592653589793, YEAR = 365.24;

static Body bodies[COUNT];

static void set(int i, double x, double y, double z, double vx, double vy, double vz, double mass) {
    double sun = 4 * PI * PI;
    bodies[i] = (Body){x, y, z, vx * YEAR, vy * YEAR, vz * YEAR, mass * sun};
}

static __attribute__((noinline)) void advance(double dt) {
    for (int i = 0; i < COUNT; i++) {
        Body *a = &bodies[i];
        for (int j = i + 1; j < COUNT; j++) {
            Body *b = &bodies[j];
            double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
            double square = dx * dx + dy * dy + dz * dz;
            double strength = dt / (square * sqrt(square));
            a->vx -= dx * b->mass * strength;
            a->vy -= dy * b->mass * strength;
            a->vz -= dz * b->mass * strength;
            b->vx += dx * a->mass * strength;
            b->vy += dy * a->mass * strength;
            b->vz += dz * a->mass * strength;
        }
    }
    for (int i = 0; i < COUNT; i++) {
        bodies[i].x += dt * bodies[i].vx;
        bodies[i].y += dt * bodies[i].vy;
        bodies[i].z += dt * bodies[i].vz;
    }
}

static double energy(void) {
    double sum = 0;
    for (int i = 0; i < COUNT; i++) {
        const Body *a = &bodies[i];
        sum += 0.5 * a->mass * (a->vx * a->vx + a->vy * a->vy + a->vz * a->vz);
        for (int j = i + 1; j < COUNT; j++) {
            const Body *b = &bodies[j];
            double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
            sum -= a->mass * b->mass / sqrt(dx * dx + dy * dy + dz * dz);
        }
    }
    return sum;
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 6000000);
    // The sun and the four large planets; positions in astronomical units, velocities in units a day, masses in suns.
    set(0, 0, 0, 0, 0, 0, 0, 1);
    set(1, 4.84, -1.16, -0.104, 0.00166, 0.0077, -0.000069, 0.000954);
    set(2, 8.34, 4.12, -0.403, -0.00277, 0.00499, 0.000023, 0.000286);
    set(3, 12.89, -15.11, -0.223, 0.00296, 0.00238, -0.00003, 0.0000437);
    set(4, 15.38, -25.92, 0.179, 0.00268, 0.00163, -0.000095, 0.0000515);
    uint64_t sum = bench_mix_double(1, energy());
    for (uint32_t step = 0; step < work; step++) advance(0.001);
    sum = bench_mix_double(sum, energy());
    return bench_done("nbody", sum);
}
