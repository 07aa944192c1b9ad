"""Blocks, entries, checkpoints and receipts: chapter `ledger and receipt` of the specification.

A leaf of the log is H(public part) ‖ H(encrypted write set) ‖ claims digest, 96 bytes; one checkpoint per block is a
COSE_Sign1 over the log root; a receipt is that signature, detached, with the path of one leaf.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final

from adyton.core import cose, limits
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, digest, key_id
from adyton.core.encoding import encode
from adyton.core.errors import MalformedError, ReceiptError
from adyton.core.fields import AtMost
from adyton.core.merkle import HASH, leaf_hash, root_from_inclusion, root_of
from adyton.core.schema import Bytes32, Code, Measurement, Message, Uint, Uint32, message
from adyton.protocol.envelope import epoch_bytes
from adyton.protocol.words import ORDERING_LEVELS, TIME_SOURCES, EntryKind

FACTS: Final = -70100  # private COSE header: what a checkpoint says beside the root
ISSUER: Final = "adyton"
SUBJECT: Final = "checkpoint/1"
NO_CLAIMS: Final = bytes(HASH)
_CWT_ISSUER: Final = 1
_CWT_SUBJECT: Final = 2


@message("block/1", max_bytes=1024)
class BlockHeader(Message):
    """What a block's hash covers.

    Attributes:
        time_ms: block time; never less than the predecessor's.
        previous: hash of the previous block; of the first block, the chain id.
        data_hash: RFC 9162 root over the block's transactions.
        previous_app_hash: state and log before this block.
    """

    chain_id: Bytes32
    height: Uint
    time_ms: Uint
    previous: Bytes32
    data_hash: Bytes32
    previous_app_hash: Bytes32

    def hash(self) -> bytes:
        """Return the block hash, 32 bytes."""
        return digest(Context.BLOCK, self.encode())

    def exec_id(self, epoch: int, index: int) -> bytes:
        """Return the name of one execution, 32 bytes: no two executions, on forks or retries, share it."""
        return digest(
            Context.EXEC_ID,
            self.chain_id,
            epoch_bytes(epoch),
            self.height.to_bytes(8, "big"),
            self.previous_app_hash,
            self.time_ms.to_bytes(8, "big"),
            self.data_hash,
            index.to_bytes(8, "big"),
        )


def data_hash(transactions: Iterable[bytes]) -> bytes:
    """Return the RFC 9162 root over a block's transactions."""
    return root_of(leaf_hash(transaction) for transaction in transactions)


def app_hash(state_root: bytes, log_root: bytes) -> bytes:
    """Return the hash of all that a block leaves behind."""
    return digest(Context.APP_HASH, state_root, log_root)


@message("entry/1", max_bytes=limits.PUBLIC_PART)
class PublicPart(Message):
    """What everybody may read of an entry.

    Attributes:
        kind: `start`, `request`, `finish` or `void`.
        task_hash: hash of the sealed envelope; none in a void entry.
        code: empty, or why nothing was done.
        epoch: under which keys.
        measurement: of the code that executed it.
        claims: digest of salted commitments.
        sealed: sealed response of a request.
        body: node evidence of a start, signed finish of a finish, what a request made public.
    """

    kind: EntryKind
    task_hash: Bytes32 | None
    code: Code
    epoch: Uint32
    measurement: Measurement
    claims: Bytes32 | None
    sealed: Annotated[bytes, AtMost(limits.PUBLIC_PART)] | None
    body: Annotated[bytes, AtMost(limits.PUBLIC_PART)] | None


def write_set_digest(writes: Iterable[tuple[bytes, bytes | None]]) -> bytes:
    """Return the digest of an entry's encrypted writes.

    Args:
        writes: stored name, and `stored_digest` of the stored value or null for a removal.
    """
    return digest(Context.WRITE_SET, encode(list(writes)))


def stored_digest(value: bytes) -> bytes:
    """Return the hash of a stored value, as write sets and the state tree hold it."""
    return digest(Context.STATE_BLOB, value)


def entry_leaf(public: bytes, writes_digest: bytes, claims: bytes | None) -> bytes:
    """Return the log's leaf hash of an entry."""
    return leaf_hash(digest(Context.PUBLIC_PART, public) + writes_digest + (claims or NO_CLAIMS))


