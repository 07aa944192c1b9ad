"""A throw-away node on this machine, for dry runs: the same path, the same sandbox, and nothing that stays.

It serves this process alone: it listens on loopback, admits by invitation, and invites one key, made for the run.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adyton.cli.output import Output
from adyton.core.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from adyton.client.session import Session
    from adyton.host.serve import ServerFacts

_START_S: Final = 60.0
_STOP_S: Final = 15.0
_WARNING: Final = "adyton: LOCAL DRY RUN: in a throw-away node on this machine; it proves nothing, and nothing is kept"


def require_local_options(args: argparse.Namespace) -> None:
    """Refuse options that a dry run has no use for.

    Raises:
        UsageError: one is given.
    """
    for option, given in (
        ("--server", args.server),
        ("--certificate", args.certificate),
        ("--no-wait", args.no_wait),
    ):
        if given:
            raise UsageError(
                "usage", f"{option} is not possible with --local: nothing of it is kept"
            )


@contextmanager
def local_session(out: Output) -> Iterator[Session]:
    """Give a session with a node that ends with it, and whose files vanish.

    Raises:
        UnavailableError: the node does not start, or cannot confine the task.
    """
    out.note(_WARNING)
    ending = signal.getsignal(signal.SIGTERM)
    # Else a plain `kill` would leave the directory and, for a moment, the enclave.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="adyton-local-") as place:
            with out.waiting("starting a node"):
                node = _Node(Path(place))
            try:
                with node.session() as session:
                    yield session
            finally:
                node.stop()
    finally:
        signal.signal(signal.SIGTERM, ending)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


class _Node:
    """A server on a thread of this process; its enclave and guests are processes of their own.

    Args:
        place: private directory.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._facts: ServerFacts | None = None
        self._problem: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="local-node", daemon=True)
        self._thread.start()
        try:
            self._ready.wait(_START_S)
            if self._problem is not None:
                raise self._problem
            facts = self._serving()
            if facts.sandbox.startswith("none"):
                raise UnavailableError(
                    "sandbox_unavailable",
                    f"this machine cannot confine the task ({facts.sandbox}); allow user namespaces, or run as root",
                )
        except BaseException:
            self.stop()
            raise

    def session(self) -> Session:
        """Return a session of a client that is made for it, under the node's own fingerprint."""
        from adyton.attestation.policy import AppraisalPolicy
        from adyton.client.keystore import Keystore
        from adyton.client.session import Session
        from adyton.client.transport import HttpTransport
        from adyton.host.invites import issue_invite

        facts = self._serving()
        keystore = Keystore(self._place / "client")
        key = keystore.identity.signing_key.public
        now_ms = time.time_ns() // 1_000_000
        session = Session(
            keystore,
            HttpTransport(facts.url),
            AppraisalPolicy(allow_simulated=True),
            invite=issue_invite(self._place / "server", key, 1, now_ms=now_ms),
        )
        session.trust(bytes.fromhex(facts.fingerprint))
        return session

    def stop(self) -> None:
        """End the node and wait until it has ended; what is left then ends with this process."""
        # One that is still starting cannot be told: it would go on, and write where nothing may stay.
        self._ready.wait(_STOP_S)
        if self._facts is not None:
            self._facts.stop()
        self._thread.join(_STOP_S)

    def _serving(self) -> ServerFacts:
        if self._facts is None:
            raise UnavailableError("timeout", "the node on this machine does not start in time")
        return self._facts

    def _serve(self) -> None:
        from adyton.host.config import ServeSettings
        from adyton.host.serve import serve

        settings = ServeSettings(
            self._place / "server", port=0, admission="invite", allow_simulated=True
        )
        try:
            serve(settings, self._begin)
        except BaseException as problem:  # noqa: BLE001  # told to the thread that waits
            self._problem = problem
        finally:
            self._ready.set()

    def _begin(self, facts: ServerFacts) -> None:
        self._facts = facts
        self._ready.set()
