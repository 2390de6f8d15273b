"""How long checking takes: reading a page, and reading, composing, merging and judging a hundred.

    python benchmarks/check.py [--pages N]

The budget is 3 s for 100 pages on two cores, start of the program included. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from newsletter.content.reader import parse_page

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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=100)
    number = parser.parse_args().pages
    with tempfile.TemporaryDirectory() as folder:
        content = Path(folder) / "content"
        reading = read_time(write_pages(content / "boats", number))
        command = [sys.executable, "-m", "newsletter", "check", "--content", str(content), "--format", "json"]
        start = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        whole = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    findings = json.loads(done.stdout)
    print(f"read one page       {reading:6.2f} ms (median, warm)")
    print(
        f"check {number:>4} pages    {whole:6.2f} s, start included; {processor:.2f} s of processor time; {len(findings)} findings"
    )
    print(
        json.dumps(
            {
                "read_ms": round(reading, 3),
                "pages": number,
                "check_s": round(whole, 3),
                "check_cpu_s": round(processor, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
