"""An issuer and a holder of others' making, who know the specification alone, get their verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import Client, Server
from tests.e2e.identity_actors import Party, receiving
from tests.sdjwt_environment import run_sdjwt

SCRIPTS = Path(__file__).parents[1] / "independent"
VCT = "urn:eudi:pid:1"
ADULT = {"age_equal_or_over": {"18": True}}
BIRTHDATE = {"birthdate": True}


def issuer(what: str, **given: Any) -> Any:
    return run_sdjwt(SCRIPTS / "issuer.py", what, given=given)


def holder(what: str, **given: Any) -> Any:
    return run_sdjwt(SCRIPTS / "holder.py", what, given=given)


class World:
    """The two of them, and a relying party with the command.

    Args:
        server: that checks.
        place: for directories.
    """

    def __init__(self, server: Server, place: Path) -> None:
        self.server = server
        self.issuer, self.holder = issuer("key"), holder("key")
        client = Client(place / "kino", server)
        client.trust()
        (place / "key.json").write_text(json.dumps(self.issuer["public"]))
        self.record = client.json(
            "credential", "issuer", "Registry", "--jwk", str(place / "key.json"),
            "--iss", self.issuer["iss"], "--list", self.issuer["list"],
        )["issuer"]  # fmt: skip
        self.kino = Party.make(client, "Kino Nord", self.record, "--type", VCT)
        self.bring()
        self.to = ""

    def bring(self, *revoked: int, age: int = 60) -> Any:
        """Have a status list signed and brought in."""
        text = issuer("list", key=self.issuer["private"], revoked=revoked, age=age)
        uri = self.issuer["list"]
        return json.loads(
            self.kino.client.run(
                "credential", "status", self.record, uri, "-", "--json", stdin=text
            ).stdout
        )

    def credential(self, **given: Any) -> Any:
        """Have a credential issued."""
        fields = {"index": 5, "birthdate": "1990-02-28", "adult": True, **given}
        key, to = self.issuer["private"], self.holder["public"]
        return issuer("issue", **{"key": key, "holder": to, **fields})

    def present(self, credential: str, disclose: Any = ADULT, **given: Any) -> tuple[str, str]:
        """Answer a new request; return answer and reason."""
        fields = {
            "uri": self.kino.ask(), "credential": credential, "disclose": disclose,
            "key": self.holder["private"], "server": self.server.url, "to": self.to, **given,
        }  # fmt: skip
        answered = holder("present", **fields)
        told = answered["told"]
        assert told["code"] == "", told
        assert told["request"] == answered["name"]
        return told["answer"], told["reason"]


@pytest.fixture(scope="module")
def world(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(server, tmp_path_factory.mktemp("independent"))
    with receiving(made.kino.client) as url:
        made.to = url
        yield made


def test_the_package_under_test_is_not_there(tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    script.write_text(
        "import importlib.util, json; print(json.dumps(importlib.util.find_spec('adyton')))"
    )
    assert run_sdjwt(script) is None


def test_yes_by_an_age_and_by_a_birthday(world: World) -> None:
    credential = world.credential()
    assert world.present(credential) == ("yes", "")
    assert world.present(credential, BIRTHDATE) == ("yes", "")


def test_each_kind_of_no(world: World) -> None:
    credential = world.credential()
    assert world.present(world.credential(adult=False)) == ("no", "policy")
    assert world.present(world.credential(birthdate="2015-01-01"), BIRTHDATE) == ("no", "policy")
    assert world.present(credential, {}) == ("no", "policy")
    assert world.present(world.credential(seconds=-7200)) == ("no", "expired")
    assert world.present(credential, audience="adyton:" + "00" * 32) == ("no", "wrong_request")
    assert world.present(credential, nonce="00" * 32) == ("no", "wrong_request")
    other = holder("key")
    assert world.present(credential, key=other["private"]) == ("no", "not_bound")
    forged = world.credential(key=issuer("key")["private"])
    assert world.present(forged) == ("no", "untrusted_issuer")


def test_a_status_list_that_revokes(world: World) -> None:
    credential = world.credential(index=9)
    assert world.present(credential) == ("yes", "")
    assert world.bring(9, age=30)["entries"] == 512
    assert world.present(credential) == ("no", "revoked")
    assert world.present(world.credential(index=10)) == ("yes", "")
    assert world.bring(age=120)["error"]["code"] == "status_stale"
    assert world.present(credential) == ("no", "revoked")
