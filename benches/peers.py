#!/usr/bin/env python3
"""Gets the peers named in programs.toml and compares them with `deltic`, in one sitting, by CPU time or by instructions.

    peers.py get                    installs and builds all that the others need, beside the checkout
    peers.py compile [NAME…]        compile throughput per thread, module by module
    peers.py baseline [NAME…]       the same of the baseline tier, beside V8's (Liftoff, in node)
    peers.py winch [NAME…]          the same beside wasmtime's (Winch), and how long programs take in code of either
    peers.py lazy [NAME…]           how long modules take to be ready whose functions are compiled when they are called, beside V8
    peers.py first [NAME…]          from bytes to the first call of an export, beside V8, and the memory that takes
    peers.py own [NAME…]            programs with the default settings beside other options of Deltic
    peers.py tiers [NAME…]          how much longer programs take in code of the baseline tier than in that of the optimizing one
    peers.py run [NAME…]            steady state: the time inside `_start`, program by program
    peers.py start [NAME…]          from bytes to exit with the default settings of each engine, less an empty run
    peers.py steady [NAME…]         the same of more work less less work: what code takes that has run for long
    peers.py instructions [NAME…]   instructions of a fixed amount of work, by perf or callgrind
    peers.py calls                  calls both ways and instances, beside the same through wasmtime's C API
    peers.py instances              instances and isolates, beside wasmtime's two allocators; on many threads, too
    peers.py objects [NAME…]        programs of `wat/bench` that allocate, under node (V8) too
    peers.py tries [NAME…]          what a `try` costs in which nothing is thrown: `wat/bench/try*.wat` with and without
    peers.py python                 CPython prints the answers of programs/answers.py, under both engines
    peers.py all                    all of these

Two processes make a pair; pairs alternate in order; each process is pinned to one core. A ratio is the median over pairs of
(CPU time of the peer / CPU time of Deltic): above 1 Deltic is faster. The interval is the 95 % bootstrap interval of that median.
A table goes to stdout and everything that was measured to a JSON file.
"""

import argparse
import json
import math
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

import build

HERE = pathlib.Path(__file__).resolve().parent
EMPTY_WASM = b"\0asm\x01\0\0\0"


# ---- Processes ----------------------------------------------------------------------------------------------------------


class Failed(Exception):
    """A command did not do what it should."""


class Finished:
    """A child that ended: its output, and what it cost."""

    def __init__(self, command, stdout, stderr, usage):
        self.command = command
        self.stdout = stdout
        self.stderr = stderr
        self.cpu_ms = (usage.ru_utime + usage.ru_stime) * 1e3
        self.peak_kib = usage.ru_maxrss

    def stats(self) -> dict:
        """The JSON object that is the last line of stderr or stdout."""
        for text in (self.stderr, self.stdout):
            for line in reversed(text.strip().splitlines()):
                if line.startswith("{"):
                    try:
                        return json.loads(line)
                    except ValueError:
                        break
        return {}


def child(command: list[str], core: int | None = None, cwd=None, env=None) -> Finished:
    """Runs a command to its end on one core; raises if it fails."""

    def pin():
        if core is not None:
            os.sched_setaffinity(0, {core})

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd, env=env, preexec_fn=pin)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    if process.returncode != 0:
        raise Failed(f"exit status {process.returncode}: {' '.join(map(str, command))}\n{texts[1].strip()[-2000:]}")
    return Finished(command, *texts, usage)


# ---- Statistics ---------------------------------------------------------------------------------------------------------


def bootstrap(values: list[float], statistic, seed: int = 1, rounds: int = 4000) -> tuple[float, float]:
    """The 95 % interval of a statistic of values, by resampling."""
    if len(values) < 2:
        return values[0], values[0]
    generator = random.Random(seed)
    found = sorted(statistic(generator.choices(values, k=len(values))) for _ in range(rounds))
    return found[int(rounds * 0.025)], found[int(rounds * 0.975)]


def summary(ratios: list[float]) -> dict:
    low, high = bootstrap(ratios, statistics.median)
    return {"ratio": statistics.median(ratios), "low": low, "high": high, "pairs": len(ratios)}


def geometric(rows: list[dict]) -> dict | None:
    """The geometric mean over rows of the median ratio, with its interval: the pairs of each row are resampled."""
    if not rows:
        return None
    generator = random.Random(2)

    def mean(samples):
        return math.exp(statistics.fmean(math.log(statistics.median(sample)) for sample in samples))

    all_ratios = [row["ratios"] for row in rows]
    found = sorted(mean([generator.choices(ratios, k=len(ratios)) for ratios in all_ratios]) for _ in range(1000))
    return {"ratio": mean(all_ratios), "low": found[25], "high": found[974], "rows": len(rows)}


# ---- Getting ------------------------------------------------------------------------------------------------------------


