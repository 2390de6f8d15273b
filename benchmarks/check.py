"""How long checking takes: reading a page, and reading, composing, merging and judging a hundred.

    python benchmarks/check.py [--pages N] [--runs N]

The budget is 3 s for 100 pages on two cores, start of the program included. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from newsletter.content.reader import parse_page

BUDGET = 3.0
"""Seconds for 100 pages on two cores."""
ROOT = Path(__file__).parent.parent


def write_pages(folder: Path, number: int) -> list[bytes]:
    """The shipped pages of `unions` over and over, each with a title of its own."""
    folder.mkdir(parents=True)
    originals = [file.read_text(encoding="utf-8") for file in sorted((ROOT / "content" / "unions").glob("*.md"))]
    originals = [text for text in originals if "draft: true" not in text]
    written = []
    for index in range(number):
        text = originals[index % len(originals)].replace("title: ", f"title: {index} ", 1)
        written.append(text.encode())
        (folder / f"page-{index:04}.md").write_bytes(written[-1])
    return written


def read_time(pages: list[bytes]) -> float:
    """Median milliseconds of processor time to read one page, warm."""
    taken = []
    for _ in range(3):
        for data in pages:
            start = time.process_time()
            parse_page(data, path="boats/page.md", series="boats")
            taken.append((time.process_time() - start) * 1000)
    return statistics.median(taken)


def timed(command: list[str]) -> tuple[float, float, bytes]:
    """Seconds on the clock and of processor time that a command takes, start included, and what it prints."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "newsletter", *command], cwd=ROOT, capture_output=True, check=False)
    whole = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return whole, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    number = options.pages
    with tempfile.TemporaryDirectory() as folder:
        content = Path(folder) / "content"
        reading = read_time(write_pages(content / "boats", number))
        building, _, _ = timed(["build", "--content", str(content), "--out", f"{folder}/built"])
        runs = [timed(["check", "--content", str(content), "--format", "json"]) for _ in range(options.runs)]
    whole, processor = statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)
    load = round(os.getloadavg()[0], 1)
    print(f"read one page        {reading:6.2f} ms (median, warm)")
    print(
        f"build {number:>4} pages     {building:6.2f} s, the anchor: read, composed, merged and written, but not judged"
    )
    print(f"check {number:>4} pages     {whole:6.2f} s, start included (budget for 100: {BUDGET:.0f} s)")
    print(
        f"                     {processor:6.2f} s of processor time, in two processes; {len(json.loads(runs[0][2]))} findings"
    )
    print(f"others at work       {load:6.1f} processes for {os.cpu_count()} cores")
    figures = {"read_ms": round(reading, 3), "pages": number, "build_s": round(building, 3), "check_s": round(whole, 3)}
    print(json.dumps({**figures, "check_cpu_s": round(processor, 3), "load": load}))


if __name__ == "__main__":
    main()