@dataclass(frozen=True)
class CheckpointFacts:
    """What a checkpoint's protected header says.

    Attributes:
        key_id: names the recorder key that signed.
        size: leaves in the log.
        first: leaves before this block; so the signature fixes each entry's place in its block.
        ordering: level of the engine that ordered the block.
        time_source: who said what time it is.
    """

    key_id: bytes
    chain_id: bytes
    height: int
    size: int
    first: int
    time_ms: int
    state_root: bytes
    block_hash: bytes
    epoch: int
    ordering: str
    time_source: str

    def headers(self) -> dict[int, Any]:
        """Return the protected header, without the algorithm."""
        return {
            cose.KID: self.key_id,
            cose.VDS: cose.RFC9162_SHA256,
            cose.CWT_CLAIMS: {_CWT_ISSUER: ISSUER, _CWT_SUBJECT: SUBJECT},
            FACTS: [
                self.chain_id,
                self.height,
                self.size,
                self.first,
                self.time_ms,
                self.state_root,
                self.block_hash,
                self.epoch,
                self.ordering,
                self.time_source,
            ],
        }

    @classmethod
    def from_sign1(cls, unverified: cose.Sign1) -> CheckpointFacts:
        """Return the facts; they are true only once the signature is verified.

        Raises:
            MalformedError: the header is not a checkpoint's.
        """
        headers = unverified.headers
        facts = headers.get(FACTS)
        kid = headers.get(cose.KID)
        if type(facts) is not list or len(facts) != 10 or type(kid) is not bytes or len(kid) != 8:
            raise MalformedError("malformed", "not a checkpoint's header")
        chain_id, height, size, first, time_ms, state_root, block_hash, epoch, ordering, source = (
            facts
        )
        hashes_ok = all(
            type(h) is bytes and len(h) == HASH for h in (chain_id, state_root, block_hash)
        )
        numbers_ok = all(
            type(n) is int and 0 <= n <= limits.UINT_MAX
            for n in (height, size, first, time_ms, epoch)
        )
        words_ok = ordering in ORDERING_LEVELS and source in TIME_SOURCES
        if not (hashes_ok and numbers_ok and words_ok):
            raise MalformedError("malformed", "a fact of the checkpoint has a wrong type")
        made = cls(
            kid,
            chain_id,
            height,
            size,
            first,
            time_ms,
            state_root,
            block_hash,
            epoch,
            ordering,
            source,
        )
        if dict(headers) != {cose.ALG: cose.EDDSA, **made.headers()}:
            raise MalformedError("malformed", "the header holds something else beside the facts")
        return made


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose form is checked; its signature is not until `verify` returns.

    Attributes:
        facts: what its header says.
        root: the log root, its payload.
        message: the COSE_Sign1.
    """

    facts: CheckpointFacts
    root: bytes
    message: cose.Sign1

    @classmethod
    def sign(cls, facts: CheckpointFacts, root: bytes, key: SigningKey) -> Checkpoint:
        """Sign a checkpoint with the recorder's key."""
        return cls(facts, root, cose.sign1(key, facts.headers(), root))

    @classmethod
    def decode(cls, unverified: bytes) -> Checkpoint:
        """Return the checkpoint that the bytes encode, not verified.

        Raises:
            MalformedError: not the one encoding of a checkpoint.
        """
        message_ = cose.parse_sign1(unverified, max_bytes=limits.CHECKPOINT)
        if message_.unprotected or message_.payload is None or len(message_.payload) != HASH:
            raise MalformedError("malformed", "a checkpoint's payload is the log root")
        return cls(CheckpointFacts.from_sign1(message_), message_.payload, message_)

    def encode(self) -> bytes:
        """Return the COSE_Sign1 bytes."""
        return self.message.encode()

    def verify(self, recorder_key: bytes) -> None:
        """Verify the signature.

        Raises:
            ReceiptError: the key is not the one it names.
            VerificationError: the signature does not verify.
        """
        if self.facts.key_id != key_id(recorder_key):
            raise ReceiptError("receipt_invalid", "the checkpoint is signed by another key")
        self.message.verify(recorder_key)


