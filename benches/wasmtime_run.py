"""Runs or compiles one module with the PyPI package `wasmtime` and prints what it cost as JSON, the last line of stderr.

    wasmtime_run.py compile MODULE        compile only, on this thread
    wasmtime_run.py run MODULE [ARG…]     compile, then run a WASI command; the time of `_start` is measured apart
    wasmtime_run.py call MODULE NAME [ARG…]   compile, then call an export with integers; the time of the call is measured apart

`--epoch on` compiles the interruption checks in that Deltic always has. Times are CPU milliseconds of this process.
"""

import argparse
import json
import sys
import time

import wasmtime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epoch", choices=["on", "off"], default="on")
    parser.add_argument("--parallel", action="store_true", help="compile on all threads, which is the default of wasmtime")
    parser.add_argument("--max-stack", type=int, help="bytes of stack for the guest")
    parser.add_argument("--dir", action="append", default=[], help="HOST[::GUEST], a folder that the guest may use")
    parser.add_argument("--env", action="append", default=[], metavar="K=V")
    parser.add_argument("action", choices=["compile", "run", "call"])
    parser.add_argument("module")
    parser.add_argument("args", nargs=argparse.REMAINDER)
    options = parser.parse_args()

    config = wasmtime.Config()
    config.strategy = "cranelift"
    config.parallel_compilation = options.parallel
    config.epoch_interruption = options.epoch == "on"
    config.wasm_function_references = config.wasm_gc = config.wasm_exceptions = True
    if options.max_stack:
        config.max_wasm_stack = options.max_stack
    engine = wasmtime.Engine(config)
    with open(options.module, "rb") as file:
        wasm = file.read()

    began = time.process_time()
    module = wasmtime.Module(engine, wasm)
    stats = {"compile_cpu_ms": (time.process_time() - began) * 1e3}
    status = 0
    if options.action == "run":
        status = run(engine, module, options, stats)
    elif options.action == "call":
        call(engine, module, options, stats)
    sys.stdout.flush()
    print(json.dumps(stats), file=sys.stderr)
    return status


def run(engine: wasmtime.Engine, module: wasmtime.Module, options: argparse.Namespace, stats: dict) -> int:
    store = wasmtime.Store(engine)
    if options.epoch == "on":
        store.set_epoch_deadline(1 << 60)
    wasi = wasmtime.WasiConfig()
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    wasi.argv = [options.module, *options.args]
    wasi.env = [tuple(pair.split("=", 1)) for pair in options.env]
    for folder in options.dir:
        host, _, guest = folder.partition("::")
        wasi.preopen_dir(host, guest or host)
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    began = time.process_time()
    instance = linker.instantiate(store, module)
    stats["instantiate_cpu_ms"] = (time.process_time() - began) * 1e3
    start = instance.exports(store)["_start"]
    began = time.process_time()
    try:
        start(store)
        status = 0
    except wasmtime.ExitTrap as exit:
        status = exit.code
    stats["run_cpu_ms"] = (time.process_time() - began) * 1e3
    return status


def call(engine: wasmtime.Engine, module: wasmtime.Module, options: argparse.Namespace, stats: dict) -> None:
    store = wasmtime.Store(engine)
    if options.epoch == "on":
        store.set_epoch_deadline(1 << 60)
    name, *args = options.args
    func = wasmtime.Instance(store, module, []).exports(store)[name]
    began = time.process_time()
    result = func(store, *map(int, args))
    stats["run_cpu_ms"] = (time.process_time() - began) * 1e3
    print(result)


if __name__ == "__main__":
    sys.exit(main())
