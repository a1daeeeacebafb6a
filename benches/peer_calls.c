// Calls and instances of wasmtime through its C API, in nanoseconds, as one JSON object.
//
// Without an argument calls are measured; with "instances" instances, by each of its allocators; with "threads" those of many threads. "unchecked" calls pass raw values and check no types: what a typed call does; the others pass tagged values. Built and run by
// `peers.py calls` and `peers.py instances` against the library that the PyPI package holds; that package has no headers, so what is used is declared here.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasmtime_error_t wasmtime_error_t;
typedef struct wasmtime_store_t wasmtime_store_t;
typedef struct wasmtime_context_t wasmtime_context_t;
typedef struct wasmtime_module_t wasmtime_module_t;
typedef struct wasmtime_linker_t wasmtime_linker_t;
typedef struct wasmtime_instance_pre_t wasmtime_instance_pre_t;
typedef struct wasmtime_caller_t wasmtime_caller_t;
typedef struct wasmtime_pooling_allocation_config_t wasmtime_pooling_allocation_config_t;
typedef struct { size_t size; char *data; } wasm_byte_vec_t;
typedef struct { size_t size; wasm_valtype_t **data; } wasm_valtype_vec_t;
typedef struct { uint64_t store_id; void *private; } wasmtime_func_t;
typedef struct { uint64_t store_id; size_t private; } wasmtime_instance_t;
typedef struct { uint8_t kind; union { wasmtime_func_t func; uint64_t words[3]; } of; } wasmtime_extern_t;
typedef struct { uint8_t kind; union { int32_t i32; uint64_t words[3]; } of; } wasmtime_val_t;
typedef union { int32_t i32; int64_t i64; uint8_t v128[16]; } wasmtime_val_raw_t;
typedef wasm_trap_t *(*unchecked_t)(void *, wasmtime_caller_t *, wasmtime_val_raw_t *, size_t);
typedef wasm_trap_t *(*callback_t)(void *, wasmtime_caller_t *, const wasmtime_val_t *, size_t, wasmtime_val_t *, size_t);

wasm_config_t *wasm_config_new(void);
wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *);
wasm_valtype_t *wasm_valtype_new(uint8_t);
void wasm_valtype_vec_new(wasm_valtype_vec_t *, size_t, wasm_valtype_t *const[]);
wasm_functype_t *wasm_functype_new(wasm_valtype_vec_t *, wasm_valtype_vec_t *);
void wasmtime_config_epoch_interruption_set(wasm_config_t *, _Bool);
wasmtime_pooling_allocation_config_t *wasmtime_pooling_allocation_config_new(void);
void wasmtime_pooling_allocation_config_total_core_instances_set(wasmtime_pooling_allocation_config_t *, uint32_t);
void wasmtime_pooling_allocation_config_total_memories_set(wasmtime_pooling_allocation_config_t *, uint32_t);
void wasmtime_pooling_allocation_config_total_tables_set(wasmtime_pooling_allocation_config_t *, uint32_t);
void wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(wasmtime_pooling_allocation_config_t *, size_t);
void wasmtime_pooling_allocation_config_table_keep_resident_set(wasmtime_pooling_allocation_config_t *, size_t);
void wasmtime_pooling_allocation_strategy_set(wasm_config_t *, const wasmtime_pooling_allocation_config_t *);
wasmtime_error_t *wasmtime_wat2wasm(const char *, size_t, wasm_byte_vec_t *);
wasmtime_error_t *wasmtime_module_new(wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **);
wasmtime_store_t *wasmtime_store_new(wasm_engine_t *, void *, void (*)(void *));
void wasmtime_store_delete(wasmtime_store_t *);
wasmtime_context_t *wasmtime_store_context(wasmtime_store_t *);
void wasmtime_context_set_epoch_deadline(wasmtime_context_t *, uint64_t);
wasmtime_linker_t *wasmtime_linker_new(wasm_engine_t *);
wasmtime_error_t *wasmtime_linker_define_func(wasmtime_linker_t *, const char *, size_t, const char *, size_t, const wasm_functype_t *, callback_t, void *, void (*)(void *));
wasmtime_error_t *wasmtime_linker_define_func_unchecked(wasmtime_linker_t *, const char *, size_t, const char *, size_t, const wasm_functype_t *, unchecked_t, void *, void (*)(void *));
wasmtime_error_t *wasmtime_linker_instantiate_pre(const wasmtime_linker_t *, const wasmtime_module_t *, wasmtime_instance_pre_t **);
wasmtime_error_t *wasmtime_instance_pre_instantiate(const wasmtime_instance_pre_t *, wasmtime_context_t *, wasmtime_instance_t *, wasm_trap_t **);
_Bool wasmtime_instance_export_get(wasmtime_context_t *, const wasmtime_instance_t *, const char *, size_t, wasmtime_extern_t *);
wasmtime_error_t *wasmtime_func_call(wasmtime_context_t *, const wasmtime_func_t *, const wasmtime_val_t *, size_t, wasmtime_val_t *, size_t, wasm_trap_t **);
wasmtime_error_t *wasmtime_func_call_unchecked(wasmtime_context_t *, const wasmtime_func_t *, wasmtime_val_raw_t *, size_t, wasm_trap_t **);

