"""Runs the benchmarks: `python -m benchmarks [name …] [--quick]`. Prints a table, writes bench.json in the current folder."""

import argparse
import importlib
import json
import os
import platform
import sqlite3
import sys
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.figures import Figure, table

NAMES = ("conversations", "parked", "detection", "scrape", "form")


def main() -> int:
    """Exit code 0 when all that was asked for was measured, whatever came out; 1 when something could not be."""
    arguments = _arguments()
    machine = _machine()
    print("  ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    results: dict[str, object] = {}
    unmeasured = False
    for name in arguments.names or NAMES:
        began = time.monotonic()
        try:
            figures: list[Figure] = importlib.import_module(f"benchmarks.{name}").measure(quick=arguments.quick)
        except Exception as error:
            print(f"\n{name}: not measured: {type(error).__name__}: {error}", flush=True)
            results[name] = {"not measured": f"{type(error).__name__}: {error}"}
            unmeasured = True
            continue
        print(f"\n{name} ({time.monotonic() - began:.0f} s)\n{table(figures)}", flush=True)
        results[name] = [{**asdict(each), "aim": str(each.aim or ""), "judged": each.judged} for each in figures]
    document = {"machine": machine | {"load after": _load()}, "quick": arguments.quick, "figures": results}
    Path("bench.json").write_text(json.dumps(document, indent=1) + "\n")
    return int(unmeasured)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", choices=[*NAMES, []], help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="smaller and coarser: under 40 s in all")
    return parser.parse_args()


def _machine() -> dict[str, str]:
    return {
        "cores": str(os.cpu_count()),
        "load": _load(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
    }


def _load() -> str:
    return " ".join(f"{load:.2f}" for load in os.getloadavg())


if __name__ == "__main__":
    sys.exit(main())
