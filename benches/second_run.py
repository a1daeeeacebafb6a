#!/usr/bin/env python3
"""How soon a program says something, without a cache and with the code that a first run has left; medians, and their ratio.

    benches/second_run.py target/release/deltic 21 1.5 python.wasm -c "print('hi')"

Each of 21 rounds has a cache as one first run has left it: copies are made before, and the disk has come to rest. Before each run the machine rests for
so many seconds: virtual machines give free memory back meanwhile, so that no run finds what the one before it has left, each kind something else. A run is timed from
its start to the first byte that it writes; what it says must always be the same.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time


def first_output(command):
    """Milliseconds to the first bytes of a command, and those."""
    reader, writer = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_CLOSE, reader)]
    begun = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    os.close(writer)
    said = os.read(reader, 4096)
    took = (time.perf_counter() - begun) * 1e3
    while os.read(reader, 4096):
        pass
    os.close(reader)
    _, status = os.waitpid(process, 0)
    if os.waitstatus_to_exitcode(status) != 0 or not said:
        sys.exit(f"{command}: status {os.waitstatus_to_exitcode(status)}, {said!r}")
    return took, said


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    deltic, rounds, rest, program = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    with tempfile.TemporaryDirectory() as folder:
        run = lambda cache: first_output([deltic, "run", "--cache", cache, *program])
        _, expected = run(f"{folder}/first")
        for number in range(rounds):
            shutil.copytree(f"{folder}/first", f"{folder}/{number}")
        os.sync()
        time.sleep(3)
        times = {"no cache": [], "second run": [], "third run": []}
        for number in range(rounds):
            for kind, cache in zip(times, ["none", f"{folder}/{number}", f"{folder}/{number}"]):
                time.sleep(rest)
                took, said = run(cache)
                if said != expected:
                    sys.exit(f"{kind}: {said!r} and not {expected!r}")
                times[kind].append(took)
    for kind, taken in times.items():
        quartiles = statistics.quantiles(taken, n=4)
        print(
            f"{kind:11} median {quartiles[1]:6.1f} ms, quartiles {quartiles[0]:.1f} and {quartiles[2]:.1f}, "
            f"least {min(taken):.1f}, ratio {statistics.median(times['no cache']) / quartiles[1]:.2f}"
        )


if __name__ == "__main__":
    main()
