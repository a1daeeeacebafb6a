// A JSON parser and printer: recursive descent, allocation from an arena, many branches.
#include "bench.h"

typedef enum { NUL, TRUE, FALSE, NUMBER, STRING, ARRAY, OBJECT } Kind;

typedef struct Node {
    Kind kind;
    double number;
    const char *text;
    uint32_t length;
    struct Node *key, *first, *sibling;
} Node;

enum { ARENA = 8 << 20, TEXT = 1 << 19 };
static char *arena;
static size_t used;

static Node *make(Kind kind) {
    if (used + sizeof(Node) > ARENA) exit(3);
    Node *node = (Node *)(arena + used);
    used += sizeof(Node);
    *node = (Node){.kind = kind};
    return node;
}

static const char *at;

static void space(void) {
    while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') at++;
}

static Node *value(int depth);

static Node *string(void) {
    Node *node = make(STRING);
    node->text = ++at;
    while (*at != '"') {
        if (*at == '\\') at++;
        if (!*at) return NULL;
        at++;
    }
    node->length = (uint32_t)(at++ - node->text);
    return node;
}

static Node *number(void) {
    Node *node = make(NUMBER);
    double sign = 1, whole = 0, scale = 1;
    if (*at == '-') sign = -1, at++;
    if (*at < '0' || *at > '9') return NULL;
    while (*at >= '0' && *at <= '9') whole = whole * 10 + (*at++ - '0');
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++) whole = whole * 10 + (*at - '0'), scale *= 10;
    node->number = sign * whole / scale;
    return node;
}

static Node *list(int depth, Kind kind, char close) {
    Node *node = make(kind), **tail = &node->first;
    at++;
    space();
    if (*at == close) return at++, node;
    for (;;) {
        Node *key = NULL;
        space();
        if (kind == OBJECT) {
            if (*at != '"' || !(key = string())) return NULL;
            space();
            if (*at++ != ':') return NULL;
        }
        Node *child = value(depth + 1);
        if (!child) return NULL;
        child->key = key;
        *tail = child;
        tail = &child->sibling;
        space();
        if (*at == close) return at++, node;
        if (*at++ != ',') return NULL;
    }
}

static Node *word(const char *text, Kind kind) {
    size_t length = strlen(text);
    if (strncmp(at, text, length) != 0) return NULL;
    at += length;
    return make(kind);
}

static Node *value(int depth) {
    space();
    if (depth > 100) return NULL;
    switch (*at) {
    case '{': return list(depth, OBJECT, '}');
    case '[': return list(depth, ARRAY, ']');
    case '"': return string();
    case 't': return word("true", TRUE);
    case 'f': return word("false", FALSE);
    case 'n': return word("null", NUL);
    default: return number();
    }
}

static uint64_t digest(const Node *node, uint64_t sum) {
    sum = bench_mix(sum, node->kind);
    if (node->key) sum = bench_mix(sum, node->key->length + (uint8_t)node->key->text[0]);
    if (node->kind == NUMBER) sum = bench_mix(sum, (uint64_t)(int64_t)(node->number * 1000));
    if (node->kind == STRING)
        for (uint32_t i = 0; i < node->length; i++) sum = bench_mix(sum, (uint8_t)node->text[i]);
    for (const Node *child = node->first; child; child = child->sibling) sum = digest(child, sum);
    return sum;
}

static char *put(char *out, uint64_t *seed, int depth) {
    uint32_t dice = (uint32_t)(bench_random(seed) >> 40);
    if (depth > 5 || dice % 8 < 4) {
        switch (dice / 8 % 5) {
        case 0: return out + sprintf(out, "%d.%03d", (int)(dice >> 8) - 30000, (int)(dice % 1000));
        case 1: return out + sprintf(out, "\"text \\\"%x\\\" %u\"", dice, dice % 77);
        case 2: return out + sprintf(out, "true");
        case 3: return out + sprintf(out, "null");
        default: return out + sprintf(out, "%d", (int)dice % 100000);
        }
    }
    int object = dice & 8 ? 1 : 0, count = 1 + (int)(dice / 16 % 6);
    *out++ = object ? '{' : '[';
    for (int i = 0; i < count; i++) {
        if (i) *out++ = ',', *out++ = i % 2 ? ' ' : '\n';
        if (object) out += sprintf(out, "\"key%d\": ", i * 7);
        out = put(out, seed, depth + 1);
    }
    *out++ = object ? '}' : ']';
    return out;
}

int main(int argc, char **argv) {
    uint32_t work = bench_work(argc, argv, 60);
    char *text = malloc(TEXT + (1 << 20)), *end = text;
    uint64_t seed = 9, sum = 1;
    arena = malloc(ARENA);
    *end++ = '[';
    while (end - text < TEXT) {
        if (end - text > 1) *end++ = ',';
        end = put(end, &seed, 0);
    }
    *end++ = ']';
    *end = 0;
    for (uint32_t round = 0; round < work; round++) {
        used = 0;
        at = text;
        Node *root = value(0);
        if (!root || at != end) return 1;
        sum = digest(root, sum);
    }
    free(text);
    free(arena);
    return bench_done("json", sum);
}
