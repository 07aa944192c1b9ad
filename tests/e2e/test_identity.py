"""`adyton did`, `credential` and `verifier` with a real server: yes, and every kind of no."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adyton.client.credentials.signing import EdDsaKey
from adyton.client.identity_asking import read_uri
from tests.e2e.command import Client, Server
from tests.e2e.identity_actors import Holder, Party, receiving

NewClient = Callable[[str], Client]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity")


@pytest.fixture(scope="module")
def issuer(server: Server, place: Path) -> tuple[Client, str]:
    """The demo issuer, and the name of its record."""
    client = Client(place / "hall", server)
    client.trust()
    return client, client.json("credential", "issuer", "City Hall")["issuer"]


@pytest.fixture(scope="module")
def kino(server: Server, place: Path, issuer: tuple[Client, str]) -> Party:
    """A relying party with a policy for adults."""
    client = Client(place / "kino", server)
    client.trust()
    return Party.make(client, "Kino Nord", issuer[1])


@pytest.fixture
def erika(new_client: NewClient) -> Holder:
    return Holder.make(new_client("erika"))


def refused(client: Client, *given: str) -> tuple[int, str, str]:
    done = client.run(*given, "--json")
    told = json.loads(done.stdout)["error"]
    return done.returncode, told["code"], told["message"]


def test_a_visit(
    issuer: tuple[Client, str], kino: Party, erika: Holder, new_client: NewClient, tmp_path: Path
) -> None:
    name = erika.given(issuer[0])
    (held,) = erika.client.json("credential", "list")["credentials"]
    assert (held["credential"], held["did"]) == (name, erika.did)
    assert held["claims"]["birthdate"] == "1990-02-28"
    uri = kino.ask()
    with receiving(kino.client) as url:
        told = erika.client.json("credential", "present", uri, "--yes", "--to", url)
    assert (told["answer"], told["reason"]) == ("yes", "")
    assert told["disclosed"] == ["age_equal_or_over.18"]
    assert (told["party_name"], told["policy"]) == ("Kino Nord", "Adults")

    shown = kino.client.json("verifier", "status", told["request"])
    assert {line["mark"] for line in shown["checks"]} == {"passed"}
    assert len(shown["checks"]) == 22
    (use,) = erika.client.json("credential", "uses")["uses"]
    assert (use["party_name"], use["policy"], use["answer"]) == ("Kino Nord", "Adults", "yes")
    assert (use["request"], use["issuer_name"]) == (told["request"], "DEMO City Hall")
    assert kino.client.json("credential", "uses") == {"uses": []}
    other = Holder.make(new_client("other"))
    assert other.client.json("credential", "uses") == {"uses": []}
    assert other.client.json("contract", "events") == {"events": []}

    receipt = tmp_path / "visit.receipt"
    kino.client.ok("verifier", "status", told["request"], "--receipt", str(receipt))
    verdict = other.client.json("verify", str(receipt))
    assert (verdict["shown"]["answer"], verdict["shown"]["policy"]["age_over"]) == ("yes", 18)
    assert verdict["subject"] == "identity verdict"
    raw = receipt.read_bytes()
    assert b"1990" not in raw
    for at in (len(raw) // 3, len(raw) // 2, len(raw) - 2):
        altered = bytearray(raw)
        altered[at] ^= 1
        receipt.write_bytes(altered)
        assert other.client.run("verify", str(receipt)).returncode in (3, 4)
    narrow = tmp_path / "narrow.receipt"
    options = ("--receipt", str(narrow), "--show", "answer")
    done = kino.client.run("verifier", "status", told["request"], *options)
    assert (done.returncode, "opens answer, which tells reason too" in done.stderr) == (0, True)
    verdict = other.client.json("verify", str(narrow))
    assert verdict["shown"] == {"answer": "yes"}
    assert "party" in verdict["closed"]
    # Whoever was shown the whole can hand on less.
    kino.client.ok("verifier", "status", told["request"], "--receipt", str(tmp_path / "whole"))
    close = ("verify", str(tmp_path / "whole"), "--out", str(tmp_path / "copy"), "--redact")
    for fields in ("epoch", "party", "answer", "height"):
        assert refused(other.client, *close, fields)[:2] == (2, "usage")
    assert not (tmp_path / "copy").exists()
    said = other.client.json(*close, "party,policy,request")
    assert said["redacted"]["opens"] == ["epoch", "answer", "reason", "pseudonym", "range"]
    copy = (tmp_path / "copy").read_bytes()
    assert bytes.fromhex(kino.name) not in copy
    assert b"Adults" not in copy
    verdict = erika.client.json("verify", str(tmp_path / "copy"))
    assert (verdict["shown"]["answer"], verdict["closed"]) == (
        "yes",
        ["party", "request", "policy"],
    )
    least = ("--out", str(tmp_path / "least"), "--redact", "all")
    said = other.client.json("verify", str(tmp_path / "copy"), *least)
    assert said["redacted"]["opens"] == ["epoch"]


def test_who_asks_for_what_is_said_before_anything_is_sealed(
    issuer: tuple[Client, str], kino: Party, erika: Holder, tmp_path: Path
) -> None:
    erika.given(issuer[0])
    ask = tmp_path / "ask"
    kino.client.ok("verifier", "request", "Adults", "--out", str(ask))
    done = erika.client.run("credential", "present", str(ask), "--out", str(tmp_path / "sealed"))
    assert (done.returncode, "nobody can be asked here" in done.stderr) == (2, True)
    assert not (tmp_path / "sealed").exists()
    for line in (
        "Kino Nord asks: Adults",
        f"  relying party   {kino.name}",
        "  issued by       DEMO City Hall",
        "  the enclave sees   age_equal_or_over.18",
    ):
        assert line in done.stderr.splitlines()
    assert "1990" not in done.stderr


def test_a_code_and_a_text_are_the_same_request(kino: Party) -> None:
    *drawn, uri = kino.client.ok("verifier", "request", "Adults").splitlines()
    assert len(drawn) > 20
    assert {char for line in drawn for char in line} <= set("█▀▄ ")
    assert read_uri(uri).party.hex() == kino.name


def test_underage_expired_and_revoked(
    issuer: tuple[Client, str], kino: Party, erika: Holder, new_client: NewClient, tmp_path: Path
) -> None:
    def told(holder: Holder, name: str) -> tuple[int, str, str]:
        uri = kino.ask()
        sealed = holder.seal(uri, tmp_path / f"{name}.sealed")
        code, said = kino.present(sealed)
        assert said["error"]["code"] == "credential_refused"
        assert said["answer"] == "no"
        assert said["pseudonym"] is None
        return code, said["reason"], kino.failed(said["request"])[1]

    erika.given(issuer[0], birthdate="2015-01-01")
    assert told(erika, "young") == (5, "policy", "under_age")
    with receiving(kino.client, "--once") as url:
        done = erika.client.run("credential", "present", kino.ask(), "--yes", "--to", url, "--json")
    assert done.returncode == 5
    assert json.loads(done.stdout)["reason"] == "policy"
    assert "but the answer will be no: the credential is of somebody who has not" in done.stderr
    expired = Holder.make(new_client("expired"))
    expired.given(issuer[0], "--days", "-1")
    assert told(expired, "expired") == (5, "expired", "expired")
    revoked = Holder.make(new_client("revoked"))
    name = revoked.given(issuer[0])
    code, said = kino.present(revoked.seal(kino.ask(), tmp_path / "valid"))
    assert (code, said["answer"]) == (0, "yes")
    issuer[0].ok("credential", "revoke", name)
    assert told(revoked, "revoked") == (5, "revoked", "revoked")
    answers = [use["answer"] for use in revoked.client.json("credential", "uses")["uses"]]
    assert answers == ["yes", "no"]


def test_what_no_honest_holder_sends(
    issuer: tuple[Client, str], kino: Party, erika: Holder, tmp_path: Path
) -> None:
    erika.given(issuer[0])

    def told(sealed: Path) -> tuple[int, str, str]:
        code, said = kino.present(sealed)
        return code, said["reason"], kino.failed(said["request"])[1]

    def forged(text: str) -> str:
        jwt, _, rest = text.partition("~")
        head, body, _ = jwt.split(".")
        signed = EdDsaKey(b"\x42" * 32).sign(f"{head}.{body}".encode())
        from adyton.protocol.credentials import base64url

        return f"{head}.{body}.{base64url.encode(signed)}~{rest}"

    out = tmp_path / "forged"
    assert told(erika.forge(kino.ask(), out, audience="adyton:" + "00" * 32)) == (
        5, "wrong_request", "audience",
    )  # fmt: skip
    assert told(erika.forge(kino.ask(), out, nonce="00" * 32)) == (5, "wrong_request", "nonce")
    assert told(erika.forge(kino.ask(), out, change=forged)) == (
        5, "untrusted_issuer", "issuer_signature",
    )  # fmt: skip
    assert told(erika.forge(kino.ask(), out, key=EdDsaKey(b"\x43" * 32))) == (
        5, "not_bound", "binding_signature",
    )  # fmt: skip
    assert told(erika.forge(kino.ask(), out, disclosed=())) == (5, "policy", "age_missing")


def test_a_request_answers_once(
    issuer: tuple[Client, str], kino: Party, erika: Holder, tmp_path: Path
) -> None:
    erika.given(issuer[0])
    sealed = erika.seal(kino.ask(), tmp_path / "sealed")
    assert kino.present(sealed)[0] == 0
    code, said = kino.present(sealed)
    assert (code, said["reason"]) == (5, "wrong_request")
    assert "it was answered yes before" in said["error"]["message"]
    # What it was answered first stays.
    assert kino.client.json("verifier", "status", said["request"])["state"] == "yes"


def test_another_party_s_request_is_not_opened(
    issuer: tuple[Client, str],
    kino: Party,
    erika: Holder,
    new_client: NewClient,
    tmp_path: Path,
) -> None:
    erika.given(issuer[0])
    sealed = erika.seal(kino.ask(), tmp_path / "sealed")
    other = Party.make(new_client("bar"), "Bar Sued", issuer[1])
    code, said = other.present(sealed)
    assert (code, said["error"]["code"]) == (2, "not_found")
    assert refused(other.client, "verifier", "status", read_uri(kino.ask()).nonce)[:2] == (
        2, "not_found",
    )  # fmt: skip
    assert kino.present(sealed)[0] == 0


def test_a_party_knows_a_holder_again_and_two_parties_do_not(
    issuer: tuple[Client, str], kino: Party, erika: Holder, new_client: NewClient, tmp_path: Path
) -> None:
    erika.given(issuer[0], "--claim", "document_number=L01X00T47")
    bar = Party.make(new_client("bar"), "Bar Sued", issuer[1])
    seen = []
    for number, party in enumerate((kino, kino, bar)):
        if number != 1:
            party.policy("Regulars", issuer[1], "--pseudonym", "document_number")
        sealed = erika.seal(party.ask("Regulars"), tmp_path / f"sealed {number}")
        code, said = party.present(sealed)
        assert code == 0
        seen.append(said["pseudonym"])
    assert seen[0] == seen[1] != seen[2]
    assert len({len(one) for one in seen}) == 1


def test_a_receipt_that_cannot_be_saved_does_not_cost_the_answer(
    issuer: tuple[Client, str], kino: Party, erika: Holder, new_client: NewClient, tmp_path: Path
) -> None:
    erika.given(issuer[0])
    sealed, receipt = erika.seal(kino.ask(), tmp_path / "sealed"), tmp_path / "receipt"
    receipt.write_text("an older one")
    for options, problem in (
        (("--receipt", str(receipt)), "exists"),
        (("--receipt", str(tmp_path / "none" / "receipt")), "usage"),
        (("--receipt", str(tmp_path / "new"), "--show", "birthday"), "usage"),
        (("--show", "answer"), "usage"),
    ):
        code, said = kino.present(sealed, *options)
        assert (code, said["error"]["code"]) == (2, problem)
    assert receipt.read_text() == "an older one"
    code, said = kino.present(sealed, "--receipt", str(tmp_path / "new"), "--show", "answer,party")
    assert (code, said["answer"]) == (0, "yes")
    verdict = new_client("other").json("verify", str(tmp_path / "new"))
    assert verdict["shown"] == {"answer": "yes", "party": kino.name}


def test_requests_that_lost_their_ground(
    issuer: tuple[Client, str], kino: Party, erika: Holder, tmp_path: Path
) -> None:
    erika.given(issuer[0])
    kino.policy("Changing", issuer[1], "--age-over", "16")
    uri = kino.ask("Changing")
    sealed = erika.seal(uri, tmp_path / "sealed")
    kino.policy("Changing", issuer[1], "--age-over", "21", "--change", "Changing")
    answer = ("credential", "present", uri, "--yes", "--out", str(tmp_path / "late"))
    assert refused(erika.client, *answer)[:2] == (5, "policy_changed")
    code, said = kino.present(sealed)
    assert (code, said["error"]["code"]) == (5, "policy_changed")
    assert refused(kino.client, "verifier", "request", "Adults", "--minutes", "0")[0] == 2
    assert refused(kino.client, "verifier", "request", "Adults", "--minutes", "99999")[0] == 2
    assert refused(kino.client, "verifier", "request", "Nobody's")[:2] == (2, "not_found")


def test_credentials_of_others_and_files_that_are_none(
    issuer: tuple[Client, str], erika: Holder, new_client: NewClient, tmp_path: Path
) -> None:
    text = issuer[0].json(
        "credential", "issue", "--to", erika.did, "--birthdate", "1990-02-28"
    )["text"]  # fmt: skip
    (tmp_path / "card").write_text(text)
    other = Holder.make(new_client("other"))
    code, what, why = refused(other.client, "credential", "take", str(tmp_path / "card"))
    assert (code, what, "not this client's" in why) == (2, "bad_argument", True)
    (tmp_path / "junk").write_text("junk~")
    assert refused(erika.client, "credential", "take", str(tmp_path / "junk"))[0] == 4
    assert refused(erika.client, "credential", "present", "adyton:present?AAAA", "--yes")[0] == 3
    assert refused(erika.client, "credential", "present", str(tmp_path / "junk"), "--yes")[0] == 3
    code, _, why = refused(other.client, "verifier", "present", str(tmp_path / "junk"))
    assert (code, "is not what a holder seals" in why) == (3, True)
    assert refused(erika.client, "credential", "issue", "--to", erika.did, "--claim", "a=b")[:2] == (
        2, "not_found",
    )  # fmt: skip
    files = [path for path in erika.client.home.rglob("*") if path.is_file()]
    assert files
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
