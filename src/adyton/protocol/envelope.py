"""First contact, requests, envelopes and answers: chapter `envelope` and `key delivery` of the specification."""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, SivKey, digest, hpke_seal, verify
from adyton.core.fields import AtMost, Exactly, OneOf
from adyton.core.schema import Bytes32, Code, Message, Signature, Uint, Uint32, message
from adyton.protocol.padding import pad, unpad
from adyton.protocol.words import Ordering

TicketBytes = Annotated[bytes, Exactly(limits.TICKET)]
Word = Annotated[str, AtMost(32)]
PADDED_LEAST: Final = 512


@message("invite/1", max_bytes=512)
class Invite(Message):
    """A chain's invitation of one client key, signed by the configuration's invite key."""

    chain_id: Bytes32
    client_key: Bytes32
    not_after_ms: Uint
    signature: Signature

    @classmethod
    def sign(cls, chain_id: bytes, client_key: bytes, not_after_ms: int, key: SigningKey) -> Invite:
        """Make an invitation."""
        when = not_after_ms.to_bytes(8, "big")
        return cls(
            chain_id,
            client_key,
            not_after_ms,
            key.sign(Context.SIGN_INVITE, chain_id, client_key, when),
        )

    def verify(self, invite_key: bytes) -> None:
        """Verify the signature; chain, client and time are the caller's to compare.

        Raises:
            VerificationError: it does not verify.
        """
        when = self.not_after_ms.to_bytes(8, "big")
        verify(
            invite_key, self.signature, Context.SIGN_INVITE, self.chain_id, self.client_key, when
        )


@message("key-request/1", max_bytes=limits.KEY_REQUEST)
class KeyRequest(Message):
    """A client's first contact.

    Attributes:
        client_key: Ed25519 public key: the client's identity on this chain.
        reply_key: fresh X25519 public key that the answer is sealed to.
        nonce: fresh.
        evidence_digest: of the node evidence that the client appraised.
        chain_id: the chain it means.
        invite: where the chain admits by invitation.
    """

    client_key: Bytes32
    reply_key: Bytes32
    nonce: Bytes32
    evidence_digest: Bytes32
    chain_id: Bytes32
    invite: Invite | None


@message("signed-key-request/1", max_bytes=limits.KEY_REQUEST)
class SignedKeyRequest(Message):
    """A key request under the client key's signature."""

    body: Annotated[bytes, AtMost(limits.KEY_REQUEST)]
    signature: Signature

    @classmethod
    def sign(cls, request: KeyRequest, key: SigningKey) -> SignedKeyRequest:
        """Sign `request` with the client key."""
        body = request.encode()
        return cls(body, key.sign(Context.SIGN_KEY_REQUEST, body))

    def verify(self) -> KeyRequest:
        """Return the request, whose own client key has signed it.

        Raises:
            MalformedError: the body is not a key request.
            VerificationError: the signature does not verify.
        """
        request = KeyRequest.decode(self.body)
        verify(request.client_key, self.signature, Context.SIGN_KEY_REQUEST, self.body)
        return request

    def digest(self) -> bytes:
        """Return the digest that the answer names."""
        return digest(Context.KEY_REQUEST, self.encode())


@message("sealed-key-request/1", max_bytes=limits.KEY_REQUEST)
class SealedKeyRequest(Message):
    """The body of `POST /key`: a signed key request, sealed to the epoch's intake key."""

    chain_id: Bytes32
    epoch: Uint32
    sealed: Annotated[bytes, AtMost(limits.KEY_REQUEST)]

    @classmethod
    def seal(
        cls, request: SignedKeyRequest, intake_key: bytes, chain_id: bytes, epoch: int
    ) -> SealedKeyRequest:
        """Seal `request` to the intake key of the epoch record."""
        sealed = hpke_seal(
            intake_key, request.encode(), Context.HPKE_KEY_REQUEST, chain_id, epoch_bytes(epoch)
        )
        return cls(chain_id, epoch, sealed)


