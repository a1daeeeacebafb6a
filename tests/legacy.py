#!/usr/bin/env python3
"""Runs scripts with exceptions of the older form, folded, which the text parser of `deltic wast` does not take.

    tests/legacy.py [--deltic PROGRAM] [--tier TIER] [--wast2json PROGRAM] SCRIPT…

wabt's `wast2json` makes binary modules and a list of commands of each script; from these comes a script with `(module binary …)`, which
`deltic wast` runs. What wabt has in another form than `deltic` wants is counted as skipped, by kind. The exit status is 1 if anything failed.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile


def quoted(data: bytes) -> str:
    return '"' + "".join(f"\\{byte:02x}" for byte in data) + '"'


def name_of(command: dict, key: str) -> str:
    return " " + command[key] if command.get(key) else ""


def constant(value: dict) -> str:
    """A number, from its bits."""
    kind, bits = value["type"], value.get("value")
    if kind in ("i32", "i64"):
        return f"({kind}.const {bits})"
    if kind in ("f32", "f64"):
        if bits.startswith("nan:"):
            return f"({kind}.const {bits})"
        width, mantissa, exponent = (32, 23, 8) if kind == "f32" else (64, 52, 11)
        number = int(bits)
        sign = "-" if number >> (width - 1) else ""
        power, fraction = number >> mantissa & ((1 << exponent) - 1), number & ((1 << mantissa) - 1)
        bias = (1 << (exponent - 1)) - 1
        if power == (1 << exponent) - 1:
            return f"({kind}.const {sign}" + ("inf)" if fraction == 0 else f"nan:0x{fraction:x})")
        if power == 0:
            return f"({kind}.const {sign}0x{fraction:x}p{1 - bias - mantissa})"
        return f"({kind}.const {sign}0x{fraction | 1 << mantissa:x}p{power - bias - mantissa})"
    if kind in ("externref", "funcref"):
        heap = kind.removesuffix("ref")
        return f"(ref.null {heap})" if bits == "null" else f"(ref.{heap} {bits})"
    raise ValueError(f"a value of type {kind}")


def action(command: dict) -> str:
    what = command["action"]
    field = quoted(what["field"].encode())
    if what["type"] == "get":
        return f"(get{name_of(what, 'module')} {field})"
    args = "".join(" " + constant(arg) for arg in what["args"])
    return f"(invoke{name_of(what, 'module')} {field}{args})"


def directive(command: dict, folder: pathlib.Path) -> str:
    """One command in the script's language."""
    kind = command["type"]

    def module() -> str:
        data = (folder / command["filename"]).read_bytes()
        form = "quote" if command.get("module_type") == "text" else "binary"
        return f"(module{name_of(command, 'name')} {form} {quoted(data)})"

    text = quoted(command.get("text", "").encode())
    match kind:
        case "module":
            return module()
        case "register":
            return f"(register {quoted(command['as'].encode())}{name_of(command, 'name')})"
        case "action":
            return action(command)
        case "assert_return":
            expected = "".join(" " + constant(value) for value in command["expected"])
            return f"(assert_return {action(command)}{expected})"
        case "assert_trap" | "assert_exhaustion":
            return f"({kind} {action(command)} {text})"
        case "assert_exception":
            return f"(assert_exception {action(command)})"
        case "assert_invalid" | "assert_malformed" | "assert_unlinkable":
            return f"({kind} {module()} {text})"
    raise ValueError(f"a command {kind}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deltic", default="target/release/deltic")
    parser.add_argument("--tier", help="which compiler `deltic wast` uses")
    parser.add_argument("--wast2json", default="wast2json")
    parser.add_argument("scripts", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    failed = False
    for script in options.scripts:
        with tempfile.TemporaryDirectory() as temporary:
            # The folder's name says which features are on.
            folder = pathlib.Path(temporary) / "legacy"
            folder.mkdir()
            listed = folder / "commands.json"
            command = [options.wast2json, "--enable-exceptions", "--enable-tail-call", script, "-o", listed]
            made = subprocess.run(command, stdin=subprocess.DEVNULL)
            if made.returncode != 0:
                print(f"{script}: {options.wast2json} failed")
                failed = True
                continue
            lines, kinds = [], {}
            for found in json.loads(listed.read_text())["commands"]:
                try:
                    # A directive on its own line, so that failures name the line of the original.
                    line = found["line"]
                    lines += [""] * (line - 1 - len(lines))
                    lines.append(directive(found, folder))
                    kinds[found["type"]] = kinds.get(found["type"], 0) + 1
                except ValueError as problem:
                    kinds[f"skipped: {problem}"] = kinds.get(f"skipped: {problem}", 0) + 1
            translated = folder / script.name
            translated.write_text("\n".join(lines) + "\n")
            tier = ["--tier", options.tier] if options.tier else []
            ran = subprocess.run([options.deltic, "wast", *tier, translated], stdout=subprocess.PIPE, text=True)
            counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
            print(f"{script.name}: {ran.stdout.strip()} ({counts})", flush=True)
            failed |= ran.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