@dataclass(frozen=True)
class Receipt:
    """A receipt whose form is checked; `verify` gives it weight."""

    facts: CheckpointFacts
    proof: cose.InclusionProof
    message: cose.Sign1

    @classmethod
    def decode(cls, unverified: bytes) -> Receipt:
        """Return the receipt that the bytes encode, not verified.

        Raises:
            MalformedError: not the one encoding of a receipt.
        """
        message_, proof = cose.parse_receipt(unverified)
        facts = CheckpointFacts.from_sign1(message_)
        if facts.size != proof.size:
            raise MalformedError("malformed", "header and proof name different tree sizes")
        return cls(facts, proof, message_)

    def verify(self, leaf: bytes, recorder_key: bytes) -> Checkpoint:
        """Verify that the log holds `leaf`, and return the checkpoint that says so.

        Args:
            leaf: leaf hash, computed from the entry that was shown.
            recorder_key: a recorder key whose evidence was appraised.

        Raises:
            ReceiptError: another key, or the path does not fit.
            VerificationError: the signature does not cover the root that the path leads to.
        """
        if self.facts.key_id != key_id(recorder_key):
            raise ReceiptError("receipt_invalid", "the receipt is signed by another key")
        root = cose.verify_receipt(self.message, self.proof, leaf, recorder_key)
        return self._over(root)

    def unverified_checkpoint(self, leaf: bytes) -> Checkpoint:
        """Return the checkpoint that a right receipt of `leaf` leads to; its signature is not verified.

        Raises:
            ReceiptError: the path does not fit.
        """
        proof = self.proof
        return self._over(root_from_inclusion(leaf, proof.index, proof.size, proof.path))

    def _over(self, root: bytes) -> Checkpoint:
        attached = cose.Sign1(
            self.message.protected, self.message.headers, {}, root, self.message.signature
        )
        return Checkpoint(self.facts, root, attached)


@message("proof/1", max_bytes=limits.PUBLIC_PART + 8192)
class EntryProof(Message):
    """An entry with all that its verification needs, beside the recorder's key.

    Attributes:
        header: of the entry's own block.
        index: of the entry in its block.
        public: encoded public part.
        writes: digest of the encrypted write set.
        receipt: of the entry, under its own block's checkpoint.
    """

    header: BlockHeader
    index: Uint32
    public: Annotated[bytes, AtMost(limits.PUBLIC_PART)]
    writes: Bytes32
    receipt: Annotated[bytes, AtMost(limits.RECEIPT)]

    def part(self) -> PublicPart:
        """Return the decoded public part."""
        return _part(self.public)

    def facts(self) -> CheckpointFacts:
        """Return what the receipt's checkpoint says; true once the proof is verified."""
        return _receipt(self.receipt).facts

    def exec_id(self) -> bytes:
        """Return the execution's name; true once the proof is verified."""
        return self.header.exec_id(self.facts().epoch, self.index)

    def verify(self, recorder_key: bytes, chain_id: bytes) -> tuple[PublicPart, Checkpoint]:
        """Verify that this entry lies in this block of this chain.

        Steps, as in `docs/spec/ledger.md`:
          1. header, receipt and public part have their one form;
          2. the receipt's checkpoint and the header name `chain_id`;
          3. the checkpoint signs this header's hash, height and time;
          4. the leaf of what is shown lies at the receipt's place under the signed root;
          5. the leaf is the `index`-th after the leaves that the checkpoint says came before its block.

        Args:
            recorder_key: a recorder key whose evidence was appraised.
            chain_id: the chain that the caller means.

        Raises:
            MalformedError: step 1. VerificationError: any other step.
        """
        part = self.part()
        receipt = _receipt(self.receipt)
        facts = receipt.facts
        if facts.chain_id != chain_id or self.header.chain_id != chain_id:
            raise ReceiptError("wrong_chain", "the proof is of another chain")
        if (
            facts.block_hash != self.header.hash()
            or facts.height != self.header.height
            or facts.time_ms != self.header.time_ms
        ):
            raise ReceiptError("receipt_invalid", "the checkpoint is of another block")
        checkpoint = receipt.verify(entry_leaf(self.public, self.writes, part.claims), recorder_key)
        if receipt.proof.index != facts.first + self.index:
            raise ReceiptError("receipt_invalid", "the entry has another place in its block")
        return part, checkpoint


# A proof is asked for its parts several times on its way through a client; what is decoded is immutable.


@lru_cache(maxsize=8)
def _part(unverified: bytes) -> PublicPart:
    return PublicPart.decode(unverified)


@lru_cache(maxsize=32)
def _receipt(unverified: bytes) -> Receipt:
    return Receipt.decode(unverified)
