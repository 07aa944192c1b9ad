"""What crosses the channel between host and enclave.

Both directions carry requests and their replies. Names say who asks: `Host…` messages go into the enclave and are
untrusted there; `Enclave…` messages come out. Everything that comes out is sealed, public by design, or a verdict.

The dispatcher takes `HostRequest` values (host → enclave) and answers each with the reply named beside it:

    Provision   -> Provisioned      LoadState -> Loaded      Serve -> Serving
    ApplyBlock -> BlockResult or NoBlock   Committed -> Done        FirstContact -> FirstContactAnswer
    ShowEvidence -> Evidence        Read -> Answer           Status -> StatusAnswer      Drain -> Done

What the enclave asks meanwhile is in `reverse.py`. A request that is refused is answered with `Failure`.
"""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Code, Measurement, Message, Uint, Uint32, message

Encoded = Annotated[bytes, AtMost(limits.FRAME)]
Sealed = Annotated[bytes, AtMost(limits.STATE_PENDING)]
Transaction = Annotated[bytes, AtMost(limits.ENTRY)]
StoredValue = Annotated[bytes, AtMost(limits.STATE_VALUE)]


class UntrustedMessage(Message):
    """A request of the host: every byte of it may be hostile."""

    __slots__ = ()
    MAX_ITEMS = limits.CBOR_ITEMS_INSIDE


class UntrustedReply(Message):
    """A host's answer to the enclave: every byte of it may be hostile."""

    __slots__ = ()
    MAX_ITEMS = limits.CBOR_ITEMS_INSIDE


class EnclaveMessage(Message):
    """What the enclave lets out."""

    __slots__ = ()
    MAX_ITEMS = limits.CBOR_ITEMS_INSIDE


# --- either way ---------------------------------------------------------------------------------


@message("failure/1", max_bytes=4096)
class Failure(EnclaveMessage):
    """The request is refused.

    Attributes:
        kind: name of the error's class.
        code: its stable code.
        text: without secrets.
    """

    kind: Annotated[str, AtMost(40)]
    code: Code
    text: Annotated[str, AtMost(1000)]


@message("done/1", max_bytes=64)
class Done(EnclaveMessage):
    """The request is carried out, and there is nothing to say."""


# --- host asks ----------------------------------------------------------------------------------


@message("provision/1", max_bytes=256 * limits.KIB)
class Provision(UntrustedMessage):
    """Make a chain, or open the one that the sealed root belongs to.

    Attributes:
        configuration: encoded `Configuration`.
        allow_simulated: operator's explicit consent, recorded in genesis.
        now_ms: host's clock.
        sealed_root: what an earlier `Provisioned` returned; null makes a new chain.
    """

    configuration: Annotated[bytes, AtMost(4096)]
    allow_simulated: bool
    now_ms: Uint
    sealed_root: Annotated[bytes, AtMost(64 * limits.KIB)] | None


@message("provisioned/1", max_bytes=256 * limits.KIB)
class Provisioned(EnclaveMessage):
    """The chain is open.

    Attributes:
        genesis: encoded genesis.
        sealed_root: to be kept and given back at the next start.
        measurement: of this enclave.
    """

    genesis: Annotated[bytes, AtMost(8192)]
    sealed_root: Annotated[bytes, AtMost(64 * limits.KIB)]
    measurement: Measurement


@message("load-state/1", max_bytes=limits.KIB * 64)
class LoadState(UntrustedMessage):
    """Take up the chain where the sealed head says; the enclave scans the state by `StateScan`.

    Attributes:
        sealed_head: of the last committed block; null before the first.
    """

    sealed_head: Annotated[bytes, AtMost(32 * limits.KIB)] | None


@message("loaded/1", max_bytes=1024)
class Loaded(EnclaveMessage):
    """The state is loaded and verified against the sealed head.

    Attributes:
        height: of the last block, 0 before the first.
        log_size: leaves in the log.
        values: state values.
    """

    height: Uint
    log_size: Uint
    values: Uint


@message("serve/1", max_bytes=64)
class Serve(UntrustedMessage):
    """Begin to serve: the enclave makes its node keys and the entry that announces them."""


@message("serving/1", max_bytes=limits.ENTRY)
class Serving(EnclaveMessage):
    """The start entry, to be ordered first of all.

    Attributes:
        start: transaction that announces this start's keys.
        sandbox: tier that confines native tasks, or `none` and why.
    """

    start: Transaction
    sandbox: Annotated[str, AtMost(400)]


@message("apply-block/1", max_bytes=limits.FRAME)
class ApplyBlock(UntrustedMessage):
    """Execute the next block.

    Attributes:
        height: one more than the last.
        time_ms: block time; not before the last block's.
        transactions: in order.
        drop_unopenable: leave out, instead of recording as void, what does not open (for an engine that proposes
            and executes in one step).
    """

    height: Uint
    time_ms: Uint
    transactions: Annotated[tuple[Transaction, ...], AtMost(limits.BLOCK_ENTRIES)]
    drop_unopenable: bool