@message("key-answer/1", max_bytes=limits.KEY_REQUEST)
class KeyAnswer(Message):
    """What a client learns at first contact; sealed to its reply key.

    Attributes:
        server_key: X25519 public key that is this client's alone; its requests are sealed to it.
        epoch: the epoch that it belongs to.
        tickets: one-time names for the client's next envelopes.
        request_digest: of the signed key request that is answered.
    """

    server_key: Bytes32
    epoch: Uint32
    tickets: Annotated[tuple[TicketBytes, ...], AtMost(limits.TICKETS_PER_KEY)]
    request_digest: Bytes32


@message("signed-key-answer/1", max_bytes=limits.KEY_REQUEST)
class SignedKeyAnswer(Message):
    """A key answer under the recorder key's signature."""

    body: Annotated[bytes, AtMost(limits.KEY_REQUEST)]
    signature: Signature

    @classmethod
    def sign(cls, answer: KeyAnswer, key: SigningKey) -> SignedKeyAnswer:
        """Sign `answer` with the node's key."""
        body = answer.encode()
        return cls(body, key.sign(Context.SIGN_KEY_ANSWER, body))

    def verify(self, recorder_key: bytes) -> KeyAnswer:
        """Return the answer.

        Raises:
            VerificationError: the signature does not verify.
        """
        verify(recorder_key, self.signature, Context.SIGN_KEY_ANSWER, self.body)
        return KeyAnswer.decode(self.body)


@message("request/1", max_bytes=limits.ENVELOPE)
class Request(Message):
    """What a client asks of an app.

    Attributes:
        client_key: who asks.
        request_id: random; one request has one effect.
        not_before_ms: start of the window, by block time.
        expiry_ms: end of the window, at most an hour after its start.
        chain_id: where.
        incarnation: of the chain, as the client knows it.
        app: name of the app.
        method: name of its method.
        arguments: encoded arguments; their form is the method's.
        response_key: secret under which the response comes back.
        result_key: secret under which a task's result comes back, and from which claims are salted.
        ordering: the least ordering level that the client accepts.
    """

    client_key: Bytes32
    request_id: Bytes32
    not_before_ms: Uint
    expiry_ms: Uint
    chain_id: Bytes32
    incarnation: Uint32
    app: Word
    method: Word
    arguments: Annotated[bytes, AtMost(limits.ARGUMENTS_BYTES)]
    response_key: Bytes32
    result_key: Bytes32
    ordering: Ordering


@message("signed-request/1", max_bytes=limits.ENVELOPE)
class SignedRequest(Message):
    """A request under the client key's signature."""

    body: Annotated[bytes, AtMost(limits.ENVELOPE)]
    signature: Signature

    @classmethod
    def sign(cls, request: Request, key: SigningKey) -> SignedRequest:
        """Sign `request` with the client key."""
        body = request.encode()
        return cls(body, key.sign(Context.SIGN_REQUEST, body))

    def verify(self, client_key: bytes) -> Request:
        """Return the request.

        Args:
            client_key: the key that the ticket names.

        Raises:
            MalformedError: the body is not a request.
            VerificationError: another client's, or the signature does not verify.
        """
        self.verify_signature(client_key)
        return Request.decode(self.body)

    def verify_signature(self, client_key: bytes) -> None:
        """Verify the signature; the body is still to be decoded.

        Raises:
            VerificationError: another client's, or it does not verify.
        """
        verify(client_key, self.signature, Context.SIGN_REQUEST, self.body)

    def digest(self) -> bytes:
        """Return the digest by which a repetition is told from another request with the same id."""
        return digest(Context.SIGNED_REQUEST, self.body, self.signature)


@message("envelope/1", max_bytes=limits.ENVELOPE)
class Envelope(Message):
    """What the host sees of a request: chain, epoch, a one-time ticket, ciphertext.

    Attributes:
        purpose: `request` is ordered and recorded; `read` is answered at once and leaves no trace.
    """

    chain_id: Bytes32
    epoch: Uint32
    purpose: Annotated[str, OneOf.of("request", "read")]
    ticket: TicketBytes
    sealed: Annotated[bytes, AtMost(limits.ENVELOPE)]

    @classmethod
    def seal(
        cls,
        request: SignedRequest,
        *,
        server_key: bytes,
        chain_id: bytes,
        epoch: int,
        ticket: bytes,
        purpose: str = "request",
    ) -> Envelope:
        """Seal a padded request to the client's own server key."""
        context = Context.HPKE_REQUEST if purpose == "request" else Context.HPKE_READ
        sealed = hpke_seal(
            server_key,
            pad(request.encode(), least=PADDED_LEAST),
            context,
            *envelope_info(chain_id, epoch, ticket),
        )
        return cls(chain_id, epoch, purpose, ticket, sealed)


