"""What was registered is changed and given up with the commands, and what is refused from then on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.command import Client, Server
from tests.e2e.identity_actors import BORN, Holder, Party

NewClient = Callable[[str], Client]
Actors = tuple[Client, str, Party, Holder]


@pytest.fixture
def actors(server: Server, new_client: NewClient) -> Actors:
    """A demo issuer with the name of its record, a relying party, and a holder."""
    hall = new_client("hall")
    issuer = hall.json("credential", "issuer", "City Hall")["issuer"]
    kino = Party.make(new_client("kino"), "Kino Nord", issuer)
    return hall, issuer, kino, Holder.make(new_client("erika"))


def refused(client: Client, *given: str) -> tuple[int, str, str]:
    """Return exit code, code, and what is said to do next."""
    done = client.run(*given, "--json")
    told = json.loads(done.stdout)["error"]
    return done.returncode, told["code"], f"{told['message']}; {told['next']}"


def keys_of(client: Client, did: str) -> list[tuple[str, str]]:
    """Return the keys of a DID as `did show` prints them: name and purposes."""
    lines = client.ok("did", "show", did).splitlines()
    return [
        (found[1], found[2]) for line in lines if (found := re.fullmatch(r"  key (\S+): (.*)", line))
    ]  # fmt: skip


def visit(party: Party, holder: Holder, out: Path) -> tuple[int, str]:
    code, said = party.present(holder.seal(party.ask(), out))
    return code, said["answer"]


def uses(holder: Holder) -> int:
    return len(holder.client.json("credential", "uses")["uses"])


def test_a_did_gets_other_keys_and_what_was_before_stays(actors: Actors, tmp_path: Path) -> None:
    hall, _, kino, erika = actors
    first = erika.given(hall)
    before = dict(keys_of(erika.client, erika.did))
    assert visit(kino, erika, tmp_path / "before") == (0, "yes")
    told = erika.client.json("did", "update", "--renew", "uses", "--renew", "credentials")
    assert (told["did"], told["version"]) == (erika.did, 2)
    after = keys_of(erika.client, erika.did)
    assert [use for _, use in after] == ["authentication, assertionMethod"] * 2 + ["keyAgreement"]
    new, former, agreement = (name for name, _ in after)
    assert former in before
    assert not {new, agreement} & set(before)
    # A credential of before is presented under its own key, and its use is told to the new one.
    assert visit(kino, erika, tmp_path / "former") == (0, "yes")
    assert uses(erika) == 2
    second = erika.given(hall)
    erika.client.ok("credential", "drop", first)
    assert visit(kino, erika, tmp_path / "new") == (0, "yes")
    assert (uses(erika), first != second) == (3, True)
    # Whose key is out of the document is not told of.
    erika.client.ok("did", "update", erika.did, "--drop", new)
    assert visit(kino, erika, tmp_path / "dropped") == (0, "yes")
    assert uses(erika) == 3


def test_keys_of_another_wallet(actors: Actors, tmp_path: Path) -> None:
    hall, _, kino, erika = actors
    x, y = "1lqTl3yqPRsIGFL_V6eeRl8WYFdzBLrq1QXdOkhYnPM", "UBheiVNy32Ih6joTdVfkc_3bZ1XwW9UHw8Uz_OnJEoU"  # fmt: skip
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    (tmp_path / "phone").write_text(json.dumps(jwk))
    (tmp_path / "secret").write_text(json.dumps({**jwk, "d": x}))
    update = ("did", "update", erika.did)
    assert refused(erika.client, *update)[:2] == (2, "usage")
    assert refused(erika.client, *update, "--add", str(tmp_path / "secret"))[0] == 3
    assert refused(erika.client, *update, "--drop", "z6Mk")[:2] == (2, "bad_argument")
    erika.client.ok(*update, "--add", str(tmp_path / "phone"))
    assert len(keys_of(erika.client, erika.did)) == 3
    assert refused(erika.client, *update, "--add", str(tmp_path / "phone"))[:2] == (2, "bad_argument")  # fmt: skip
    assert refused(erika.client, *update, "--drop", "z9")[:2] == (2, "not_found")
    assert refused(erika.client, *update, "--drop", "z")[:2] == (2, "not_found")
    # New credentials are bound to the key of this client all the same.
    erika.given(hall)
    assert visit(kino, erika, tmp_path / "sealed") == (0, "yes")
    assert refused(kino.client, *update, "--renew", "uses")[:2] == (2, "not_found")


def test_a_did_is_given_up(actors: Actors, tmp_path: Path) -> None:
    hall, _, kino, erika = actors
    erika.given(hall)
    assert visit(kino, erika, tmp_path / "before") == (0, "yes")
    leave = ("did", "deactivate", erika.did)
    code, what, said = refused(erika.client, *leave)
    assert (code, what, "add --yes" in said) == (2, "usage", True)
    assert refused(kino.client, *leave, "--yes")[:2] == (5, "not_owner")
    assert erika.client.json(*leave, "--yes")["active"] is False
    assert erika.client.ok("did", "show") == f"{erika.did} (given up)\n"
    code, what, said = refused(erika.client, *leave, "--yes")
    assert (code, what, "adyton did new" in said) == (5, "record_given_up", True)
    assert refused(erika.client, "did", "update", erika.did, "--renew", "uses")[:2] == (
        5, "record_given_up",
    )  # fmt: skip
    code, what, _ = refused(hall, "credential", "issue", "--to", erika.did, "--birthdate", BORN)
    assert (code, what) == (5, "record_given_up")
    # Its credential is presented no more by the tool, and what it was used for can still be read.
    present = ("credential", "present", kino.ask(), "--yes", "--out", str(tmp_path / "late"))
    code, what, said = refused(erika.client, *present)
    assert (code, what, "another did of yours" in said) == (5, "record_given_up", True)
    assert not (tmp_path / "late").exists()
    assert uses(erika) == 1
    # Another did goes on, and its credential is the one that is taken.
    other = Holder.make(erika.client)
    other.given(hall)
    assert visit(kino, other, tmp_path / "after") == (0, "yes")
    assert uses(other) == 2


def test_credentials_of_an_issuer_that_was_given_up(actors: Actors, tmp_path: Path) -> None:
    hall, issuer, kino, erika = actors
    erika.given(hall)
    waiting = erika.seal(kino.ask(), tmp_path / "waiting")
    leave = ("credential", "retire", issuer)
    assert refused(hall, *leave)[:2] == (2, "usage")
    assert refused(kino.client, *leave, "--yes")[:2] == (5, "not_owner")
    assert refused(hall, "credential", "retire", "Nobody", "--yes")[:2] == (2, "not_found")
    assert hall.json(*leave, "--yes")["given_up"] == issuer
    (shown,) = kino.client.json("credential", "issuers", issuer)["issuers"]
    assert (shown["active"], shown["title"], shown["keys"]) == (False, "DEMO City Hall", [])
    assert "given up" in hall.ok("credential", "issuers")
    code, said = kino.present(waiting)
    assert (code, said["reason"]) == (5, "untrusted_issuer")
    assert kino.failed(said["request"]) == (10, "issuer_given_up")
    sealed = tmp_path / "anew"
    done = erika.client.run("credential", "present", kino.ask(), "--yes", "--out", str(sealed))
    assert "DEMO City Hall (given up)" in done.stderr
    assert "the answer will be no: its issuer is none that the policy takes" in done.stderr
    assert kino.present(sealed)[0] == 5
    # It issues nothing more, and no policy is made or changed for it.
    assert refused(hall, *leave, "--yes")[:2] == (5, "record_given_up")
    assert refused(hall, "credential", "issue", "--to", erika.did, "--birthdate", BORN)[:2] == (
        2, "not_found",
    )  # fmt: skip
    policy = ("verifier", "policy", "Adults", "--age-over", "18", "--issuer", issuer)
    assert refused(kino.client, *policy)[:2] == (5, "record_given_up")
    assert refused(kino.client, *policy, "--change", "Adults")[:2] == (5, "record_given_up")


def test_the_keys_of_an_issuer_are_changed(actors: Actors, tmp_path: Path) -> None:
    hall, demo, kino, _ = actors
    keys = {
        "one": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "two": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
    }
    for name, x in keys.items():
        (tmp_path / name).write_text(json.dumps({"kty": "OKP", "crv": "Ed25519", "x": x}))
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    make = ("credential", "issuer", "Passports", "--jwk", one)
    assert refused(hall, *make)[:2] == (2, "usage")
    name = hall.json(*make, "--iss", "https://passport.example")["issuer"]
    change = ("credential", "issuer", "Passports", "--jwk", two, "--change", name)
    assert hall.json(*change, "--list", "https://passport.example/1")["version"] == 2
    (shown,) = kino.client.json("credential", "issuers", name)["issuers"]
    assert shown["keys"] == [json.loads((tmp_path / "two").read_text())]
    assert (shown["iss"], shown["lists"]) == ("https://passport.example", ["https://passport.example/1"])  # fmt: skip
    assert refused(hall, *change, "--iss", "https://other.example")[:2] == (2, "bad_argument")
    assert refused(kino.client, *change)[:2] == (5, "not_owner")
    foreign = ("verifier", "register", "Kino Nord", "--change", kino.name)
    assert refused(hall, *foreign)[:2] == (5, "not_owner")
    demo_change = ("credential", "issuer", "Passports", "--jwk", two, "--change", demo)
    assert refused(hall, *demo_change)[:2] == (2, "bad_argument")
    assert refused(kino.client, "credential", "issuers", "abcdef")[:2] == (2, "not_found")


@pytest.mark.parametrize("what", ["Adults", "Kino Nord"])
def test_nothing_is_asked_by_what_was_given_up(
    actors: Actors, tmp_path: Path, new_client: NewClient, what: str
) -> None:
    hall, _, kino, erika = actors
    erika.given(hall)
    uri = kino.ask()
    asked = kino.client.json("verifier", "status")["requests"][0]["request"]
    sealed = erika.seal(uri, tmp_path / "sealed")
    assert refused(kino.client, "verifier", "retire", what)[:2] == (2, "usage")
    assert refused(hall, "verifier", "retire", kino.name, "--yes")[:2] == (5, "not_owner")
    kino.client.ok("verifier", "retire", what, "--yes")
    assert refused(kino.client, "verifier", "retire", what, "--yes")[:2] == (5, "record_given_up")
    shown = kino.client.json("verifier", "show")
    assert [one["active"] for one in shown["parties"]] == [what != "Kino Nord"]
    assert [one["active"] for one in shown["policies"]] == [what != "Adults"]
    assert "given up" in new_client("anybody").ok(
        "verifier", "show", kino.name if what == "Kino Nord" else shown["policies"][0]["policy"]
    )
    code, said = kino.present(sealed)
    assert (code, said["error"]["code"]) == (5, "record_given_up")
    status = kino.client.json("verifier", "status", asked)
    assert (status["state"], status["code"]) == ("void", "record_given_up")
    assert refused(kino.client, "verifier", "request", "Adults")[:2] == (5, "record_given_up")
    assert refused(erika.client, "credential", "present", uri, "--yes")[:2] == (
        5, "record_given_up",
    )  # fmt: skip


def test_a_request_that_cannot_be_answered_says_how_to_make_another(
    actors: Actors, tmp_path: Path
) -> None:
    hall, issuer, kino, erika = actors
    erika.given(hall)
    uri = kino.ask()
    asked = kino.client.json("verifier", "status")["requests"][0]["request"]
    assert kino.client.json("verifier", "status", asked)["state"] == "open"
    kino.policy("Adults", issuer, "--age-over", "21", "--change", "Adults")
    done = kino.client.run("verifier", "status", asked)
    assert (done.returncode, done.stdout) == (0, "void\n")
    assert "the policy was changed since the request was made" in done.stderr
    assert "make another: `adyton verifier request Adults`" in done.stderr
    status = kino.client.json("verifier", "status", asked)
    assert (status["state"], status["code"]) == ("void", "policy_changed")
    code, what, said = refused(erika.client, "credential", "present", uri, "--yes")
    assert (code, what, "`adyton verifier request`" in said) == (5, "policy_changed", True)
    assert refused(hall, "verifier", "show", "Adults")[:2] == (2, "not_found")


def test_a_did_web_is_pinned(actors: Actors, tmp_path: Path) -> None:
    hall, _, kino, erika = actors
    did, key = "did:web:passport.example", "z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH"

    def document(name: str, said: str) -> str:
        entry = {"id": f"{said}#k", "type": "Multikey", "controller": said, "publicKeyMultibase": key}  # fmt: skip
        made = {"id": said, "verificationMethod": [entry], "authentication": [f"{said}#k"]}
        (tmp_path / name).write_text(json.dumps(made))
        return str(tmp_path / name)

    told = hall.json("did", "pin", document("one", did))
    assert told["did"] == did
    assert kino.client.ok("did", "show", told["name"]).splitlines()[0] == did
    again = ("did", "pin", document("one", did), "--change", told["name"])
    assert hall.json(*again)["version"] == 2
    assert refused(kino.client, *again)[:2] == (5, "not_owner")
    other = ("did", "pin", document("other", "did:web:password.example"), "--change", told["name"])
    assert refused(hall, *other)[:2] == (2, "bad_argument")
    own = erika.client.json("did", "show", erika.did)["dids"][0]["document"]
    (tmp_path / "own").write_text(json.dumps(own))
    assert refused(hall, "did", "pin", str(tmp_path / "own"))[:2] == (2, "bad_argument")
    hall.ok("did", "deactivate", told["name"], "--yes")
    assert "given up" in kino.client.ok("did", "show", told["name"])