@message("executed/1", max_bytes=limits.FRAME)
class Executed(EnclaveMessage):
    """One recorded entry.

    Attributes:
        transaction: its place among `ApplyBlock.transactions`.
        public: encoded public part.
        writes: digest of its encrypted write set.
        leaf: its leaf hash in the log.
        index_hash: the task hash under which it is to be found, if any.
        code: what the caller may be told of a void entry; empty otherwise.
    """

    transaction: Uint32
    public: Annotated[bytes, AtMost(limits.PUBLIC_PART)]
    writes: Bytes32
    leaf: Bytes32
    index_hash: Bytes32 | None
    code: Code


@message("block-result/1", max_bytes=limits.FRAME)
class BlockResult(EnclaveMessage):
    """What a block leaves behind, to be stored in one transaction before anything is answered.

    Attributes:
        header: encoded block header.
        checkpoint: COSE_Sign1 over the log root.
        sealed_head: replaces the earlier one.
        sealed_root: replaces the earlier one, where the block changes the root; else null.
        entries: in the order of the log.
        writes: stored name and value, null for a removal.
        dropped: transactions left out, with the reason.
    """

    header: Annotated[bytes, AtMost(1024)]
    checkpoint: Annotated[bytes, AtMost(limits.CHECKPOINT)]
    sealed_head: Annotated[bytes, AtMost(32 * limits.KIB)]
    sealed_root: Annotated[bytes, AtMost(64 * limits.KIB)] | None
    entries: Annotated[tuple[Executed, ...], AtMost(limits.BLOCK_ENTRIES)]
    writes: Annotated[tuple[tuple[Bytes32, StoredValue | None], ...], AtMost(2**20)]
    dropped: Annotated[tuple[tuple[Uint32, Code], ...], AtMost(limits.BLOCK_ENTRIES)]


@message("no-block/1", max_bytes=64 * limits.BLOCK_ENTRIES)
class NoBlock(EnclaveMessage):
    """Nothing was left to execute: no block was made, and the height stays.

    Attributes:
        dropped: every transaction, with the reason.
    """

    dropped: Annotated[tuple[tuple[Uint32, Code], ...], AtMost(limits.BLOCK_ENTRIES)]


@message("committed/1", max_bytes=64)
class Committed(UntrustedMessage):
    """The block is stored; work that it started may begin."""

    height: Uint


@message("first-contact/1", max_bytes=limits.KEY_REQUEST + 64)
class FirstContact(UntrustedMessage):
    """Body of `POST /key`."""

    request: Annotated[bytes, AtMost(limits.KEY_REQUEST)]
    now_ms: Uint


@message("first-contact-answer/1", max_bytes=limits.KEY_REQUEST + 64)
class FirstContactAnswer(EnclaveMessage):
    """Signed key answer, sealed to the client's reply key."""

    sealed: Annotated[bytes, AtMost(limits.KEY_REQUEST)]


@message("show-evidence/1", max_bytes=256)
class ShowEvidence(UntrustedMessage):
    """Ask for fresh evidence."""

    nonce: Annotated[bytes, AtMost(limits.NONCE)]


@message("evidence-answer/1", max_bytes=4 * limits.EVIDENCE + 64)
class Evidence(EnclaveMessage):
    """Encoded `NodeEvidence` over the nonce."""

    evidence: Annotated[bytes, AtMost(4 * limits.EVIDENCE)]


@message("read-request/1", max_bytes=limits.ENVELOPE + 64)
class Read(UntrustedMessage):
    """An envelope that needs no order."""

    envelope: Annotated[bytes, AtMost(limits.ENVELOPE)]
    now_ms: Uint


@message("read-reply/1", max_bytes=2 * limits.ENTRY + 128)
class Answer(EnclaveMessage):
    """Encoded `SealedReadAnswer`."""

    sealed: Annotated[bytes, AtMost(2 * limits.ENTRY)]


@message("status/1", max_bytes=64)
class Status(UntrustedMessage):
    """Ask how the enclave is."""


@message("status-answer/1", max_bytes=1024)
class StatusAnswer(EnclaveMessage):
    """Counts only; nothing of any one client.

    Attributes:
        lifecycle: name of the state.
        height: of the last block.
        epoch: whose keys are in use.
        values: state values.
        pending: tasks accepted and not finished.
        running: tasks in the sandbox now.
    """

    lifecycle: Annotated[str, AtMost(20)]
    height: Uint
    epoch: Uint32
    values: Uint
    pending: Uint
    running: Uint


@message("drain/1", max_bytes=64)
class Drain(UntrustedMessage):
    """Stop: no new block; guests are ended, their tasks stay pending."""


HOST_REQUESTS: Final[dict[str, type[UntrustedMessage]]] = {
    cls.WIRE_NAME: cls
    for cls in (
        Provision,
        LoadState,
        Serve,
        ApplyBlock,
        Committed,
        FirstContact,
        ShowEvidence,
        Read,
        Status,
        Drain,
    )
}
