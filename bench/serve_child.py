"""A real server in a process of its own: prints its facts as a line of JSON, ends by SIGTERM.

    python -m bench.serve_child DATA [SAMPLES]

With a second argument, the event loop's thread is sampled and the samples left in that file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from adyton.host.config import ServeSettings
from adyton.host.serve import ServerFacts, serve
from bench.sampler import Sampler


def main(arguments: list[str]) -> None:
    """Serve on a free loopback port."""
    data, *rest = arguments
    samples = Sampler() if rest else None

    def tell(facts: ServerFacts) -> None:
        told = {"url": facts.url, "port": facts.port, "fingerprint": facts.fingerprint}
        print(json.dumps({**told, "sandbox": facts.sandbox}), flush=True)
        if samples is not None:
            samples.start()

    serve(ServeSettings(Path(data), port=0, allow_simulated=True), tell)
    if samples is not None:
        samples.stop()
        samples.save(Path(rest[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
