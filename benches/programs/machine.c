// Three kinds of embedded work in one program: a linked list that is searched, reversed and merge-sorted, small integer matrices,
// and a state machine that reads numbers; all checked by a CRC-16.
#include "bench.h"

typedef struct Item {
    struct Item *next;
    int16_t key, data;
} Item;

enum { ITEMS = 400, SIDE = 40, INPUT = 2048 };

static uint16_t crc16(uint16_t value, uint16_t crc) {
    for (int bit = 0; bit < 16; bit++) {
        uint16_t carry = (uint16_t)((value ^ crc) & 1);
        value >>= 1;
        crc >>= 1;
        if (carry) crc ^= 0xa001;
    }
    return crc;
}

static int by_key(const Item *a, const Item *b) { return a->key - b->key; }
static int by_data(const Item *a, const Item *b) { return (a->data & 0x7f) - (b->data & 0x7f); }

static Item *merge(Item *a, Item *b, int (*order)(const Item *, const Item *)) {
    Item head, *tail = &head;
    while (a && b) {
        Item **least = order(a, b) <= 0 ? &a : &b;
        tail->next = *least;
        tail = *least;
        *least = (*least)->next;
    }
    tail->next = a ? a : b;
    return head.next;
}

static Item *sort(Item *list, int (*order)(const Item *, const Item *)) {
    if (!list || !list->next) return list;
    Item *slow = list, *fast = list->next;
    while (fast && fast->next) slow = slow->next, fast = fast->next->next;
    Item *second = slow->next;
    slow->next = NULL;
    return merge(sort(list, order), sort(second, order), order);
}

static Item *reverse(Item *list) {
    Item *done = NULL;
    while (list) {
        Item *next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

static __attribute__((noinline)) uint16_t lists(Item *items, int16_t salt, uint16_t crc) {
    for (int i = 0; i < ITEMS; i++) {
        items[i].next = i + 1 < ITEMS ? &items[i + 1] : NULL;
        items[i].data = (int16_t)(items[i].data * 5 + salt);
    }
    Item *list = sort(items, by_data);
    for (int16_t wanted = 0; wanted < 40; wanted++) {
        const Item *item = list;
        while (item && item->key != wanted * 9 + salt % 9) item = item->next;
        if (item) crc = crc16((uint16_t)item->data, crc);
        list = reverse(list);
    }
    list = sort(list, by_key);
    for (const Item *item = list; item; item = item->next) crc = crc16((uint16_t)(item->key ^ item->data), crc);
    return crc;
}

static int16_t left[SIDE][SIDE], right[SIDE][SIDE];
static int32_t product[SIDE][SIDE];

static __attribute__((noinline)) uint16_t matrices(int16_t salt, uint16_t crc) {
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) left[i][j] = (int16_t)(left[i][j] + salt), right[i][j] = (int16_t)(i * j + salt);
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t sum = 0;
            for (int k = 0; k < SIDE; k++) {
                int32_t term = left[i][k] * right[k][j];
                sum += (term >> 2 & 15) * (term >> 5 & 127);
            }
            product[i][j] = sum;
        }
    int32_t total = 0;
    int16_t peaks = 0;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            total += product[i][j];
            if (total > 200000) peaks++, total = 0;
        }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) left[i][j] = (int16_t)(left[i][j] - salt);
    return crc16((uint16_t)peaks, crc16((uint16_t)total, crc));
}

typedef enum { START, SIGN, WHOLE, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, SCIENTIFIC, WRONG, STATE_COUNT } State;

static State step(State state, char c) {
    int digit = c >= '0' && c <= '9';
    switch (state) {
    case START: return digit ? WHOLE : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : WRONG;
    case SIGN: return digit ? WHOLE : c == '.' ? POINT : WRONG;
    case WHOLE: return digit ? WHOLE : c == '.' ? POINT : c == 'e' || c == 'E' ? EXPONENT : WRONG;
    case POINT: return digit ? FRACTION : WRONG;
    case FRACTION: return digit ? FRACTION : c == 'e' || c == 'E' ? EXPONENT : WRONG;
    case EXPONENT: return digit ? SCIENTIFIC : c == '+' || c == '-' ? EXPONENT_SIGN : WRONG;
    case EXPONENT_SIGN: return digit ? SCIENTIFIC : WRONG;
    case SCIENTIFIC: return digit ? SCIENTIFIC : WRONG;
    default: return WRONG;
    }
}

static __attribute__((noinline)) uint16_t states(char *input, uint32_t salt, uint16_t crc) {
    uint32_t ends[STATE_COUNT] = {0}, visits[STATE_COUNT] = {0};
    for (int pass = 0; pass < 2; pass++) {
        State state = START;
        for (const char *c = input; *c; c++) {
            if (*c == ',') {
                ends[state]++;
                state = START;
            } else {
                state = step(state, *c);
                visits[state]++;
            }
        }
        // The first pass goes over a damaged text, the second over the original.
        for (uint32_t i = salt % 7; input[i] && i < INPUT - 8; i += 7 + salt % 5)
            if (input[i] != ',') input[i] ^= 1;
    }
    for (int i = 0; i < STATE_COUNT; i++) crc = crc16((uint16_t)visits[i], crc16((uint16_t)ends[i], crc));
    return crc;
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 4000);
    static const char *const NUMBERS[] = {"5012", "+-1", "-874.3", "0.1e-3", "+122", "1.2e+4", "T0.3", "-110.7e10", "1a3", "6.1.2"};
    static Item items[ITEMS];
    static char input[INPUT + 16], copy[INPUT + 16];
    uint64_t seed = 13;
    uint32_t length = 0;
    uint16_t crc = 0xffff;
    for (int i = 0; i < ITEMS; i++) items[i].key = (int16_t)i, items[i].data = (int16_t)bench_random(&seed);
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) left[i][j] = (int16_t)(bench_random(&seed) >> 52);
    while (length < INPUT) {
        length += (uint32_t)sprintf(input + length, "%s,", NUMBERS[bench_random(&seed) % 10]);
        if (length > INPUT - 12) break;
    }
    for (uint32_t round = 0; round < work; round++) {
        crc = lists(items, (int16_t)round, crc);
        crc = matrices((int16_t)(crc % 64), crc);
        memcpy(copy, input, sizeof copy);
        crc = states(copy, round, crc);
    }
    return bench_done("machine", crc);
}
