"""Draws one SVG from standard input as PNG to standard output: run as a program of its own, by `svg.py`.

A process of its own, since a hostile SVG can exhaust memory or abort the interpreter (measured: 100,000 px square).
"""

import sys

from resvg import render, usvg

MEMORY = 1 << 30
"""Bytes of address space; the largest picture that is asked for takes 64 MB."""

SECONDS = 15
"""Seconds of CPU time."""


def main() -> None:
    """`draw_svg.py WIDTH HEIGHT`, in pixels."""
    limit_this_process()
    width, height = int(sys.argv[1]), int(sys.argv[2])
    options = usvg.Options.default()
    options.load_system_fonts()
    tree = usvg.Tree.from_str(sys.stdin.buffer.read().decode(), options)
    own_width, own_height = tree.int_size()
    scale = (width / own_width, 0.0, 0.0, 0.0, height / own_height, 0.0)
    sys.stdout.buffer.write(bytes(render(tree, scale, bg_size=(width, height))))


def limit_this_process() -> None:
    """Windows has no such limits; there the caller's timeout has to do."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
