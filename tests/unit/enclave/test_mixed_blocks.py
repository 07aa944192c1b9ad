"""Blocks in which envelopes of every kind stand beside each other."""

from __future__ import annotations

from dataclasses import replace

from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey
from adyton.protocol.envelope import Envelope, SignedRequest, task_hash
from tests.host_simulator import HostSimulator, SimulatedClient, public


def signed(client: SimulatedClient, body: bytes) -> SignedRequest:
    """Return any body under the client's own signature."""
    return SignedRequest(body, client.key.sign(Context.SIGN_REQUEST, body))


def test_each_envelope_meets_its_own_end(host: HostSimulator, client: SimulatedClient) -> None:
    """Each step is taken for the whole block: what fails at one of them moves nothing of the others."""
    requests = [client.notarize() for _ in range(4)]
    good = [client.envelope(request) for request in requests]
    opened = Envelope.decode(good[0])
    stranger = SignedRequest.sign(client.notarize(), SigningKey(bytes(32)))
    bad = [
        (b"\x00", "malformed"),  # no transaction at all
        (good[1][:-1], "malformed"),  # step 1
        (replace(opened, chain_id=bytes(32)).encode(), "wrong_chain"),  # step 1
        (replace(opened, ticket=bytes(64)).encode(), "ticket_invalid"),  # step 2
        (replace(opened, sealed=bytes(600)).encode(), "unopenable"),  # step 3
        (client.seal(stranger), "bad_signature"),  # step 4
        (client.seal(signed(client, b"\x80")), "malformed"),  # step 4
        (client.envelope(client.notarize(chain_id=bytes(32))), "wrong_chain"),  # step 5
    ]
    codes = dict(bad)
    refused = iter(envelope for envelope, _ in bad)
    mixed = [next(refused), good[0], *(next(refused) for _ in range(4)), good[1], good[2]]
    mixed += [next(refused), next(refused), good[3], next(refused)]
    result = host.block(*mixed)
    answers = iter(requests)
    for place, envelope in enumerate(mixed):
        part = public(result.entries[place])
        if envelope in codes:
            assert (part.kind, result.entries[place].code) == ("void", codes[envelope]), place
        else:
            assert (part.kind, part.task_hash) == ("request", task_hash(envelope))
            assert client.open(result, place, next(answers)).code == ""
    assert next(answers, None) is None
    assert next(refused, None) is None
