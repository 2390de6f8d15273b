"""How long an author waits between saving a file and seeing it, in a real browser, with 300 pages in the tree.

    python benchmarks/preview.py [--saves 20] [--chromium /usr/bin/chromium]

The preview runs as authors run it, in a process of its own. A save writes the file beside its place and renames it, as
editors do; the clock stops at the first frame in which the browser shows the new content. Target: 150 ms in the median.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

from PIL import Image
from playwright.sync_api import Page, sync_playwright

SERIES, PAGES = 6, 50
TARGET_MS = 150
PAUSE_SECONDS = 1.5  # an author who saves often; what is done in the background still goes on
QUIET_SECONDS = 20
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
PARAGRAPH = (
    "Members meet on the first Monday of the month, and everybody who works here may come and *say* what they think. "
)
WATCH = """() => {
  // Each new mark is noted with the time of the frame that shows it.
  window.seen = new Map();
  const look = () => {
    const mail = document.querySelector('iframe[title="The mail"]')?.contentDocument;
    const text = (mail?.body?.textContent ?? '') + [...(mail?.images ?? [])].map((one) => one.complete && one.naturalWidth ? ` width${one.naturalWidth} ` : '').join('');
    for (const mark of text.match(/mark\\d+x|width\\d+ /g) ?? []) {
      if (!window.seen.has(mark)) window.seen.set(mark, performance.timeOrigin + performance.now());
    }
    requestAnimationFrame(look);
  };
  look();
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--saves", type=int, default=20)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="preview-") as folder, sync_playwright() as playwright:
        project = make_project(Path(folder).resolve())
        server, address = start_preview(project)
        try:
            browser = playwright.chromium.launch(executable_path=options.chromium, args=CHROMIUM_OPTIONS)
            screen = browser.new_page(viewport={"width": 1440, "height": 900})
            screen.goto(f"{address}/?page=series-3/page-25")
            screen.evaluate(WATCH)
            time_seen(screen, "mark0x")
            wait_until_quiet(server.pid)
            results, before = measure(screen, project, options.saves, server.pid)
            browser.close()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)
    report(results, options.saves, before)


def make_project(folder: Path) -> Path:
    """300 pages in 6 series, some 1,000 words each, with a picture on the one that is looked at."""
    save(folder / "newsletter.toml", settings("Bench"))
    for series in range(SERIES):
        for number in range(PAGES):
            save(folder / "content" / f"series-{series}" / f"page-{number:02}.md", page(number, "mark0x"))
    for template in (Path(__file__).parent.parent / "templates").glob("email.txt.j2"):
        save(folder / "templates" / template.name, template.read_text())
    save_picture(folder / "static" / "uploads" / "plan.png", 100)
    return folder


def settings(name: str) -> str:
    return f'[site]\nname = "{name}"\nbase_url = "https://bench.example"\n[sender]\naddress = "a@bench.example"\npostal_address = "1 Example Street"\n'


def page(number: int, mark: str) -> str:
    text = "\n\n".join(f"## Part {part}\n\n{PARAGRAPH * 4}" for part in range(10))
    following = f'next: {{link: "/series-3/page-{number + 1:02}/", text: "On"}}\n' if number < PAGES - 1 else ""
    return f"---\ntitle: Page {number}\nweight: {number}\n{following}---\n{mark}\n\n![A plan](/uploads/plan.png)\n\n{text}\n"


def save(file: Path, text: str) -> float:
    """Save as editors do; gives the moment after it, in milliseconds since 1970."""
    return replace(file, lambda beside: beside.write_text(text, encoding="utf-8"))


def save_picture(file: Path, width: int) -> float:
    return replace(file, lambda beside: Image.new("RGB", (width, 40), "red").save(beside, "PNG"))


def replace(file: Path, write: Callable[[Path], object]) -> float:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.new")
    write(beside)
    beside.replace(file)
    return time.time() * 1000


def start_preview(project: Path) -> tuple[subprocess.Popen[str], str]:
    """`newsletter preview` of the project, and its address."""
    command = [sys.executable, "-m", "newsletter", "preview", "--port", "0"]
    server = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})  # fmt: skip
    assert server.stdout
    for line in server.stdout:
        found = re.search(r"http://\S+", line)
        if found:
            return server, found[0].rstrip("/")
    raise SystemExit("the preview did not start")


def wait_until_quiet(pid: int) -> None:
    """Wait until the preview has composed the pages nobody looks at."""
    last, still = cpu_seconds(pid), 0.0
    while still < 1.5:
        time.sleep(0.5)
        now = cpu_seconds(pid)
        still = still + 0.5 if now - last < 0.05 else 0.0
        last = now


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


def measure(screen: Page, project: Path, saves: int, pid: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Milliseconds from save to screen for each kind of file, and the memory before and after."""
    numbers = iter(range(1, 10_000))
    mail = project / "content" / "series-3" / "page-25.md"
    template = project / "templates" / "article.mjml.j2"
    house = (Path(__file__).parent.parent / "templates" / template.name).read_text()

    def page_save(mark: str) -> float:
        return save(mail, page(25, mark))

    def template_save(mark: str) -> float:
        return save(template, house.replace("{{ article }}", f"<p>{mark}</p>{{{{ article }}}}", 1))

    def settings_save(mark: str) -> float:
        return save(project / "newsletter.toml", settings(f"Bench {mark}"))

    memory = {"before": memory_mb(pid)}
    results: dict[str, list[float]] = {"page": [], "template": [], "settings": [], "picture": []}
    for name, saved in (("page", page_save), ("template", template_save), ("settings", settings_save)):
        wait_until_quiet(pid)
        for _ in range(saves):
            mark = f"mark{next(numbers)}x"
            results[name].append(shown_after(screen, saved(mark), mark))
    wait_until_quiet(pid)
    for _ in range(saves):
        width = 100 + next(numbers)
        mark = f"width{width} "
        results["picture"].append(shown_after(screen, save_picture(project / "static/uploads/plan.png", width), mark))
    memory["after"] = memory_mb(pid)
    return results, memory


def shown_after(screen: Page, saved_at: float, mark: str) -> float:
    milliseconds = time_seen(screen, mark) - saved_at
    time.sleep(PAUSE_SECONDS)
    return milliseconds


def time_seen(screen: Page, mark: str) -> float:
    """When the browser showed `mark`, in milliseconds since 1970."""
    deadline = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < deadline:
        seen = screen.evaluate("(mark) => window.seen.get(mark) ?? null", mark)
        if seen is not None:
            return float(seen)
        time.sleep(0.1)
    raise SystemExit(f"the browser did not show {mark}")


def report(results: dict[str, list[float]], saves: int, memory: dict[str, float]) -> None:
    print(f"save to screen, {SERIES * PAGES} pages, {saves} saves each       median      95 %     worst   target")
    for name, times in results.items():
        worst5 = quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
        print(f"  {name:40} {median(times):10.0f} ms {worst5:6.0f} ms {max(times):6.0f} ms   ≤ {TARGET_MS} ms median")
    print(
        f"  memory of the preview                    {memory['before']:10.0f} MB before, {memory['after']:.0f} MB after"
    )
    load = round(os.getloadavg()[0], 1)
    print(f"  others at work on this machine           {load:10.1f} processes for {os.cpu_count()} cores")
    figures = {f"{name}_ms": round(median(times), 1) for name, times in results.items()}
    print(json.dumps({"benchmark": "preview", "pages": SERIES * PAGES, **figures, "memory_mb": memory, "load": load}))


if __name__ == "__main__":
    main()