static const char GUEST[] =
    "(module (import \"host\" \"typed\" (func $typed (param i32) (result i32)))"
    "(import \"host\" \"untyped\" (func $untyped (param i32) (result i32)))"
    "(func (export \"nop\"))"
    "(func (export \"add\") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)"
    "(func (export \"typed\") (param $n i32) (result i32) (local $x i32) (loop $again"
    "  (local.set $x (call $typed (local.get $x)))"
    "  (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) local.get $x)"
    "(func (export \"untyped\") (param $n i32) (result i32) (local $x i32) (loop $again"
    "  (local.set $x (call $untyped (local.get $x)))"
    "  (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) local.get $x)"
    "(func (export \"empty\") (param $n i32) (result i32) (local $x i32) (loop $again"
    "  (local.set $x (i32.add (local.get $x) (i32.const 1)))"
    "  (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) local.get $x))";
static const char EMPTY[] = "(module)";
static const char MEMORY[] = "(module (memory (export \"memory\") 1) (data (i32.const 1024) \"a little data that every instance begins with\"))";

static wasm_engine_t *engine;

static void check(const void *error, const char *what) {
    if (error) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static wasmtime_module_t *compile(const char *text) {
    wasm_byte_vec_t bytes;
    wasmtime_module_t *module;
    check(wasmtime_wat2wasm(text, strlen(text), &bytes), "wat");
    check(wasmtime_module_new(engine, (const uint8_t *)bytes.data, bytes.size, &module), "compile");
    return module;
}

static wasm_trap_t *typed(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
    (void)env, (void)caller, (void)count;
    values[0].i32 += 1;
    return NULL;
}

static wasm_trap_t *untyped(void *env, wasmtime_caller_t *caller, const wasmtime_val_t *args, size_t nargs, wasmtime_val_t *results, size_t nresults) {
    (void)env, (void)caller, (void)nargs, (void)nresults;
    results[0].kind = 0;
    results[0].of.i32 = args[0].of.i32 + 1;
    return NULL;
}

static wasmtime_linker_t *linker(void) {
    wasm_valtype_vec_t params, results;
    wasm_valtype_t *i32 = wasm_valtype_new(0), *other = wasm_valtype_new(0);
    wasm_valtype_vec_new(&params, 1, &i32);
    wasm_valtype_vec_new(&results, 1, &other);
    wasm_functype_t *type = wasm_functype_new(&params, &results);
    wasmtime_linker_t *linker = wasmtime_linker_new(engine);
    check(wasmtime_linker_define_func_unchecked(linker, "host", 4, "typed", 5, type, typed, NULL, NULL), "define");
    check(wasmtime_linker_define_func(linker, "host", 4, "untyped", 7, type, untyped, NULL, NULL), "define");
    return linker;
}

static wasmtime_store_t *new_store(void) {
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasmtime_context_set_epoch_deadline(wasmtime_store_context(store), UINT64_C(1) << 60);
    return store;
}

static wasmtime_instance_t instantiate(wasmtime_instance_pre_t *pre, wasmtime_context_t *context) {
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    check(wasmtime_instance_pre_instantiate(pre, context, &instance, &trap), "instantiate");
    check(trap, "start");
    return instance;
}

static wasmtime_instance_pre_t *prepare(const char *text) {
    wasmtime_instance_pre_t *pre;
    check(wasmtime_linker_instantiate_pre(linker(), compile(text), &pre), "link");
    return pre;
}

// The least of several rounds of a statement, in nanoseconds each.
#define MEASURE(name, rounds, each, ...)                               \
    do {                                                               \
        double best = 1e99;                                            \
        for (int round = 0; round < 15; round++) {                     \
            double began = now();                                      \
            for (int turn = 0; turn < (rounds); turn++) __VA_ARGS__;            \
            double time = (now() - began) / (rounds) / (each);         \
            if (time < best) best = time;                              \
        }                                                              \
        printf("%s\"%s\": %.2f", first ? "{" : ", ", name, best);      \
        first = 0;                                                     \
    } while (0)

static wasm_engine_t *new_engine(_Bool pooling) {
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_epoch_interruption_set(config, 1);
    if (pooling) {
        wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
        // Instances live as long as their store, and there are so many in each; as much stays in memory as with Deltic.
        wasmtime_pooling_allocation_config_total_core_instances_set(pool, 10000);
        wasmtime_pooling_allocation_config_total_memories_set(pool, 1100);
        wasmtime_pooling_allocation_config_total_tables_set(pool, 1100);
        wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, 128 << 10);
        wasmtime_pooling_allocation_config_table_keep_resident_set(pool, 128 << 10);
        wasmtime_pooling_allocation_strategy_set(config, pool);
    }
    return wasm_engine_new_with_config(config);
}

