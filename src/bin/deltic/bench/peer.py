"""Measures a module in Wasmtime for `deltic bench`, as `child.rs` does in Deltic. The last argument is the task."""

import importlib.metadata
import json
import re
import sys
import time

import wasmtime

task = json.loads(sys.argv[-1])


def status_bytes(key):
    """Memory of this process by a line of its status, in bytes."""
    with open("/proc/self/status") as file:
        found = re.search(rf"^{key}:\s*(\d+) kB", file.read(), re.M)
    return int(found[1]) * 1024 if found else 0


class Calls:
    """Notes when calls end."""

    def __init__(self):
        self.points = []
        self.count = 0
        self.next = 0.0
        self.begun = time.perf_counter()

    def millis(self):
        return (time.perf_counter() - self.begun) * 1e3

    def begin(self):
        self.points.append((self.millis(), 0))

    def ended(self):
        """True if there is time for another call."""
        self.count += 1
        now = self.millis()
        goes_on = now < task["time_ms"]
        if now >= self.next or not goes_on:
            self.next = now * task["point_step"]
            self.points.append((now, self.count))
        return goes_on


def instantiate(engine, module):
    """An instance in a store of its own. Programs read nothing, and what they write goes nowhere."""
    store = wasmtime.Store(engine)
    linker = wasmtime.Linker(engine)
    if any(it.module == task["wasi"] for it in module.imports):
        wasi = wasmtime.WasiConfig()
        wasi.argv = [task["file"], *task["words"]]
        store.set_wasi(wasi)
        linker.define_wasi()
    if task["stub_imports"]:
        linker.define_unknown_imports_as_traps(module)
    return store, linker.instantiate(store, module).exports(store)


def call_commands(engine, module, calls):
    calls.begin()
    while True:
        store, exports = instantiate(engine, module)
        try:
            exports["_start"](store)
        except wasmtime.ExitTrap as exit:
            if exit.code != 0:
                raise
        if not calls.ended():
            return


def call_function(engine, module, calls):
    store, exports = instantiate(engine, module)
    if "_initialize" in exports and task["invoke"] != "_initialize":
        exports["_initialize"](store)
    args = [int(text) if type[0] == "i" else float(text) for type, text in task["args"]]
    func = exports[task["invoke"]]
    calls.begin()
    func(store, *args)
    while calls.ended():
        func(store, *args)


def main():
    config = wasmtime.Config()
    config.wasm_function_references = config.wasm_gc = config.wasm_exceptions = True
    engine = wasmtime.Engine(config)
    own_bytes = status_bytes("VmRSS")
    calls = Calls()
    with open(task["file"], "rb") as file:
        wasm = file.read()
    compile_begun = time.process_time()
    module = wasmtime.Module(engine, wasm)
    compile_cpu = (time.process_time() - compile_begun) * 1e3
    (call_commands if task["is_command"] else call_function)(engine, module, calls)
    figures = {"compile_cpu_ms": compile_cpu, "own_rss_bytes": own_bytes, "peak_rss_bytes": status_bytes("VmHWM")}
    print(json.dumps({"points": calls.points, "version": importlib.metadata.version("wasmtime"), **figures}))


main()
