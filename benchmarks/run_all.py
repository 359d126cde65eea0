"""Runs all benchmarks, one after the other; writes the ratios as one picture and one table.

    python benchmarks/run_all.py [--quick] [--output FOLDER] [--picture FILE] [--draw-only]

The results are kept as JSON in the output folder (out/benchmarks).
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from common import text_of

HERE = Path(__file__).resolve().parent
NAMES = ["training_step", "building", "inference", "systems", "growth"]
BLUE, ORANGE = "#1f77b4", "#ff7f0e"


def number(value):
    """Two digits, with commas behind every third."""
    return f"{value:.2g}" if value < 10 else f"{float(f'{value:.2g}'):,.0f}"


def draw(results, path):
    """Horizontal bars: how many times as fast as heyoka; orange where slower."""
    both = [r for name in NAMES for r in results.get(name, []) if {"heyoka", "tayra"} <= set(r["seconds"])]
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


def markdown(results):
    """The measurements with both contestants as a table for a page."""
    lines = ["| work | heyoka | tayra | ratio |", "| --- | ---: | ---: | ---: |"]
    for r in (r for name in NAMES for r in results.get(name, [])):
        times = r["seconds"]
        if {"heyoka", "tayra"} <= set(times):
            ratio = number(times["heyoka"] / times["tayra"])
            lines.append(f"| {r['work']} | {text_of(times['heyoka'])} | {text_of(times['tayra'])} | {ratio} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, one turn: a test that all of it runs")
    parser.add_argument("--draw-only", action="store_true", help="measure nothing, draw the results that are there")
    parser.add_argument("--output", type=Path, default=Path("out/benchmarks"), help="folder of the results (out/benchmarks)")
    parser.add_argument("--picture", type=Path, help="file of the picture (ratios.png in that folder)")
    options = parser.parse_args()
    for name in [] if options.draw_only else NAMES:
        print(f"\n{name}", flush=True)
        command = [sys.executable, HERE / f"{name}.py", "--json", options.output / f"{name}.json"]
        subprocess.run(command + ["--quick"] * options.quick, check=True)
    files = {name: options.output / f"{name}.json" for name in NAMES}
    results = {name: json.loads(path.read_text()) for name, path in files.items() if path.exists()}
    picture = options.picture or options.output / "ratios.png"
    draw(results, picture)
    (options.output / "table.md").write_text(markdown(results))
    print(f"\n{picture}\n{options.output / 'table.md'}")


if __name__ == "__main__":
    main()
