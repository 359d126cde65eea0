"""Runs all benchmarks, one after the other; prints one table in Markdown and the goals, draws the ratios as one picture.

    python benchmarks/run.py [--quick] [--json FILE] [--plot FILE] [--results FILE]

The JSON file holds the rows of each script; --results measures nothing and shows such a file again.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import common
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from common import text_of

HERE = Path(__file__).resolve().parent
# Beside heyoka, in one table and one picture; and those with a table of their own.
NAMES = ["training_step", "building", "inference", "functions", "systems", "growth", "gradients"]
TABLES = ["gradients_at_accuracy", "gradients_cost"]
BLUE, ORANGE = "#1f77b4", "#ff7f0e"


def number(value):
    """Two digits, with commas behind every third."""
    return f"{value:.2g}" if value < 10 else f"{float(f'{value:.2g}'):,.0f}"


def draw(results, path):
    """Horizontal bars: how many times as fast as heyoka; orange where slower."""
    both = [r for r in rows_of(results) if {"heyoka", "tayra"} <= set(r["seconds"])]
    works = [r["work"] for r in both][::-1]
    ratios = [r["seconds"]["heyoka"] / r["seconds"]["tayra"] for r in both][::-1]
    fig, ax = plt.subplots(figsize=(10, 1.2 + 0.3 * len(works)), layout="constrained")
    colors = [BLUE if ratio >= 1 else ORANGE for ratio in ratios]
    # Bars start at 1: a bar to the right is faster, one to the left slower.
    bars = ax.barh(works, [ratio - 1 for ratio in ratios], left=1, color=colors, height=0.65)
    for bar, ratio in zip(bars, ratios):
        ax.annotate(
            number(ratio),
            (ratio, bar.get_y() + bar.get_height() / 2),
            xytext=(4 if ratio >= 1 else -4, 0),
            textcoords="offset points",
            va="center",
            ha="left" if ratio >= 1 else "right",
            fontsize=9,
        )
    ax.set_xscale("log")
    ax.set_ylim(-0.7, len(works) - 0.3)
    ax.set_xlim(min(ratios + [1]) / 4, max(ratios + [1]) * 4)
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_xlabel("times as fast as heyoka 7.13.2, one core, same run")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", alpha=0.3)
    ax.set_axisbelow(True)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=100)
    plt.close(fig)


def rows_of(results, names=NAMES):
    return [r for name in names for r in results.get(name, [])]


def markdown(results):
    """The measurements as a table for a page; what only tayra was given has no ratio."""
    lines = ["| work | heyoka | tayra | ratio |", "| --- | ---: | ---: | ---: |"]
    for r in rows_of(results):
        times = r["seconds"]
        peer = text_of(times["heyoka"]) if "heyoka" in times else "-"
        ratio = number(times["heyoka"] / times["tayra"]) if "heyoka" in times else "-"
        lines.append(f"| {r['work']} | {peer} | {text_of(times['tayra'])} | {ratio} |")
    return "\n".join(lines)


def table(rows):
    """A table with a column for each contestant, and in brackets the tolerance that it needs."""
    names = list(dict.fromkeys(name for r in rows for name in r["seconds"]))
    lines = [f"| work | {' | '.join(names)} |", "| --- |" + " ---: |" * len(names)]
    for r in rows:
        cells = {name: text_of(seconds) for name, seconds in r["seconds"].items()}
        for name, tolerance in r.get("tolerances", {}).items():
            cells[name] += f" ({tolerance:.0e})"
        lines.append(f"| {r['work']} | {' | '.join(cells.get(name, '-') for name in names)} |")
    return "\n".join(lines) if rows else ""


def memory(results):
    """Peak memory of the growing inputs, as a table; one line for each input."""
    lines = ["| peak memory | heyoka | tayra |", "| --- | ---: | ---: |"]
    for r in (r for r in rows_of(results) if "megabytes" in r and r["work"].endswith(": building")):
        cells = [f"{r['megabytes'][name]:,.0f} MB" if name in r["megabytes"] else "-" for name in ("heyoka", "tayra")]
        lines.append(f"| {r['work'].removesuffix(': building')} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def goals(results):
    """A line for each goal: met or missed."""
    lines = []
    for r in rows_of(results, NAMES + TABLES):
        times, checks = r["seconds"], []
        for name, least in r.get("goals", {}).items():
            if name in (ratios := common.ratios(r)):
                checks.append((ratios[name] >= least, f"{ratios[name]:.3g} times as fast as {name}, at least {least:.3g}"))
        if r.get("goal") and "heyoka" in times:
            ratio = times["heyoka"] / times["tayra"]
            checks.append((ratio >= r["goal"], f"{ratio:.3g} times as fast, at least {r['goal']:g}"))
        if r.get("most_seconds"):
            checks.append((times["tayra"] <= r["most_seconds"], f"{text_of(times['tayra'])}, at most {r['most_seconds']:g} s"))
        if r.get("most_megabytes"):
            peak = r["megabytes"]["tayra"]
            checks.append((peak <= r["most_megabytes"], f"{peak:.0f} MB, at most {r['most_megabytes']} MB"))
        lines += [f"{'met   ' if met else 'MISSED'}  {r['work']}: {text}" for met, text in checks]
    return "\n".join(lines)


def measured(quick):
    """{script: its rows}"""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES + TABLES:
            print(f"\n{name}", flush=True)
            path = Path(folder) / f"{name}.json"
            subprocess.run([sys.executable, HERE / f"{name}.py", "--json", path] + ["--quick"] * quick, check=True)
            results[name] = json.loads(path.read_text())
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, one turn: a test that all of it runs")
    parser.add_argument("--json", type=Path, help="file to write all results to")
    parser.add_argument("--plot", type=Path, help="file of the picture")
    parser.add_argument("--results", type=Path, help="measure nothing, show the results in this file")
    options = parser.parse_args()
    results = json.loads(options.results.read_text()) if options.results else measured(options.quick)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    tables = [table(rows_of(results, [name])) for name in TABLES]
    for text in (markdown(results), *tables, memory(results), "" if options.quick else goals(results)):
        if text:
            print(f"\n{text}")
    if options.plot:
        draw(results, options.plot)


if __name__ == "__main__":
    main()
