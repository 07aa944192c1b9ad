"""First contact: gives a client its server key and tickets; stateless, and repeated calls agree."""

from __future__ import annotations

from collections.abc import Callable

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, hpke_seal
from adyton.core.errors import PolicyError, VerificationError
from adyton.enclave.keys import TICKET_UNIQUE, Keys
from adyton.protocol.envelope import (
    KeyAnswer,
    KeyRequest,
    SealedKeyRequest,
    SignedKeyAnswer,
    SignedKeyRequest,
    epoch_bytes,
)


class Reception:
    """Answers key requests.

    Args:
        keys: of the chain.
        node_key: signs the answers.
        entropy: source of the tickets' uniqueness.
    """

    def __init__(self, keys: Keys, node_key: SigningKey, entropy: Callable[[int], bytes]) -> None:
        self._keys = keys
        self._node_key = node_key
        self._entropy = entropy

    def answer(self, unverified: bytes, now_ms: int) -> bytes:
        """Return the signed answer to a sealed key request, sealed to the client's reply key.

        Steps, as in `docs/spec/key-delivery.md`:
          1. the bytes are one sealed key request for this chain, and its epoch is open;
          2. it opens with the intake key;
          3. the request inside is signed by the client key that it names, for this chain;
          4. the chain admits the client;
          5. answer: the client's own server key and fresh tickets, bound to the request's digest.

        Trust: the bytes come from anybody; `now_ms` from the host.

        Raises:
            MalformedError, VerificationError, PolicyError: a step does not hold.
        """
        keys = self._keys
        # 1
        outer = SealedKeyRequest.decode(unverified)
        if outer.chain_id != keys.chain_id:
            raise VerificationError("wrong_chain", "the key request is for another chain")
        # 2
        epoch = epoch_bytes(outer.epoch)
        opened = keys.intake(outer.epoch).open(
            outer.sealed, Context.HPKE_KEY_REQUEST, keys.chain_id, epoch
        )
        # 3
        signed = SignedKeyRequest.decode(opened)
        request = signed.verify()
        if request.chain_id != keys.chain_id:
            raise VerificationError("wrong_chain", "the key request is for another chain")
        # 4
        self._require_admitted(request, now_ms)
        # 5
        tickets = tuple(
            keys.issue_ticket(request.client_key, now_ms, self._entropy(TICKET_UNIQUE), outer.epoch)
            for _ in range(limits.TICKETS_PER_KEY)
        )
        server_key = keys.server(outer.epoch, request.client_key).public
        answer = KeyAnswer(server_key, outer.epoch, tickets, signed.digest())
        encoded = SignedKeyAnswer.sign(answer, self._node_key).encode()
        return hpke_seal(
            request.reply_key, encoded, Context.HPKE_KEY_ANSWER, keys.chain_id, signed.digest()
        )

    def _require_admitted(self, request: KeyRequest, now_ms: int) -> None:
        configuration = self._keys.genesis.configuration
        if configuration.admission == "open":
            return
        invite = request.invite
        if invite is None or configuration.invite_key is None:
            raise PolicyError("not_admitted", "this chain admits invited clients only")
        try:
            invite.verify(configuration.invite_key)
        except VerificationError as problem:
            raise PolicyError("not_admitted", "the invitation is not this operator's") from problem
        if invite.chain_id != self._keys.chain_id or invite.client_key != request.client_key:
            raise PolicyError("not_admitted", "the invitation is another's")
        if now_ms >= invite.not_after_ms:
            raise PolicyError("not_admitted", "the invitation has expired")