def get_modules(config: dict, names: list[str]) -> dict[str, pathlib.Path]:
    """The npm modules of the table, unpacked: only the one file of each package."""
    folder = build.place(config, "peers") / "modules"
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for module in config["module"]:
        if names and module["name"] not in names:
            continue
        version = module["package"].rsplit("@", 1)[1]
        path = found[module["name"]] = folder / f"{module['name']}-{version}.wasm"
        if path.exists():
            continue
        print(f"getting {module['package']}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as packs:
            command = ["npm", "pack", "--silent", "--ignore-scripts", module["package"]]
            packed = subprocess.run(command, cwd=packs, check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1]
            with tarfile.open(pathlib.Path(packs) / packed) as archive:
                data = archive.extractfile(module["file"]).read()
        path.with_suffix(".part").write_bytes(data)
        path.with_suffix(".part").rename(path)
    return found


def leb(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def code_section(path: pathlib.Path) -> tuple[int, int]:
    """Bytes of the code section and the number of functions."""
    data = path.read_bytes()
    at = 8
    while at < len(data):
        kind = data[at]
        size, at = leb(data, at + 1)
        if kind == 10:
            return size, leb(data, at)[0]
        at += size
    return 0, 0


# ---- Calling ------------------------------------------------------------------------------------------------------------


class Bench:
    """The engines, and how they are called."""

    def __init__(self, options: argparse.Namespace, config: dict):
        self.options = options
        self.config = config
        self.python = build.venv(config, "wasmtime")
        self.fields = {
            "deltic": str(pathlib.Path(options.deltic).resolve()),
            "python": str(self.python),
            "runner": str(HERE / "wasmtime_run.py"),
            "jobs": str(options.jobs),
            "epoch": options.epoch,
        }
        self.results = build.place(config, "peers") / "results"
        self.results.mkdir(parents=True, exist_ok=True)
        self.empty = self.results / "empty.wasm"
        # Whole at any time: other measurements may run beside this one.
        if not self.empty.exists() or self.empty.read_bytes() != EMPTY_WASM:
            with tempfile.NamedTemporaryFile(dir=self.results, delete=False) as file:
                file.write(EMPTY_WASM)
            os.replace(file.name, self.empty)

    def command(self, engine: str, what: str, args: list[str] | None = None, **fields) -> list[str]:
        command = []
        for part in self.config["commands"][engine][what]:
            if part == "{args}":
                command.extend(args or [])
            else:
                command.append(part.format(**self.fields, **fields))
        return command

    def call(self, engine: str, what: str, args=None, cwd=None, **fields) -> Finished:
        env = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        return child(self.command(engine, what, args, **fields), self.options.core, cwd, env)

    def pairs(self, measure, engines=("deltic", "wasmtime")) -> list[dict[str, Finished]]:
        """Interleaved rounds; the order alternates, so that a drift of the machine favours nobody."""
        found = []
        for number in range(self.options.pairs):
            order = engines if number % 2 == 0 else tuple(reversed(engines))
            found.append({engine: measure(engine) for engine in order})
        return found

    def empty_ms(self, what: str, engines, module=None) -> dict[str, float]:
        """CPU time of compiling an empty module, or of another one that does nothing: what a process costs anyhow."""
        runs = [{engine: self.call(engine, what, module=module or self.empty).cpu_ms for engine in engines} for _ in range(5)]
        return {engine: statistics.median(run[engine] for run in runs) for engine in runs[0]}

    def each(self, what: str, names, one) -> list[dict]:
        """Measures each name; what fails is reported and left out."""
        rows = []
        for name in names:
            try:
                row = one(name)
            except Failed as error:
                row = {"name": name, "error": str(error)}
                print(f"{name:12} FAILED {error}", flush=True)
            rows.append(row)
            self.save(what, rows)
        good = [row for row in rows if "ratios" in row]
        total = geometric(good)
        if total and len(good) > 1:
            print(f"{'geometric mean':32} {total['ratio']:6.3f}  [{total['low']:.3f}, {total['high']:.3f}]  over {len(good)}")
        self.save(what, rows, total)
        return rows

    def save(self, what: str, rows: list[dict], total: dict | None = None) -> None:
        path = pathlib.Path(self.options.json) if self.options.json else self.results / f"{what}.json"
        settings = {key: value for key, value in vars(self.options).items() if isinstance(value, (str, int, float, list, type(None)))}
        report = {"what": what, "settings": settings, "wasmtime": self.config["pypi"]["wasmtime"], "rows": rows, "total": total}
        path.write_text(json.dumps(report, indent=1) + "\n")


def compile_rows(bench: Bench, what: str, peer: str) -> list[dict]:
    modules = get_modules(bench.config, bench.options.names)
    engines = ("deltic", peer)
    print(f"{'module':12} {'code MB':>8} {'funcs':>6} {'deltic s':>9} {peer:>9} {'MB/s':>6} {'MB/s':>6}  {'ratio':>6}  95 % interval     native / code")

    def one(name):
        path = modules[name]
        size, functions = code_section(path)
        empty = bench.empty_ms(what, engines)
        pairs = bench.pairs(lambda engine: bench.call(engine, what, module=path), engines)
        cpu = {e: [pair[e].cpu_ms - empty[e] for pair in pairs] for e in engines}
        inside = {e: [pair[e].stats().get(key) for pair in pairs] for e, key in (("deltic", "cpu_ms"), (peer, "compile_cpu_ms"))}
        ratios = [theirs / own for own, theirs in zip(cpu["deltic"], cpu[peer])]
        row = {
            "name": name, "code_bytes": size, "functions": functions, "empty_cpu_ms": empty, "cpu_ms": cpu, "inside_cpu_ms": inside,
            "native_bytes": pairs[0]["deltic"].stats().get("native_bytes"),
            "peak_kib": {e: max(pair[e].peak_kib for pair in pairs) for e in cpu}, "ratios": ratios, **summary(ratios),
        }
        own, theirs = (statistics.median(cpu[e]) / 1e3 for e in engines)
        native = (row["native_bytes"] or 0) / size
        print(
            f"{name:12} {size / 1e6:8.2f} {functions:6} {own:9.3f} {theirs:9.3f} {size / 1e6 / own:6.2f} {size / 1e6 / theirs:6.2f}"
            f"  {row['ratio']:6.3f}  [{row['low']:.3f}, {row['high']:.3f}]  {native:6.2f}", flush=True,
        )
        return row

    return bench.each(what, modules, one)


def compile_throughput(bench: Bench) -> list[dict]:
    print(f"# compile, --jobs {bench.options.jobs}, wasmtime's epoch checks {bench.options.epoch}; CPU s less that of an empty module")
    return compile_rows(bench, "compile", "wasmtime")


def baseline_throughput(bench: Bench) -> list[dict]:
    with_node(bench)
    print("# compile by the baseline tier and by Liftoff, one thread each, validation included; CPU s less that of an empty module")
    return compile_rows(bench, "baseline", "node")


def from_cargo(bench: Bench, name: str) -> pathlib.Path:
    """A program of crates.io, built where it is missing: minutes."""
    wanted = bench.config["cargo"][name]
    folder = build.place(bench.config, "peers") / name
    program = folder / "bin" / wanted["program"]
    if not program.exists():
        print(f"building {wanted['package']} {wanted['version']}", file=sys.stderr)
        command = ["cargo", "install", wanted["package"], "--version", wanted["version"], "--locked", "--root", folder]
        subprocess.run([*command, "--no-default-features", "--features", wanted["features"]], check=True)
    return program


def winch(bench: Bench) -> list[dict]:
    bench.fields["winch"] = str(from_cargo(bench, "winch"))
    print("# compile by the baseline tier and by Winch, one thread each, validation included; CPU s less that of an empty module")
    rows = compile_rows(bench, "baseline", "winch")
    programs = build.build(bench.config, bench.options.names)
    print("# run in code of the baseline tier and of Winch; CPU ms inside _start, and Winch relative to the baseline tier")
    print(f"{'program':12} {'baseline':>9} {'Winch':>9}  {'ratio':>6}  95 % interval")

    def one(name):
        calls = {"deltic": ("tier", {"tier": "baseline"}), "winch": ("run", {})}

        def measure(engine):
            what, fields = calls[engine]
            return bench.call(engine, what, module=programs[name], **fields)

        pairs = bench.pairs(measure, tuple(calls))
        compile_ms = bench.call("winch", "baseline", module=programs[name]).cpu_ms
        if any(pair["deltic"].stdout != pair["winch"].stdout for pair in pairs):
            raise Failed("answers differ")
        cpu = {engine: [run_time(pair[engine], compile_ms) for pair in pairs] for engine in calls}
        ratios = [theirs / own for own, theirs in zip(cpu["deltic"], cpu["winch"])]
        row = {"name": name, "run_cpu_ms": cpu, "ratios": ratios, **summary(ratios)}
        own, theirs = (statistics.median(cpu[engine]) for engine in calls)
        print(f"{name:12} {own:9.1f} {theirs:9.1f}  {row['ratio']:6.3f}  [{row['low']:.3f}, {row['high']:.3f}]", flush=True)
        return row

    return rows + bench.each("winch", programs, one)


def lazy_loading(bench: Bench) -> list[dict]:
    with_node(bench)
    print("# loading a module of which nothing is compiled, here and in V8, one thread each; CPU s less that of an empty module")
    return compile_rows(bench, "lazy", "node")


def first_calls(bench: Bench) -> list[dict]:
    """Whole processes, from the file to the result of one function: what is compiled is what that call needs."""
    with_node(bench)
    bench.fields["first_call"] = str(HERE / "first_call.mjs")
    exports = bench.config["first"]
    modules = {name: path for name, path in get_modules(bench.config, bench.options.names).items() if name in exports}
    nothing = assemble(bench, "nothing")
    ready = [bench.call("deltic", "ready", module=nothing).stats()["cpu_ms"] * 1e3 for _ in range(9)]
    print(f"# a module without functions to speak of is ready in {statistics.median(ready):.0f} µs of CPU time")
    print("# to the first call; CPU ms of the process, one core, and of V8's less its empty run relative to Deltic's less its own; peak memory")
    print(f"{'module':12} {'file MB':>8} {'deltic':>9} {'node':>9}  {'ratio':>6}  95 % interval    {'peak MB':>8} {'node MB':>8} {'/ file':>6}")
    empty = {e: statistics.median(bench.call(e, "lazy", module=nothing).cpu_ms for _ in range(9)) for e in ("deltic", "node")}

    def one(name):
        path = modules[name]
        pairs = bench.pairs(lambda engine: bench.call(engine, "first", module=path, invoke=exports[name]), ("deltic", "node"))
        if any(pair["deltic"].stdout != pair["node"].stdout for pair in pairs):
            raise Failed("answers differ")
        cpu = {e: [pair[e].cpu_ms for pair in pairs] for e in ("deltic", "node")}
        peak = {e: max(pair[e].peak_kib for pair in pairs) * 1024 for e in cpu}
        ratios = [max(v8 - empty["node"], 0.1) / max(own - empty["deltic"], 0.1) for own, v8 in zip(cpu["deltic"], cpu["node"])]
        size = path.stat().st_size
        row = {"name": name, "cpu_ms": cpu, "empty_cpu_ms": empty, "peak_bytes": peak, "file_bytes": size, "ratios": ratios, **summary(ratios)}
        own, v8 = (statistics.median(cpu[e]) for e in cpu)
        print(
            f"{name:12} {size / 1e6:8.2f} {own:9.1f} {v8:9.1f}  {row['ratio']:6.3f}  [{row['low']:.3f}, {row['high']:.3f}]"
            f"  {peak['deltic'] / 1e6:8.1f} {peak['node'] / 1e6:8.1f} {peak['deltic'] / size:6.2f}", flush=True,
        )
        return row

    return bench.each("first", modules, one)


def own(bench: Bench) -> list[dict]:
    bench.options.core = None
    modules = build.build(bench.config, bench.options.names)
    rows = {f"{row['program']} {' '.join(row['options'])}": row for row in bench.config["own"] if row["program"] in modules}
    print("# programs with the default settings and with other options; CPU ms of the process, all threads")
    print(f"{'program and options':40} {'default':>9} {'options':>9}  {'ratio':>6}  95 % interval")

    def one(name):
        program, options = rows[name]["program"], rows[name]["options"]
        ways = {"default": [], "options": options}
        pairs = bench.pairs(lambda way: bench.call("deltic", "with", [*ways[way], str(modules[program])]), tuple(ways))
        cpu = {way: [pair[way].cpu_ms for pair in pairs] for way in ways}
        ratios = [other / default for default, other in zip(cpu["default"], cpu["options"])]
        row = {"name": name, "cpu_ms": cpu, "ratios": ratios, **summary(ratios)}
        default, other = (statistics.median(cpu[way]) for way in ways)
        print(f"{name:40} {default:9.1f} {other:9.1f}  {row['ratio']:6.3f}  [{row['low']:.3f}, {row['high']:.3f}]", flush=True)
        return row

    return bench.each("own", rows, one)


def tiers(bench: Bench) -> list[dict]:
    modules = build.build(bench.config, bench.options.names)
    expected = {program["name"]: program["expect"] for program in bench.config["program"]}
    print("# run in code of the baseline tier and of the optimizing one; CPU ms inside _start, and baseline relative to optimized")
    print(f"{'program':12} {'optimized':>9} {'baseline':>9}  {'ratio':>6}  95 % interval")

    def one(name):
        def measure(tier):
            run = bench.call("deltic", "tier", module=modules[name], tier=tier)
            if run.stdout.strip() != expected[name]:
                raise Failed(f"{tier} printed {run.stdout.strip()!r}, not {expected[name]!r}")
            return run

        pairs = bench.pairs(measure, ("optimized", "baseline"))
        cpu = {tier: [pair[tier].stats()["run_cpu_ms"] for pair in pairs] for tier in ("optimized", "baseline")}
        ratios = [slow / fast for fast, slow in zip(cpu["optimized"], cpu["baseline"])]
        row = {"name": name, "run_cpu_ms": cpu, "ratios": ratios, **summary(ratios)}
        fast, slow = (statistics.median(cpu[tier]) for tier in ("optimized", "baseline"))
        print(f"{name:12} {fast:9.1f} {slow:9.1f}  {row['ratio']:6.3f}  [{row['low']:.3f}, {row['high']:.3f}]", flush=True)
        return row

    return bench.each("tiers", modules, one)


def run_time(run: Finished, compile_only_ms: float | None) -> float:
    """CPU milliseconds of `_start`: what the engine says, or else the process without what it takes to compile."""
    said = run.stats().get("run_cpu_ms")
    return said if said is not None else run.cpu_ms - compile_only_ms


def steady_state(bench: Bench) -> list[dict]:
    modules = build.build(bench.config, bench.options.names)
    expected = {program["name"]: program["expect"] for program in bench.config["program"]}
    print(f"# run, wasmtime's epoch checks {bench.options.epoch}; CPU ms inside _start")
    print(f"{'program':12} {'deltic':>9} {'wasmtime':>9}  {'ratio':>6}  95 % interval")

    def one(name):
        path = modules[name]
        compile_only = statistics.median(bench.call("deltic", "compile", module=path).cpu_ms for _ in range(5))

        def measure(engine):
            run = bench.call(engine, "run", module=path)
            if run.stdout.strip() != expected[name]:
                raise Failed(f"{engine} printed {run.stdout.strip()!r}, not {expected[name]!r}")
            return run

        pairs = bench.pairs(measure)
        cpu = {e: [run_time(pair[e], compile_only) for pair in pairs] for e in ("deltic", "wasmtime")}
        whole = {e: [pair[e].cpu_ms for pair in pairs] for e in cpu}
        ratios = [peer / own for own, peer in zip(cpu["deltic"], cpu["wasmtime"])]
        row = {"name": name, "compile_only_cpu_ms": compile_only, "run_cpu_ms": cpu, "process_cpu_ms": whole, "ratios": ratios, **summary(ratios)}
        own, peer = (statistics.median(cpu[e]) for e in ("deltic", "wasmtime"))
        print(f"{name:12} {own:9.1f} {peer:9.1f}  {row['ratio']:6.3f}  [{row['low']:.3f}, {row['high']:.3f}]", flush=True)
        return row

    return bench.each(f"run-epoch-{bench.options.epoch}", modules, one)


def whole_processes(bench: Bench) -> dict[str, pathlib.Path]:
    """Prepares for whole processes, on all cores: threads that compile in the background count with what they take. Gives the programs' modules."""
    with_node(bench)
    bench.fields["bun"] = str(from_npm(bench.config, "bun"))
    bench.fields["wasi_runner"] = str(HERE / "wasi_run.mjs")
    bench.options.core = None
    return build.build(bench.config, bench.options.names)


def steady(bench: Bench) -> list[dict]:
    """The difference between two amounts of work in whole processes: neither starting nor compiling is in it."""
    modules = whole_processes(bench)
    programs = {program["name"]: program for program in bench.config["program"] if program["name"] in modules}
    print(
        f"# steady state, default settings but wasmtime's epoch checks {bench.options.epoch};"
        " CPU ms of more work less less work, and of each peer relative to Deltic"
    )
    print_header()

    def one(name):
        def measure(engine):
            what = "steady" if engine == "wasmtime" else "start"
            times = [bench.call(engine, what, [str(amount)], module=modules[name]).cpu_ms for amount in programs[name]["steady"]]
            return times[1] - times[0]

        found = bench.pairs(measure, ENGINES)
        return against_peers(name, {e: [runs[e] for runs in found] for e in ENGINES})

    return with_means(bench.each(f"steady-epoch-{bench.options.epoch}", programs, one))


ENGINES = ("deltic", "wasmtime", "node", "bun")


def print_header():
    print(f"{'program':18} {'deltic':>8} " + " ".join(f"{e:>8}" for e in ENGINES[1:]) + "   ratios")


def against_peers(name: str, cpu: dict[str, list[float]]) -> dict:
    """A row of times, and of each peer relative to Deltic."""
    # A process that took as long as an empty one has done its work in what the clock does not show.
    ratios = {e: [max(peer, 0.1) / max(own, 0.1) for own, peer in zip(cpu["deltic"], cpu[e])] for e in ENGINES[1:]}
    against = {e: summary(ratios[e]) for e in ratios}
    medians = " ".join(f"{statistics.median(cpu[e]):8.1f}" for e in ENGINES)
    shown = "  ".join(f"{f['ratio']:6.3f} [{f['low']:.3f}, {f['high']:.3f}]" for f in against.values())
    print(f"{name:18} {medians}  {shown}", flush=True)
    best = min(ENGINES[1:], key=lambda e: statistics.median(cpu[e]))
    return {"name": name, "cpu_ms": cpu, "all_ratios": ratios, "ratios": ratios[best], "best": best, "against": against}


def with_means(rows: list[dict]) -> list[dict]:
    """Prints the geometric mean against each peer."""
    for engine in ENGINES[1:]:
        total = geometric([{"ratios": row["all_ratios"][engine]} for row in rows if "all_ratios" in row])
        if total:
            print(f"{engine:12} geometric mean {total['ratio']:6.3f}  [{total['low']:.3f}, {total['high']:.3f}]  over {total['rows']}")
    return rows


def start(bench: Bench) -> list[dict]:
    modules = whole_processes(bench)
    rows = {}
    for program in bench.config["program"]:
        if program["name"] in modules:
            amounts = [*program.get("small", [])[1:], None]
            rows |= {f"{program['name']} {amount or ''}".strip(): (program, amount) for amount in amounts}
    print("# start, default settings; CPU ms of the process less that of an empty module, and of each peer relative to Deltic")
    print_header()
    nothing = assemble(bench, "nothing")

    def one(name):
        program, amount = rows[name]
        answers = set()

        def measure(engine):
            # Empty runs before and behind each: the machine may be slower a minute later.
            before = bench.call(engine, "start", module=nothing).cpu_ms
            run = bench.call(engine, "start", [] if amount is None else [str(amount)], module=modules[program["name"]])
            answers.add(run.stdout.strip())
            return run, (before + bench.call(engine, "start", module=nothing).cpu_ms) / 2

        found = bench.pairs(measure, ENGINES)
        if len(answers) != 1:
            raise Failed(f"answers differ: {answers}")
        empty = {e: [runs[e][1] for runs in found] for e in ENGINES}
        cpu = {e: [run.cpu_ms - empty for run, empty in (runs[e] for runs in found)] for e in ENGINES}
        return {**against_peers(name, cpu), "empty_cpu_ms": empty}

    return with_means(bench.each("start", rows, one))


def from_npm(config: dict, name: str) -> pathlib.Path:
    """A program from npm, beside the checkout."""
    folder = build.place(config, "peers") / name
    binary = folder / "package" / "bin" / name
    if not binary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(["npm", "pack", "--silent", config["npm"][name]], cwd=folder, check=True, capture_output=True, text=True)
        with tarfile.open(folder / packed.stdout.split()[-1]) as tar:
            tar.extractall(folder, filter="data")
    return binary


def assemble(bench: Bench, name: str) -> pathlib.Path:
    """A program of `wat/bench` in the binary format, which all engines read."""
    wat2wasm = "import sys, wasmtime; open(sys.argv[2], 'wb').write(wasmtime.wat2wasm(open(sys.argv[1]).read()))"
    path = bench.results / f"{name}.wasm"
    subprocess.run([bench.python, "-c", wat2wasm, HERE.parent / "wat" / "bench" / f"{name}.wat", path], check=True)
    return path


def with_node(bench: Bench) -> None:
    bench.fields["node"] = str(from_npm(bench.config, "node"))
    bench.fields["node_runner"] = str(HERE / "node_run.mjs")


def tries(bench: Bench) -> list[dict]:
    with_node(bench)
    kinds = {}
    for program in bench.config["tries"]:
        path = assemble(bench, program["file"])
        kinds |= {f"{program['file']} {name}": (path, name, rounds, program["engines"]) for name, rounds in program["kinds"].items()}
    names = [kind for kind in kinds if not bench.options.names or kind.split()[1] in bench.options.names]
    print("# tries: CPU ms of Deltic without and with `try`; with, relative to without, under each engine; 95 % intervals")
    print(f"{'kind':20} {'without':>8} {'with':>8}  {'deltic':22} {'wasmtime':22} {'node':22}")

    def one(kind):
        path, name, rounds, engines = kinds[kind]

        def measure(what):
            engine, export = what
            return bench.call(engine, "call", [str(rounds)], module=path, invoke=export)

        whats = tuple((engine, export) for engine in engines for export in (name, f"{name}_try"))
        found = bench.pairs(measure, whats)
        answers = {run.stdout for runs in found for run in runs.values()}
        if len(answers) != 1:
            raise Failed(f"{kind}: answers differ: {answers}")
        cpu = {what: [runs[what].stats()["run_cpu_ms"] for runs in found] for what in whats}
        ratios = {e: [with_try / plain for plain, with_try in zip(cpu[e, name], cpu[e, f"{name}_try"])] for e in engines}
        against = {e: summary(ratios[e]) for e in engines}
        shown = {e: f"{f['ratio']:.3f} [{f['low']:.3f}, {f['high']:.3f}]" for e, f in against.items()}
        plain, with_try = (statistics.median(cpu["deltic", export]) for export in (name, f"{name}_try"))
        columns = " ".join(f"{shown.get(e, '-'):22}" for e in ("deltic", "wasmtime", "node"))
        print(f"{kind:20} {plain:8.1f} {with_try:8.1f}  {columns}", flush=True)
        cpu = {" ".join(what): times for what, times in cpu.items()}
        return {"name": kind, "run_cpu_ms": cpu, "ratios": ratios["deltic"], **against["deltic"], "engines": against}

    return bench.each("tries", names, one)


def objects(bench: Bench) -> list[dict]:
    programs = {p["name"]: p for p in bench.config["objects"] if not bench.options.names or p["name"] in bench.options.names}
    with_node(bench)
    engines = ("deltic", "wasmtime", "node")
    print(f"# objects, wasmtime's epoch checks {bench.options.epoch}; CPU ms of the call, all threads")
    print(f"{'program':12} {'deltic':>9} {'wasmtime':>9} {'node':>9}  {'wasmtime':>8}  95 % interval      {'node':>6}  95 % interval")

    def one(name):
        program = programs[name]
        path = assemble(bench, name)

        def measure(engine):
            run = bench.call(engine, "call", program["args"], module=path, invoke=program["invoke"])
            if run.stdout.strip() != program["expect"]:
                raise Failed(f"{engine} printed {run.stdout.strip()!r}, not {program['expect']!r}")
            return run

        rounds = bench.pairs(measure, engines)
        cpu = {e: [found[e].stats()["run_cpu_ms"] for found in rounds] for e in engines}
        ratios = {e: [peer / own for own, peer in zip(cpu["deltic"], cpu[e])] for e in engines[1:]}
        found = {e: summary(ratios[e]) for e in ratios}
        row = {"name": name, "run_cpu_ms": cpu, "ratios": ratios["node"], "all_ratios": ratios, **found["node"], "against": found}
        medians = [statistics.median(cpu[e]) for e in engines]
        intervals = "  ".join(f"{f['ratio']:8.3f}  [{f['low']:.3f}, {f['high']:.3f}]" for f in found.values())
        print(f"{name:12} {medians[0]:9.1f} {medians[1]:9.1f} {medians[2]:9.1f}  {intervals}", flush=True)
        return row

    return bench.each("objects", programs, one)


def counter() -> str | None:
    """What counts instructions here."""
    if shutil.which("perf"):
        probe = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", "true"], capture_output=True, text=True)
        if probe.returncode == 0 and probe.stderr.split(",")[0].strip().isdigit():
            return "perf"
    return "callgrind" if shutil.which("valgrind") else None


def count(which: str, command: list[str], core: int | None) -> int:
    env = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    if which == "perf":
        run = child(["perf", "stat", "-x,", "-e", "instructions:u", *command], core, env=env)
        return int(next(line for line in run.stderr.splitlines() if "instructions" in line).split(",")[0])
    with tempfile.TemporaryDirectory() as folder:
        run = child(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", *command], core, env=env)
    return int(re.search(r"Collected\s*:\s*(\d+)", run.stderr).group(1))


def instructions(bench: Bench) -> list[dict]:
    which = counter()
    if which is None:
        print("# instructions: neither perf counts here nor is valgrind installed")
        return []
    programs = {p["name"]: p for p in bench.config["program"] if "small" in p and (not bench.options.names or p["name"] in bench.options.names)}
    modules = build.build(bench.config, list(programs))
    print(f"# instructions by {which}, wasmtime's epoch checks {bench.options.epoch}: the difference between two amounts of work")
    print(f"{'program':12} {'deltic M':>9} {'wasmtime':>9}  {'ratio':>6}")

    def one(name):
        counts = {}
        for engine in ("deltic", "wasmtime"):
            few, many = (count(which, bench.command(engine, "run", [str(w)], module=modules[name]), bench.options.core) for w in programs[name]["small"])
            counts[engine] = many - few
        ratio = counts["wasmtime"] / counts["deltic"]
        print(f"{name:12} {counts['deltic'] / 1e6:9.2f} {counts['wasmtime'] / 1e6:9.2f}  {ratio:6.3f}", flush=True)
        return {"name": name, "counter": which, "instructions": counts, "ratios": [ratio], "ratio": ratio}

    return bench.each(f"instructions-epoch-{bench.options.epoch}", programs, one)


# Rows of `cargo bench --bench calls --bench instantiate` and what of `peer_calls.c` each is like.
CALLS = [
    ("typed_nop", "nop unchecked"),
    ("typed_add", "add unchecked"),
    ("untyped_add", "add untyped"),
    ("to_host typed", "to host typed"),
    ("to_host untyped", "to host untyped"),
    ("to_host empty", "to host empty"),
    ("in_warm_isolate empty", "instantiate empty"),
    ("in_warm_isolate one memory", "instantiate one memory"),
]


def divan_medians(text: str) -> dict[str, float]:
    """Median nanoseconds of each row that divan printed; an argument's row is named after its function too."""
    units = {"ps": 1e-3, "ns": 1.0, "µs": 1e3, "ms": 1e6, "s": 1e9}
    found, function = {}, ""
    for line in text.splitlines():
        row = re.match(r"^([│ ]*)[├╰]─ (.*?)(?:\s{2,}|$)(.*)", line)
        if not row:
            continue
        depth, name, columns = len(row.group(1)), row.group(2).strip(), row.group(3).split("│")
        times = [re.match(r"\s*([\d.]+) (ps|ns|µs|ms|s)\b", column) for column in columns]
        if depth == 0:
            function = name
        # Columns are fastest, slowest, median, mean. The first begins with the name, which may be cut short by few spaces.
        if len(columns) > 2 and times[2]:
            cleaned = re.sub(r"\s+[\d.]+ (ps|ns|µs|ms|s)$", "", name)
            key = cleaned if depth == 0 else f"{function} {cleaned}"
            found[key] = float(times[2].group(1)) * units[times[2].group(2)]
    return found


def bench_executables(names: list[str]) -> list[str]:
    """Builds benches, and gives the paths of what runs them."""
    print(f"# cargo builds {', '.join(names)}: minutes, if something has changed", file=sys.stderr, flush=True)
    command = ["cargo", "bench", "--quiet", "--no-run", "--message-format", "json", *(word for name in names for word in ("--bench", name))]
    messages = map(json.loads, subprocess.run(command, cwd=HERE.parent, check=True, capture_output=True, text=True).stdout.splitlines())
    found = {m["target"]["name"]: m["executable"] for m in messages if m["reason"] == "compiler-artifact" and m["executable"]}
    return [found[name] for name in names]


# Rows of `cargo bench --bench instantiate`, what of `peer_calls.c` each is like, and how many instances one sample is.
KINDS = ["empty", "one memory", "256 KiB of data", "1000 functions"]
INSTANCES = [(f"prepared {kind}", kind, 128) for kind in KINDS] + [(f"in_new_isolate {kind}", f"new store {kind}", 1) for kind in KINDS]
THREADS = [(f"on_threads {count}", f"{count} threads", 100_000) for count in (1, 2, 4, 8)]


def build_peer_calls(bench: Bench) -> pathlib.Path:
    compiler = [str(build.venv(bench.config, "ziglang")), "-m", "ziglang", "cc"] if not shutil.which("cc") else ["cc"]
    query = "import wasmtime, pathlib; print(next(pathlib.Path(wasmtime.__file__).parent.glob('*/_libwasmtime.so')).parent)"
    library = subprocess.run([bench.python, "-c", query], check=True, capture_output=True, text=True).stdout.strip()
    program = bench.results.parent / "peer_calls"
    with tempfile.NamedTemporaryFile(dir=program.parent, delete=False) as file:
        pass
    command = [*compiler, "-O2", "-pthread", HERE / "peer_calls.c", "-o", file.name, f"-L{library}", "-l:_libwasmtime.so", f"-Wl,-rpath,{library}"]
    subprocess.run(command, check=True)
    # Whole at any time: other measurements may run beside this one.
    os.replace(file.name, program)
    return program


def calls(bench: Bench) -> list[dict]:
    program = build_peer_calls(bench)
    of_calls, of_instances = bench_executables(["calls", "instantiate"])
    # A clock that changes its speed between two processes changes their ratio: short ones, one right after the other.
    samples = []
    for _ in range(bench.options.pairs):
        peer = json.loads(child([str(program)], bench.options.core).stdout)
        own = {}
        for command in ([of_calls, "--bench", "--sample-count", "200"], [of_instances, "--bench", "--sample-count", "50", "in_warm_isolate"]):
            own |= divan_medians(child(command, bench.options.core).stdout)
        samples.append((own, peer))
    print(f"# calls, nanoseconds, medians of {len(samples)} pairs; the peer through its C API, with epoch checks")
    print(f"{'row':28} {'deltic':>10} {'wasmtime':>10}  {'ratio':>6}")
    rows = []
    for ours, theirs in CALLS:
        if not all(ours in own for own, _ in samples):
            rows.append({"name": ours, "error": "the benchmark printed no such row"})
            continue
        # Each sample is a thousand calls, or instances.
        own, peer = [own[ours] / 1e3 for own, _ in samples], [peer[theirs] for _, peer in samples]
        found = summary([theirs / ours for ours, theirs in zip(own, peer)])
        rows.append({"name": ours, "deltic_ns": own, "wasmtime_ns": peer, **found})
        medians = [statistics.median(own), statistics.median(peer)]
        print(f"{ours:28} {medians[0]:10.1f} {medians[1]:10.1f}  {found['ratio']:6.2f}  [{found['low']:.2f}, {found['high']:.2f}]")
    bench.save("calls", rows)
    return rows


def instances(bench: Bench) -> list[dict]:
    program, (executable,) = build_peer_calls(bench), bench_executables(["instantiate"])
    print(f"# instances, nanoseconds with freeing, medians of {bench.options.pairs} pairs; the peer through its C API")
    print(f"{'row':32} {'deltic':>9} {'on demand':>10}  {'ratio':>6} {'pooling':>10}  {'ratio':>6}")
    rows = []
    # Many threads have all cores, the others one.
    for table, what, filters, core in (
        (INSTANCES, "instances", ["prepared", "in_new_isolate"], bench.options.core),
        (THREADS, "threads", ["on_threads"], None),
    ):
        samples = []
        for _ in range(bench.options.pairs):
            peer = json.loads(child([str(program), what], core).stdout)
            # As many samples of the last as its function says.
            count = [] if what == "threads" else ["--sample-count", "50"]
            samples.append((divan_medians(child([executable, "--bench", *count, *filters], core).stdout), peer))
        for ours, theirs, items in table:
            if not all(ours in own for own, _ in samples):
                rows.append({"name": ours, "error": "the benchmark printed no such row"})
                continue
            own = [own[ours] / items for own, _ in samples]
            row = {"name": ours, "deltic_ns": own}
            text = f"{ours:32} {statistics.median(own):9.0f}"
            for allocator in ("on demand", "pooling"):
                peer = [peer[f"{theirs}, {allocator}"] for _, peer in samples]
                ratio = statistics.median(theirs / ours for ours, theirs in zip(own, peer))
                row |= {f"wasmtime_{allocator.replace(' ', '_')}_ns": peer, f"{allocator.replace(' ', '_')}_ratio": ratio}
                text += f" {statistics.median(peer):10.0f}  {ratio:6.2f}"
            print(text, flush=True)
            rows.append(row)
    bench.save("instances", rows)
    return rows


def python_answers(bench: Bench) -> list[dict]:
    module = get_modules(bench.config, ["python"])["python"]
    expected = (HERE / "programs" / "answers.txt").read_text()
    rows = []
    for engine in ("wasmtime", "deltic"):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(HERE / "programs" / "answers.py", folder)
            began = time.monotonic()
            try:
                run = bench.call(engine, "dir", ["answers.py"], module=module, dir=folder)
                same, cpu = run.stdout == expected, run.cpu_ms
                problem = None if same else f"printed\n{run.stdout}{run.stderr}"
            except Failed as error:
                same, cpu, problem = False, None, str(error)
        rows.append({"name": engine, "same": same, "cpu_ms": cpu, "problem": problem})
        print(f"CPython under {engine}: {'the expected answers' if same else problem}, {time.monotonic() - began:.1f} s", flush=True)
    bench.save("python", rows)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deltic", default=str(HERE.parent / "target" / "release" / "deltic"), help="the command to measure")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=0, help="Deltic's compile tasks; 0 compiles on the caller")
    parser.add_argument("--epoch", choices=["on", "off"], default="on", help="interruption checks in wasmtime's code; Deltic always has them")
    parser.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1, help="the core that every process is pinned to")
    parser.add_argument("--json", help="where the results go, instead of a file for each action beside the peers")
    actions = ["get", "compile", "baseline", "winch", "lazy", "first", "own", "tiers", "run", "start", "steady", "instructions", "calls", "instances", "objects", "tries", "python", "all"]
    parser.add_argument("action", choices=actions)
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    config = build.settings()
    if options.action == "get":
        build.venv(config, "wasmtime")
        build.build(config, options.names)
        get_modules(config, options.names)
        from_npm(config, "node")
        from_npm(config, "bun")
        return 0
    if not pathlib.Path(options.deltic).exists():
        parser.error(f"there is no {options.deltic}; build it with `cargo build --release` or name it with --deltic")
    bench = Bench(options, config)
    actions = {
        "compile": compile_throughput, "baseline": baseline_throughput, "winch": winch, "lazy": lazy_loading, "tiers": tiers,
        "first": first_calls, "own": own, "run": steady_state, "start": start, "steady": steady, "instructions": instructions,
        "calls": calls, "instances": instances, "objects": objects, "tries": tries, "python": python_answers,
    }
    chosen = list(actions) if options.action == "all" else [options.action]
    rows, core = [], options.core
    for action in chosen:
        # Some give it up, to have all cores.
        options.core = core
        rows += actions[action](bench)
    return 1 if any("error" in row or row.get("same") is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
