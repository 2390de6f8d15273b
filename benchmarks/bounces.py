"""How well and how fast bounces are classified, on a corpus with labels.

    python benchmarks/bounces.py CORPUS [--show]

CORPUS is a folder of mails with a file `labels.jsonl`, one object per line:
`{"file": "a.eml", "kind": "bounce", "hard": true, "rcpt": ["kim@example.net"]}`. What a label leaves out is not
judged: without `hard` a bounce counts for the recipients only. Targets: at least 90 % of hard bounces found, at most
2 % of the others called hard, recipients right in at least 95 %, and nothing hard that is not a bounce.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

from newsletter.bounces.classify import classify_mail
from newsletter.bounces.verdict import Kind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--show", action="store_true", help="name the mails that were judged otherwise than labelled")
    options = parser.parse_args()
    labels = [json.loads(line) for line in (options.corpus / "labels.jsonl").read_text().splitlines() if line.strip()]
    mails = [(options.corpus / label["file"]).read_bytes() for label in labels]
    started = time.perf_counter()
    found = [classify_mail(data) for data in mails]
    seconds = time.perf_counter() - started
    counts: Counter[str] = Counter()
    for label, result in zip(labels, found, strict=True):
        wrong = judge(label, result.kind, result.hard, {address.lower() for address in result.recipients}, counts)
        if wrong and options.show:
            print(f"{label['file']}: {wrong}", file=sys.stderr)
    report("hard bounces found", counts["hard found"], counts["hard"])
    report("soft or sender-fault called hard", counts["false hard"], counts["not hard"])
    report("recipients right", counts["recipients right"], counts["recipients"])
    report("other mail with consequences", counts["false report"], counts["other mail"])
    print(f"{len(mails) / seconds:.0f} mails a second, {sum(map(len, mails)) / seconds / 1e6:.1f} MB a second")


def judge(label: dict[str, object], kind: Kind, is_hard: bool, recipients: set[str], counts: Counter[str]) -> str:
    """Count one mail; what is wrong about it, or ""."""
    if label.get("kind", "bounce") not in ("bounce", "complaint"):
        counts["other mail"] += 1
        counts["false report"] += kind in (Kind.BOUNCE, Kind.COMPLAINT)
        return f"called {kind.value}" if kind in (Kind.BOUNCE, Kind.COMPLAINT) else ""
    wrong = []
    if label.get("hard") is True:
        counts["hard"] += 1
        counts["hard found"] += is_hard
        wrong += [] if is_hard else ["hard bounce missed"]
    elif label.get("hard") is False:
        counts["not hard"] += 1
        counts["false hard"] += is_hard
        wrong += ["falsely called hard"] if is_hard else []
    if "rcpt" in label:
        wanted = {str(address).lower() for address in label["rcpt"]}  # type: ignore[attr-defined]
        counts["recipients"] += 1
        counts["recipients right"] += wanted == recipients
        wrong += [] if wanted == recipients else [f"recipients {sorted(recipients)}, not {sorted(wanted)}"]
    return ", ".join(wrong)


def report(what: str, part: int, whole: int) -> None:
    share = f"{100 * part / whole:5.1f} %" if whole else "     –"
    print(f"{what:34} {part:5} of {whole:5}  {share}")


if __name__ == "__main__":
    main()