static int first = 1;

// A module with a table of functions, each once; a module with much data.
static char *many(const char *begin, const char *each, int count, const char *end) {
    char *text = malloc(strlen(begin) + strlen(end) + (size_t)count * (strlen(each) + 12) + 1), *at = text;
    at += sprintf(at, "%s", begin);
    for (int i = 0; i < count; i++) at += sprintf(at, each, i);
    sprintf(at, "%s", end);
    return text;
}

static wasmtime_instance_pre_t *on_threads;
static const int BATCH = 64;
static int thread_count, batches_each;

static void *churn(void *unused) {
    for (int n = 0; n < batches_each; n++) {
        wasmtime_store_t *store = new_store();
        for (int i = 0; i < BATCH; i++) instantiate(on_threads, wasmtime_store_context(store));
        wasmtime_store_delete(store);
    }
    return unused;
}

static double wall(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int instances(void) {
    char *table = many("(module (type $t (func (param i32) (result i32))) (table 1000 1000 funcref) (elem (i32.const 0)", " %d", 1000, ")");
    char *funcs = many("", "(func (param i32) (result i32) (i32.add (local.get 0) (i32.const %d)))", 1000,
        "(func (export \"call\") (param i32) (result i32) (call_indirect (type $t) (local.get 0) (local.get 0))))");
    char *whole = malloc(strlen(table) + strlen(funcs) + 1);
    sprintf(whole, "%s%s", table, funcs);
    char *data = many("(module (memory 32) (data (i32.const 65536) \"", "\\01\\02\\03\\04\\05\\06\\07\\08%.0d", 32 << 10, "\"))");
    struct { const char *name, *text; } kinds[] = {{"empty", EMPTY}, {"one memory", MEMORY}, {"256 KiB of data", data}, {"1000 functions", whole}};
    for (int pooling = 0; pooling < 2; pooling++) {
        const char *allocator = pooling ? "pooling" : "on demand";
        engine = new_engine(pooling);
        for (int kind = 0; kind < 4; kind++) {
            wasmtime_instance_pre_t *pre = prepare(kinds[kind].text);
            char name[80];
            snprintf(name, sizeof name, "%s, %s", kinds[kind].name, allocator);
            // Instances live as long as their store: a store for as many as an isolate of Deltic makes before it looks for those that are gone.
            MEASURE(name, 8, BATCH, {
                wasmtime_store_t *warm = new_store();
                wasmtime_context_t *in = wasmtime_store_context(warm);
                for (int n = 0; n < BATCH; n++) instantiate(pre, in);
                wasmtime_store_delete(warm);
            });
            snprintf(name, sizeof name, "new store %s, %s", kinds[kind].name, allocator);
            MEASURE(name, 200, 1, {
                wasmtime_store_t *store = new_store();
                instantiate(pre, wasmtime_store_context(store));
                wasmtime_store_delete(store);
            });
        }
    }
    printf("}\n");
    return 0;
}

// Instances with one memory, on some threads at once: wall time of each. A tenth as many without the pool, which takes ten times as long.
static int threads(void) {
    for (int pooling = 0; pooling < 2; pooling++) {
        const int count = pooling ? 100000 : 10000;
        engine = new_engine(pooling);
        on_threads = prepare(MEMORY);
        for (thread_count = 1; thread_count <= 8; thread_count *= 2) {
            double best = 1e99;
            batches_each = count / thread_count / BATCH;
            for (int round = 0; round < 3; round++) {
                pthread_t started[8];
                double began = wall();
                for (int i = 0; i < thread_count; i++) pthread_create(&started[i], NULL, churn, NULL);
                for (int i = 0; i < thread_count; i++) pthread_join(started[i], NULL);
                double time = (wall() - began) / (batches_each * thread_count * BATCH);
                if (time < best) best = time;
            }
            printf("%s\"%d threads, %s\": %.2f", first ? "{" : ", ", thread_count, pooling ? "pooling" : "on demand", best);
            first = 0;
        }
    }
    printf("}\n");
    return 0;
}

int main(int count, char **words) {
    if (count > 1 && !strcmp(words[1], "instances")) return instances();
    if (count > 1 && !strcmp(words[1], "threads")) return threads();
    engine = new_engine(0);
    wasmtime_store_t *store = new_store();
    wasmtime_context_t *context = wasmtime_store_context(store);
    wasmtime_instance_t instance = instantiate(prepare(GUEST), context);
    static const char *const NAMES[] = {"nop", "add", "typed", "untyped", "empty"};
    wasmtime_func_t funcs[5];
    for (int i = 0; i < 5; i++) {
        wasmtime_extern_t item;
        if (!wasmtime_instance_export_get(context, &instance, NAMES[i], strlen(NAMES[i]), &item)) return 1;
        funcs[i] = item.of.func;
    }
    wasmtime_val_raw_t raw[2] = {{0}};
    wasmtime_val_t args[2] = {{0}}, results[1];
    wasm_trap_t *trap = NULL;
    MEASURE("nop unchecked", 200000, 1, wasmtime_func_call_unchecked(context, &funcs[0], raw, 0, &trap));
    MEASURE("add unchecked", 200000, 1, wasmtime_func_call_unchecked(context, &funcs[1], raw, 2, &trap));
    MEASURE("add untyped", 200000, 1, wasmtime_func_call(context, &funcs[1], args, 2, results, 1, &trap));
    for (int i = 2; i < 5; i++) {
        char name[40];
        snprintf(name, sizeof name, "to host %s", NAMES[i]);
        MEASURE(name, 200, 1000, (raw[0].i32 = 1000, wasmtime_func_call_unchecked(context, &funcs[i], raw, 1, &trap)));
    }
    wasmtime_instance_pre_t *empty = prepare(EMPTY), *memory = prepare(MEMORY);
    // Instances live as long as their store: as many in one as Deltic's benchmark has in an isolate. The pair of loops is one round.
    struct { const char *name; wasmtime_instance_pre_t *pre; } kinds[] = {{"instantiate empty", empty}, {"instantiate one memory", memory}};
    for (int kind = 0; kind < 2; kind++)
        MEASURE(kinds[kind].name, 5, 1000, {
            wasmtime_store_t *warm = new_store();
            wasmtime_context_t *in = wasmtime_store_context(warm);
            for (int n = 0; n < 1000; n++) instantiate(kinds[kind].pre, in);
            wasmtime_store_delete(warm);
        });
    printf("}\n");
    return 0;
}
