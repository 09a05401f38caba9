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

from benchmarks.figures import Aim, Figure, table

NAMES = ("conversations", "parked", "detection", "mail", "replies", "scrape", "load", "form")


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
            figures = _measure(name, quick=arguments.quick)
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


def _measure(name: str, *, quick: bool) -> list[Figure]:
    if name == "form":
        return _form(quick=quick)
    figures: list[Figure] = importlib.import_module(f"benchmarks.{name}").measure(quick=quick)
    return figures


def _form(*, quick: bool) -> list[Figure]:
    form = importlib.import_module("benchmarks.form")  # late: it needs Playwright and a browser
    if quick:
        vars(form).update(ROUNDS=3, WARM_UP=1)
    found = form.measure()
    beside = f"{found['visit_cpu_seconds']:.3f} s a visit against {found['bare_cpu_seconds']:.3f} s of bare Playwright"
    return [Figure("CPU of a form visit", found["ratio"], "x", beside, Aim("<=", 1.15))]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"{', '.join(NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="smaller and coarser: under 40 s in all")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in NAMES]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    return arguments


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
