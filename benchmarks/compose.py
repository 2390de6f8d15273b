"""How long composing takes: one page warm, a thousand pages on end, and npm's `mjml` on the same MJML beside it.

    python benchmarks/compose.py [--rounds N] [--pages N]

The anchor runs when `node` and the package `mjml` are found (`npm install mjml` anywhere, then NODE_PATH=that
folder's node_modules); nothing is installed here. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from PIL import Image

from newsletter.compose import house_style
from newsletter.compose.composer import Composer
from newsletter.config import Settings
from newsletter.content.page import Page, Series
from newsletter.content.reader import parse_page

PARAGRAPH = (
    "Harbour pilots board a ship where the swell is still high, climb a ladder of rope, and take her in through "
    "shoals they know by heart. {number} of them work on this coast, and each learned the marks from another. "
)
PAGE = """---
title: How pilots bring ship {number} in
include_footer: true
sidebar: true
sidebarlogo: logo
---
<figure>
    <img src='/uploads/pilot.jpg' style="width: 100%;" align="middle"; alt='a pilot boat';/>
    <figcaption>A pilot boat at dawn, drawn for <a href="https://example.com/{number}">the harbour</a>.</figcaption>
</figure>
<p>
{paragraphs}

<br>
<a href="https://workdojos.com/pilots/page-{next}">next: the marks</a>
</p>
<table><tr>
<td class="templateColumnContainer"><table><tr><td><a href="https://a.workdojos.com"><img src="/uploads/a.png"/></td></tr></table></td>
<td class="templateColumnContainer"><table><tr><td><a href="https://b.workdojos.com"><img src="/uploads/b.png"/></td></table></td>
</tr></table>
"""
NODE = """
const mjml = require('mjml'); const convert = mjml.default || mjml;
const lines = require('readline').createInterface({input: process.stdin});
console.log('ready ' + require('mjml/package.json').version);
lines.on('line', async line => {
  const source = JSON.parse(line); const start = process.hrtime.bigint();
  const done = await convert(source, {fonts: {}, minify: false});
  console.log(String(Number(process.hrtime.bigint() - start) / 1e6) + ' ' + done.html.length);
});
"""


def main() -> None:
    """Measure, print a table for people, and one line of JSON for machines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--pages", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        settings = project(Path(folder))
        figures = warm_page(settings, arguments.rounds, stack) | many_pages(settings, arguments.pages)
    print_table(figures)
    print(json.dumps(figures))


def project(root: Path) -> Settings:
    """A project with the pictures that the pages show."""
    uploads = root / "static" / "uploads"
    uploads.mkdir(parents=True)
    Image.new("RGB", (1000, 560), "#23478f").save(uploads / "pilot.jpg")
    for name in ("a", "b"):
        Image.new("RGBA", (440, 140), "#a63a25").save(uploads / f"{name}.png")
    settings = Settings(root=root)
    return replace(settings, web=replace(settings.web, url="https://letters.example"))


def read(number: int) -> Page:
    """Page `number`, as different from the others as pages are."""
    paragraphs = "\n\n".join(PARAGRAPH.format(number=number + index) * 2 for index in range(7))
    text = PAGE.format(number=number, next=number + 1, paragraphs=paragraphs)
    return parse_page(text.encode(), path=f"pilots/page-{number}.md", series="pilots")


def warm_page(settings: Settings, rounds: int, stack: ExitStack) -> dict[str, object]:
    """Medians over interleaved rounds: a busy moment of the machine then hits all candidates alike."""
    page = read(1)
    series = Series("pilots", "Pilots", (page,))
    composer = Composer(settings)
    mjml: list[str] = []
    original = house_style.to_html

    def remembered(source: str) -> str:
        mjml.append(source)
        return original(source)

    start = time.perf_counter()
    house_style.to_html = remembered
    html = composer.compose(page, series).email.html
    house_style.to_html = original
    first = (time.perf_counter() - start) * 1000
    candidates: dict[str, Callable[[], float]] = {
        "page_ms": lambda: timed(lambda: composer.compose(page, series)),
        "read_and_page_ms": lambda: timed(lambda: composer.compose(read(1), series)),
        "mjml_step_ms": lambda: timed(lambda: original(mjml[0])),
    }
    node, version = start_node(stack)
    if node:
        candidates["npm_mjml_ms"] = lambda: ask_node(node, mjml[0])
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for name in candidates:
        for _ in range(5):
            candidates[name]()
    for _ in range(rounds):
        for name, candidate in candidates.items():
            times[name].append(candidate())
    cpu = statistics.median(cpu_ms(lambda: composer.compose(page, series)) for _ in range(rounds))
    figures: dict[str, object] = {"page_cpu_ms": round(cpu, 3)} | {
        name: round(statistics.median(values), 3) for name, values in times.items()
    }
    return {"first_page_ms": round(first, 1), "html_bytes": len(html.encode()), "npm_mjml": version, **figures}


