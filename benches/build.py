#!/usr/bin/env python3
"""Compiles `programs/*.c` to WASI commands beside the checkout (`places.programs` in programs.toml), where they are missing or old.

    build.py [--compiler zig|clang] [--force] [NAME…]

`zig` is PyPI's `ziglang`, installed into a virtual environment beside the checkout; `clang` is Debian's with `wasi-libc` and
`libclang-rt-dev-wasm32`. Nothing that this makes is committed.
"""

import argparse
import pathlib
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent


def settings() -> dict:
    with open(HERE / "programs.toml", "rb") as file:
        return tomllib.load(file)


def place(config: dict, which: str) -> pathlib.Path:
    """A folder beside the checkout."""
    return (HERE.parent / config["places"][which]).resolve()


def venv(config: dict, package: str) -> pathlib.Path:
    """The Python of the virtual environment, with this package of `pypi` in it."""
    wanted = f"{package}=={config['pypi'][package]}"
    folder = place(config, "peers") / "venv"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    check = f"import importlib.metadata as m, sys; sys.exit(m.version({package!r}) != {config['pypi'][package]!r})"
    if subprocess.run([python, "-c", check], stderr=subprocess.DEVNULL).returncode != 0:
        print(f"installing {wanted}", file=sys.stderr)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted], check=True)
    return python


def build(config: dict, names: list[str] | None = None, compiler: str = "zig", force: bool = False) -> dict[str, pathlib.Path]:
    """Builds what is missing or older than its source: the module of each program."""
    out_folder = place(config, "programs")
    out_folder.mkdir(parents=True, exist_ok=True)
    header = HERE / "programs" / "bench.h"
    modules = {}
    command = None
    for program in config["program"]:
        name = program["name"]
        if names and name not in names:
            continue
        source = HERE / "programs" / f"{name}.c"
        module = modules[name] = out_folder / f"{name}.wasm"
        newest = max(path.stat().st_mtime for path in (source, header))
        if not force and module.exists() and module.stat().st_mtime > newest:
            continue
        if command is None:
            command = [arg for arg in config["build"][compiler]]
            if compiler == "zig":
                command[0] = venv(config, "ziglang")
        print(f"building {module.name}", file=sys.stderr)
        flags = [*config["build"]["flags"], *program.get("flags", [])]
        subprocess.run([*command, *flags, "-o", module, source], check=True)
    return modules


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", choices=["zig", "clang"], default="zig")
    parser.add_argument("--force", action="store_true", help="build even what is up to date")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    for module in build(settings(), options.names, options.compiler, options.force).values():
        print(module)
    return 0


if __name__ == "__main__":
    sys.exit(main())
