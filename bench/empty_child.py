"""An empty server: uvicorn as the host runs it, raw ASGI that reads a body and answers as many bytes.

    python -m bench.empty_child SIZE

Prints `{"port"}`; ends by SIGTERM.
"""

from __future__ import annotations

import json
import socket
import sys
from typing import Any

import uvicorn


class Empty:
    """Reads the body, does nothing, answers."""

    def __init__(self, size: int) -> None:
        self._start = {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"application/cbor"),
                (b"content-length", b"%d" % size),
            ],
        }
        self._body = {"type": "http.response.body", "body": bytes(size)}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send(self._start)
        await send(self._body)


def main(size: str) -> None:
    """Serve on a free loopback port."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        config = uvicorn.Config(
            Empty(int(size)),
            http="httptools",
            loop="uvloop",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
        )
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