def open_padded(unverified: bytes) -> SignedRequest:
    """Return the signed request inside an opened envelope; its signature is still to be verified.

    Raises:
        MalformedError: not a padded signed request.
    """
    return SignedRequest.decode(unpad(unverified, least=PADDED_LEAST))


def epoch_bytes(epoch: int) -> bytes:
    """Return an epoch as eight bytes, for contexts and derivations."""
    return epoch.to_bytes(8, "big")


def envelope_info(chain_id: bytes, epoch: int, ticket: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the parts of an envelope's HPKE info; the ticket is in it, so that it cannot be exchanged."""
    return chain_id, epoch_bytes(epoch), ticket


def task_hash(envelope: bytes) -> bytes:
    """Return the public name of a request: the hash of its sealed envelope, 32 bytes."""
    return digest(Context.TASK_HASH, envelope)


@message("response/1", max_bytes=limits.ENTRY)
class Response(Message):
    """The sealed answer to a request.

    Attributes:
        code: empty when the request was carried out, else a stable error code.
        result: encoded result; its form is the method's.
        ticket: one more ticket, unless the request was a repetition.
        original: task hash of the entry that was answered first, where this one repeats it.
    """

    code: Code
    result: Annotated[bytes, AtMost(limits.ENTRY)]
    ticket: TicketBytes | None
    original: Bytes32 | None

    def seal(self, response_key: bytes, exec_id: bytes) -> bytes:
        """Seal to the request's response key; deterministic, and no two executions share a key."""
        key = SivKey(response_key, Context.KDF_RESPONSE, exec_id)
        return key.seal(pad(self.encode(), least=limits.RESULT_MIN), Context.AD_RESPONSE)

    @classmethod
    def open(cls, unverified: bytes, response_key: bytes, exec_id: bytes) -> Response:
        """Return the response.

        Raises:
            VerificationError: not sealed under this key for this execution.
        """
        key = SivKey(response_key, Context.KDF_RESPONSE, exec_id)
        padded = key.open(unverified, Context.AD_RESPONSE)
        return cls.decode(unpad(padded, least=limits.RESULT_MIN))


@message("read-answer/1", max_bytes=limits.ENTRY)
class ReadAnswer(Message):
    """The sealed answer to a read.

    Attributes:
        code: empty, or a stable error code.
        result: encoded result.
        ticket: one more ticket.
        checkpoint: the checkpoint that the answer is true of, COSE_Sign1.
        expires_ms: when the answer stops being fresh, host's clock.
    """

    code: Code
    result: Annotated[bytes, AtMost(limits.ENTRY)]
    ticket: TicketBytes | None
    checkpoint: Annotated[bytes, AtMost(limits.CHECKPOINT)]
    expires_ms: Uint


@message("sealed-read-answer/1", max_bytes=2 * limits.ENTRY)
class SealedReadAnswer(Message):
    """A read answer under the request's response key and a fresh salt."""

    salt: Bytes32
    sealed: Annotated[bytes, AtMost(2 * limits.ENTRY)]

    @classmethod
    def seal(cls, answer: ReadAnswer, response_key: bytes, salt: bytes) -> SealedReadAnswer:
        """Seal `answer`; `salt` is 32 fresh random bytes."""
        key = SivKey(response_key, Context.KDF_READ, salt)
        return cls(
            salt, key.seal(pad(answer.encode(), least=limits.RESULT_MIN), Context.AD_RESPONSE)
        )

    def open(self, response_key: bytes) -> ReadAnswer:
        """Return the answer.

        Raises:
            VerificationError: not sealed under this key.
        """
        key = SivKey(response_key, Context.KDF_READ, self.salt)
        padded = key.open(self.sealed, Context.AD_RESPONSE)
        return ReadAnswer.decode(unpad(padded, least=limits.RESULT_MIN))
