"""A foreign relying party lists its victim's key as a sender, so that the network would take from it what it brings.

The request and the policy, which anybody fulfils, are the attacker's, and so is the name, which anybody may take. What
the attacker has sealed is handed to the victim, whose yes is to be for a stranger's question.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from adyton.client.identity_asking import read_uri
from adyton.client.identity_verdict import present
from adyton.protocol.identity.requests import Present
from tests.e2e.command import Client, Server
from tests.e2e.identity_actors import Holder, Party, receiving, session_of

NewClient = Callable[[str], Client]


@dataclass
class Scene:
    """What the attacker has made.

    Attributes:
        kino: the victim, with a request of its own that waits.
        mallory: the attacker as a holder.
        party: the attacker's, of the victim's name, which lists the victim's key.
        waiting: name of the victim's own request.
    """

    kino: Party
    mallory: Holder
    party: Party
    waiting: str

    def sealed(self, out: Path) -> tuple[str, Path]:
        """Make the attacker's request, and answer it."""
        uri = self.party.ask("Adults")
        return uri, self.mallory.seal(uri, out)

    def require_unharmed(self) -> None:
        """Expect that the victim has no verdict, on its own request or on any."""
        told = self.kino.client.json("verifier", "status")["requests"]
        assert [(one["request"], one["state"]) for one in told] == [(self.waiting, "open")]


@pytest.fixture
def scene(server: Server, new_client: NewClient) -> Scene:
    attacker = new_client("mallory")
    issuer = attacker.json("credential", "issuer", "City Hall")["issuer"]
    kino = Party.make(new_client("kino"), "Kino Nord", issuer)
    waiting = read_uri(kino.ask()).nonce
    key = kino.client.json("whoami")["client_key"]
    name = attacker.json("verifier", "register", "Kino Nord", "--sender", key)["party"]
    party = Party(attacker, name)
    party.policy("Adults", issuer, "--no-expiry")  # which asks for nothing
    mallory = Holder.make(attacker)
    mallory.given(attacker, birthdate="2015-01-01")
    return Scene(kino, mallory, party, waiting)


def test_the_network_alone_would_take_it(scene: Scene, tmp_path: Path) -> None:
    """So it is the victim's tool that has to refuse; whoever brings what it did not ask for is answered yes."""
    _, sealed = scene.sealed(tmp_path / "sealed")
    asked = Present.decode(sealed.read_bytes())
    with session_of(scene.kino.client) as session:
        from adyton.client.identity import resolve
        from adyton.protocol.identity.registries import PolicyRecord

        policy = resolve(session, asked.request.policy, PolicyRecord)
        assert present(session, asked, policy).verdict.answer == "yes"
    scene.require_unharmed()


def test_what_is_brought_by_hand_is_refused(scene: Scene, tmp_path: Path) -> None:
    _, sealed = scene.sealed(tmp_path / "sealed")
    receipt = tmp_path / "receipt"
    code, said = scene.kino.present(sealed, "--receipt", str(receipt))
    assert (code, said["error"]["code"]) == (2, "not_found")
    assert "no request of that name was made here" in said["error"]["message"]
    assert not receipt.exists()
    scene.require_unharmed()
    # It was not even sent: the request can still be answered, for whom it is.
    code, said = scene.party.present(sealed)
    assert (code, said["answer"]) == (0, "yes")


def test_what_is_handed_to_the_victims_address_is_refused(scene: Scene, tmp_path: Path) -> None:
    with receiving(scene.kino.client) as url:
        change = ("verifier", "register", "Kino Nord", "--change", scene.party.name)
        key = scene.kino.client.json("whoami")["client_key"]
        scene.party.client.ok(*change, "--sender", key, "--response", url)
        uri = scene.party.ask("Adults")
        done = scene.mallory.client.run("credential", "present", uri, "--yes", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "not_found"
    scene.require_unharmed()


def test_an_answer_is_not_taken_from_one_request_to_another(scene: Scene, tmp_path: Path) -> None:
    """The victim's own request in front of what was sealed for the attacker's."""
    _, sealed = scene.sealed(tmp_path / "sealed")
    theirs = Present.decode(sealed.read_bytes())
    with session_of(scene.kino.client) as session:
        from adyton.client.identity_asked import asked_request

        own = asked_request(session, scene.waiting).request
    sealed.write_bytes(Present(own, theirs.sealed).encode())
    code, said = scene.kino.present(sealed)
    assert (code, said["answer"], said["reason"]) == (5, "no", "malformed")
    assert scene.kino.failed(scene.waiting) == (8, "unopenable")


def test_by_whose_policy_is_asked_is_said(scene: Scene, new_client: NewClient) -> None:
    """The name of a foreign policy, given to the victim as its own."""
    policy = scene.party.client.json("verifier", "show")["policies"][0]["policy"]
    done = scene.kino.client.run("verifier", "request", policy, "--json")
    assert done.returncode == 0
    assert f"registered by another client: {scene.party.name}" in done.stderr
    stranger = new_client("stranger").run("verifier", "request", policy, "--json")
    assert stranger.returncode == 5
    assert json.loads(stranger.stdout)["error"]["code"] == "not_sender"
