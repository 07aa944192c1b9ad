"""A real server in a process of its own: prints its facts as a line of JSON, ends by SIGTERM.

    python -m bench.serve_child DATA [PROFILE]

With a second argument, the event loop's thread is profiled and the profile left in that file.
"""

from __future__ import annotations

import cProfile
import json
import sys
from pathlib import Path

from adyton.host.config import ServeSettings
from adyton.host.serve import ServerFacts, serve


def main(arguments: list[str]) -> None:
    """Serve on a free loopback port."""
    data, *rest = arguments
    profile = cProfile.Profile() if rest else None

    def tell(facts: ServerFacts) -> None:
        told = {"url": facts.url, "port": facts.port, "fingerprint": facts.fingerprint}
        print(json.dumps({**told, "sandbox": facts.sandbox}), flush=True)
        if profile is not None:
            profile.enable()

    serve(ServeSettings(Path(data), port=0, allow_simulated=True), tell)
    if profile is not None:
        profile.disable()
        profile.dump_stats(rest[0])


if __name__ == "__main__":
    main(sys.argv[1:])
