"""An issuer, a holder and a relying party, each with the command and a directory of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adyton.attestation.policy import AppraisalPolicy
from adyton.client.credentials.holding import bind
from adyton.client.credentials.holding import present as show
from adyton.client.credentials.signing import JoseKey
from adyton.client.identity_asking import read_uri
from adyton.client.identity_dids import own_dids
from adyton.client.identity_held import held_credentials
from adyton.client.keystore import Keystore
from adyton.client.session import Session
from adyton.client.transport import HttpTransport
from adyton.protocol.credentials.disclosed import Path as ClaimPath
from adyton.protocol.identity.requests import Present, Presented, SealedPresentation
from tests.e2e.command import ADYTON, Client

ADULT: ClaimPath = ("age_equal_or_over", "18")
BORN = "1990-02-28"


@dataclass
class Party:
    """A relying party with a policy.

    Attributes:
        client: who it is.
        name: of its record, 64 hex digits.
    """

    client: Client
    name: str

    @classmethod
    def make(cls, client: Client, title: str, issuer: str, *options: str) -> Party:
        """Register it, with a policy for adults."""
        party = client.json("verifier", "register", title)["party"]
        made = cls(client, party)
        made.policy("Adults", issuer, "--age-over", "18", "--status", *options)
        return made

    def policy(self, title: str, issuer: str, *options: str) -> Any:
        return self.client.json(
            "verifier", "policy", title, "--issuer", issuer, "--party", self.name, *options
        )

    def ask(self, policy: str = "Adults") -> str:
        """Return the text of a new request."""
        asked = self.client.json("verifier", "request", policy)
        uri = asked["uri"]
        assert isinstance(uri, str)
        return uri

    def present(self, sealed: Path, *options: str) -> tuple[int, Any]:
        """Have it checked; return exit code and what is printed."""
        done = self.client.run("verifier", "present", str(sealed), *options, "--json")
        return done.returncode, json.loads(done.stdout)

    def failed(self, request: str) -> tuple[int, str]:
        """Return step and reason that a request has failed by."""
        shown = self.client.json("verifier", "status", request)
        (line,) = [line for line in shown["checks"] if line["mark"] == "failed"]
        return line["step"], line["reason"]


@dataclass
class Holder:
    """Somebody with a DID.

    Attributes:
        client: who it is.
        did: of hers.
    """

    client: Client
    did: str

    @classmethod
    def make(cls, client: Client) -> Holder:
        return cls(client, client.json("did", "new")["did"])

    def given(self, issuer: Client, *options: str, birthdate: str = BORN) -> str:
        """Be issued a credential, and return its name."""
        text = issuer.json(
            "credential", "issue", "--to", self.did, "--birthdate", birthdate, *options
        )["text"]
        return self.client.ok("credential", "take", "-", stdin=text).strip()

    def seal(self, uri: str, out: Path, *options: str) -> Path:
        """Answer a request into a file."""
        self.client.ok("credential", "present", uri, "--yes", "--out", str(out), *options)
        return out

    def forge(
        self,
        uri: str,
        out: Path,
        *,
        disclosed: Sequence[ClaimPath] = (ADULT,),
        audience: str = "",
        nonce: str = "",
        key: JoseKey | None = None,
        change: Callable[[str], str] = lambda shown: shown,
    ) -> Path:
        """Seal what the command would not."""
        request = read_uri(uri)
        with session_of(self.client) as session:
            held = held_credentials(session)[-1]
            (own,) = own_dids(session)
            bound = bind(
                change(show(held.credential, disclosed)),
                key=key or own.key,
                audience=audience or request.audience,
                nonce=nonce or request.nonce,
                now_s=session.now_ms() // 1000,
            )
            epoch = session.appraise(fresh=True).epoch
            sealed = SealedPresentation.seal(
                Presented(bound, own.did), epoch.intake_key, request, epoch.epoch
            )
        out.write_bytes(Present(request, sealed).encode())
        return out


@contextlib.contextmanager
def session_of(client: Client) -> Iterator[Session]:
    """Give a session of the library, in a client's own directory."""
    made = Session(
        Keystore(client.home),
        HttpTransport(client.server.url),
        AppraisalPolicy(allow_simulated=True),
    )
    with made as session:
        yield session


@contextlib.contextmanager
def receiving(client: Client, *options: str) -> Iterator[str]:
    """Run `adyton verifier serve`, and give its address."""
    process = subprocess.Popen(
        [*ADYTON, "verifier", "serve", *options],
        env=client.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        line = process.stdout.readline() if process.stdout else ""
        assert line.startswith("receiving: http://127.0.0.1:")
        yield line.split()[1]
    finally:
        if "--once" not in options:
            process.terminate()
        assert process.wait(60) == 0
        if process.stdout:
            process.stdout.close()
