// Objects of three classes with methods, a heap ordered by a callback, and folds over callbacks: small functions that are called through tables.
#include "bench.h"

typedef struct Shape Shape;

typedef struct {
    int32_t (*area)(const Shape *);
    int32_t (*edge)(const Shape *);
    void (*grow)(Shape *, int32_t);
} Class;

struct Shape {
    const Class *class;
    int32_t a, b;
};

static int32_t square_area(const Shape *s) { return s->a * s->a; }
static int32_t square_edge(const Shape *s) { return 4 * s->a; }
static void square_grow(Shape *s, int32_t by) { s->a = (s->a + by) & 1023; }
static int32_t box_area(const Shape *s) { return s->a * s->b; }
static int32_t box_edge(const Shape *s) { return 2 * (s->a + s->b); }
static void box_grow(Shape *s, int32_t by) { s->b = (s->b + by) & 511; }
static int32_t disc_area(const Shape *s) { return (s->a * s->a * 804) >> 8; }
static int32_t disc_edge(const Shape *s) { return (s->a * 1608) >> 8; }
static void disc_grow(Shape *s, int32_t by) { s->a = (s->a ^ by) & 255; }

static const Class SQUARE = {square_area, square_edge, square_grow};
static const Class BOX = {box_area, box_edge, box_grow};
static const Class DISC = {disc_area, disc_edge, disc_grow};

typedef int (*Before)(const Shape *, const Shape *);

static int smaller(const Shape *x, const Shape *y) { return x->a < y->a; }
static int narrower(const Shape *x, const Shape *y) { return x->b < y->b; }

// Sifts down in a heap of pointers.
static __attribute__((noinline)) void sift(Shape **heap, uint32_t at, uint32_t count, Before before) {
    Shape *moved = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(heap[child], heap[child + 1])) child++;
        if (!before(moved, heap[child])) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static __attribute__((noinline)) void sort(Shape **shapes, uint32_t count, Before before) {
    for (uint32_t at = count / 2; at-- > 0;) sift(shapes, at, count, before);
    for (uint32_t end = count; end-- > 1;) {
        Shape *last = shapes[end];
        shapes[end] = shapes[0];
        shapes[0] = last;
        sift(shapes, 0, end, before);
    }
}

typedef uint32_t (*Step)(uint32_t, const Shape *);

static uint32_t add(uint32_t sum, const Shape *s) { return sum + (uint32_t)s->a; }
static uint32_t mix(uint32_t sum, const Shape *s) { return (sum << 5 | sum >> 27) ^ (uint32_t)s->b; }

static __attribute__((noinline)) uint32_t fold(Shape *const *shapes, uint32_t count, Step step) {
    uint32_t sum = count;
    for (uint32_t i = 0; i < count; i++) sum = step(sum, shapes[i]);
    return sum;
}

static __attribute__((noinline)) uint32_t measure(Shape *const *shapes, uint32_t count) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        Shape *s = shapes[i];
        sum += (uint32_t)s->class->area(s);
        sum ^= (uint32_t)s->class->edge(s);
        s->class->grow(s, (int32_t)(sum & 7));
    }
    return sum;
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 1500), count = 3000;
    static const Class *const CLASSES[] = {&SQUARE, &BOX, &DISC};
    Shape *all = malloc(count * sizeof *all);
    Shape **shapes = malloc(count * sizeof *shapes);
    uint64_t state = 88172645463325252u, sum = 1;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t random = bench_random(&state);
        // As in collections of objects: mostly of one class for a while.
        all[i] = (Shape){CLASSES[i / 50 % 3], (int32_t)(random & 255), (int32_t)(random >> 8 & 255)};
        shapes[i] = &all[i];
    }
    for (uint32_t round = 0; round < work; round++) {
        for (uint32_t again = 0; again < 20; again++) sum = bench_mix(sum, measure(shapes, count));
        for (uint32_t again = 0; again < 20; again++) sum = bench_mix(sum, fold(shapes, count, again & 1 ? mix : add));
        if (round % 32 == 0) sort(shapes, count, round & 32 ? smaller : narrower);
    }
    free(shapes);
    free(all);
    return bench_done("shapes", sum);
}
