"""The cinema: over 18, and nothing else. A node, an issuer, a holder and a cinema, on three pages of a browser.

Run by `make demo-cinema`; with --check every button is pressed without a browser.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from examples.cinema.check import check
from examples.cinema.node import Node, remove
from examples.cinema.server import Pages
from examples.cinema.world import World


@contextlib.contextmanager
def demonstration(port: int = 0) -> Iterator[tuple[World, Pages]]:
    """Give a world and its pages, and leave nothing of them."""
    with contextlib.ExitStack() as ends:
        served = Pages(port)
        ends.callback(served.stop)
        place = Path(tempfile.mkdtemp(prefix="adyton-cinema-"))
        ends.callback(remove, place)
        node = Node(place)
        ends.callback(node.stop)
        world = World(node, place, f"{served.url}/present")
        ends.callback(world.close)
        served.world = world
        yield world, served


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="press every button, print a table")
    parser.add_argument("--port", type=int, default=0, help="of the pages; default any free one")
    args = parser.parse_args()
    # As Ctrl-C: else a plain `kill` would leave the node and its directory.
    # Of SIGINT as well: whoever was started in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), demonstration(args.port) as (world, served):
        print(
            "The platform is SIMULATED: nothing protects the enclave from this machine.", flush=True
        )
        if args.check:
            return 0 if check(world) else 1
        for path in ("/cinema", "/holder", "/issuer"):
            print(f"  {served.url}{path}", flush=True)
        print("Ctrl-C ends it, and leaves nothing.", flush=True)
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