def many_pages(settings: Settings, count: int) -> dict[str, object]:
    """Read and compose `count` different pages with one Composer, and watch the memory."""
    composer = Composer(settings)
    tenth = max(1, count // 10)
    start, cpu_start, after_tenth = time.perf_counter(), time.process_time(), 0.0
    for number in range(count):
        page = read(number)
        composer.compose(page, Series("pilots", "Pilots", (page,)))
        if number == tenth:
            after_tenth = memory_mb()
    return {
        "pages": count,
        "pages_s": round(time.perf_counter() - start, 2),
        "pages_cpu_s": round(time.process_time() - cpu_start, 2),
        "memory_after_tenth_mb": round(after_tenth, 1),
        "memory_after_all_mb": round(memory_mb(), 1),
    }


def timed(action: Callable[[], object]) -> float:
    """Milliseconds that `action` takes."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def cpu_ms(action: Callable[[], object]) -> float:
    """Milliseconds of processor time that `action` takes: what is left when others keep the machine busy."""
    start = time.process_time()
    action()
    return (time.process_time() - start) * 1000


def memory_mb() -> float:
    """Memory of this process now (Linux), or its peak (elsewhere)."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def start_node(stack: ExitStack) -> tuple[subprocess.Popen[str] | None, str]:
    """A node process with `mjml` loaded, so that its start is not counted; and the version, or what is missing."""
    program = shutil.which("node")
    if not program:
        return None, "missing: node"
    node = subprocess.Popen(
        [program, "-e", NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    stack.enter_context(node)
    stack.callback(node.kill)
    line = node.stdout.readline() if node.stdout else ""
    return (node, line.split()[1]) if line.startswith("ready") else (None, "missing: the npm package mjml")


def ask_node(node: subprocess.Popen[str], mjml: str) -> float:
    """Milliseconds that npm's mjml takes, by node's own clock."""
    assert node.stdin and node.stdout
    node.stdin.write(json.dumps(mjml) + "\n")
    node.stdin.flush()
    return float(node.stdout.readline().split()[0])


def print_table(figures: dict[str, object]) -> None:
    """The figures with what they mean and what was aimed at."""
    rows = [
        ("first page, caches cold", f"{figures['first_page_ms']} ms", ""),
        ("one page, warm", f"{figures['page_ms']} ms", "≤ 5 ms"),
        ("the same in processor time", f"{figures['page_cpu_ms']} ms", ""),
        ("one page, warm, read from its file's bytes too", f"{figures['read_and_page_ms']} ms", ""),
        ("its MJML step alone (checked, then mrml)", f"{figures['mjml_step_ms']} ms", ""),
        (f"npm mjml {figures['npm_mjml']} on the same MJML", f"{figures.get('npm_mjml_ms', '–')} ms", "the anchor"),
        (f"{figures['pages']} pages, read and composed", f"{figures['pages_s']} s", "≤ 15 s for 1,000"),
        ("the same in processor time", f"{figures['pages_cpu_s']} s", ""),
        ("memory after a tenth of them, after all", f"{figures['memory_after_tenth_mb']} → {figures['memory_after_all_mb']} MB", "flat"),
        ("size of the HTML", f"{figures['html_bytes']} bytes", "< 102,000, Gmail's limit"),
    ]  # fmt: skip
    for what, value, aim in rows:
        print(f"{what:48} {value:>22}   {aim}")


if __name__ == "__main__":
    main()
