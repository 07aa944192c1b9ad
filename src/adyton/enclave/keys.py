"""The key manager: root, epochs, and every key that follows from them.

Two trees, because whoever holds one root for all could open every old ciphertext: the durable root keys what must
survive, an epoch secret keys traffic and what may be lost. The epoch is in every derivation below it.
"""

from __future__ import annotations

from typing import Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, MacKey, SivKey, derive, derive_into, hpke_public
from adyton.core.errors import Error, InvariantError, PolicyError, UsageError, VerificationError
from adyton.core.recent import Recent
from adyton.enclave.sealing import EpochSecret, Root
from adyton.protocol.derived import seal_derived
from adyton.protocol.envelope import epoch_bytes
from adyton.protocol.genesis import Genesis

_SERVER_KEYS_CACHED: Final = 4096
_CONTRACT_KEYS_CACHED: Final = 1024
_DAY_MS: Final = 24 * 3600 * 1000
TICKET_UNIQUE: Final = 12


class Keys:
    """Keys of one chain, for as long as the enclave runs.

    Args:
        root: opened or new root.
    """

    def __init__(self, root: Root) -> None:
        self.genesis = Genesis.decode(root.genesis)
        self.chain_id = self.genesis.chain_id()
        self.incarnation = root.incarnation
        self.state_names_seed = derive(root.root, Context.KDF_STATE_NAMES, self.chain_id)
        self.durable = SivKey(root.root, Context.KDF_STATE_DURABLE, self.chain_id)
        self._contracts_secret = derive(root.root, Context.KDF_CONTRACTS, self.chain_id)
        self._contracts = Recent[bytes, SivKey](_CONTRACT_KEYS_CACHED)
        self.modules = SivKey(root.root, Context.KDF_MODULES, self.chain_id)
        self._wallets = bytearray(32)
        derive_into(self._wallets, root.root, Context.KDF_WALLETS, self.chain_id)
        self.pseudonyms = derive(root.root, Context.KDF_PSEUDONYMS, self.chain_id)
        self._nobody = (-1, b"")  # epoch, public key
        self._transient: dict[int, SivKey] = {}
        self._tickets: dict[int, SivKey] = {}
        self._unique: dict[int, MacKey] = {}
        self._intake: dict[int, HpkeKey] = {}
        self._finish: dict[int, SivKey] = {}
        self._server = Recent[tuple[int, bytes], HpkeKey](_SERVER_KEYS_CACHED)
        self._held: dict[int, EpochSecret] = {}
        self._open: frozenset[int] = frozenset()
        self._changes_at = 0
        self.epoch = 0
        self.follow(root, 0)

    # --- epochs ---------------------------------------------------------------------------------

    def follow(self, root: Root, height: int) -> None:
        """Take up the root's epochs, as they stand at `height`."""
        self._held = {one.epoch: one for one in root.epochs}
        self.node = HpkeKey(root.node_secret)
        self._changes_at = height
        self.reach(height)

    def reach(self, height: int) -> None:
        """Use the keys of the block at `height`: an epoch may begin with it, and another may have ended."""
        if height < self._changes_at:
            return
        held = self._held.values()
        self.epoch = max((one.epoch for one in held if one.from_height <= height), default=0)
        ends = {
            one.epoch: limits.UINT_MAX if one.to_height is None else one.to_height for one in held
        }
        self._open = frozenset(
            one.epoch for one in held if one.from_height <= height <= ends[one.epoch]
        )
        changes = [one.from_height for one in held] + [end + 1 for end in ends.values()]
        self._changes_at = min(at for at in changes if at > height)
        self._forget_ended()

    def _forget_ended(self) -> None:
        for cache in (self._tickets, self._unique, self._intake, self._finish):
            # A runner's thread may put a key there meanwhile; the copy is made in one step.
            for epoch in [epoch for epoch in list(cache) if epoch not in self._open]:
                cache.pop(epoch, None)
        for epoch in [epoch for epoch in self._transient if epoch not in self._held]:
            self._transient.pop(epoch, None)
        for name in [name for name in self._server if name[0] not in self._open]:
            self._server.pop(name)

    def epoch_heights(self, epoch: int) -> tuple[int, int | None]:
        """Return an open epoch's first height and, once known, the last at which its keys are accepted.

        Raises:
            PolicyError: the epoch is not open.
        """
        self._secret(epoch)
        held = self._held[epoch]
        return held.from_height, held.to_height

    def _secret(self, epoch: int) -> bytes:
        if epoch not in self._open:
            raise PolicyError("wrong_epoch", f"epoch {epoch} is not open")
        return self._held[epoch].secret

    def transient(self, epoch: int) -> SivKey:
        """Return the key of transient state of `epoch`, which is held until no value is left under it.

        Raises:
            PolicyError: the epoch's secret is not held, or not yet to be used.
        """
        key = self._transient.get(epoch)
        if key is None:
            held = self._held.get(epoch)
            if held is None or epoch > self.epoch:
                raise PolicyError("wrong_epoch", f"the secret of epoch {epoch} is not held")
            key = SivKey(
                held.secret, Context.KDF_STATE_TRANSIENT, self.chain_id, epoch_bytes(epoch)
            )
            self._transient[epoch] = key
        return key

    def contract_state(self, address: bytes) -> SivKey:
        """Return the key of one contract's stored values."""
        key = self._contracts.get(address)
        if key is None:
            key = SivKey(self._contracts_secret, Context.KDF_CONTRACT_STATE, address)
            self._contracts.put(address, key)
        return key

    def contract_random(self, exec_id: bytes, place: int, size: int) -> bytes:
        """Return `size` bytes, at most 8,160, that nobody could foresee before the execution; `place` counts them."""
        secret = self._secret(self.epoch)
        counted = place.to_bytes(4, "big")
        return derive(secret, Context.KDF_CONTRACT_RANDOM, exec_id, counted, size=size)

    def move_wallets_secret(self, into: memoryview) -> None:
        """Move the secret that wallets' keys follow from, 32 bytes, to locked memory; nothing stays here.

        Raises:
            InvariantError: it was moved before.
        """
        if not self._wallets:
            raise InvariantError("invariant", "the wallets' secret is held elsewhere")
        into[:] = self._wallets
        self._wallets[:] = bytes(len(self._wallets))
        self._wallets = bytearray()

    def seal_derived(self, exec_id: bytes, index: int, recipient: bytes, plaintext: bytes) -> bytes:
        """Seal to a public key inside of execution; see `protocol/derived.py`."""
        return seal_derived(self._secret(self.epoch), exec_id, index, recipient, plaintext)

    def nobody(self) -> bytes:
        """Return the public key to which is sealed what is for nobody."""
        if self._nobody[0] != self.epoch:
            place = (self.chain_id, epoch_bytes(self.epoch))
            secret = derive(self._secret(self.epoch), Context.KDF_NOBODY, *place)
            self._nobody = (self.epoch, hpke_public(secret))
        return self._nobody[1]

    def ranges(self) -> bytes:
        """Return what hides the birthdays that range proofs of this epoch commit to, 32 bytes.

        It goes with the epoch: once that is erased, nobody finds a birthday in a commitment by trying.
        """
        place = (self.chain_id, epoch_bytes(self.epoch))
        return derive(self._secret(self.epoch), Context.KDF_RANGES, *place)

    def intake(self, epoch: int) -> HpkeKey:
        """Return the key that first contacts are sealed to.

        Raises:
            PolicyError: the epoch is not open.
        """
        key = self._intake.get(epoch)
        if key is None:
            key = self._intake[epoch] = intake_key(self._secret(epoch), self.chain_id, epoch)
        return key

    def server(self, epoch: int, client_key: bytes) -> HpkeKey:
        """Return the server key of one client: derived, so that repeated and parallel calls agree.

        Raises:
            PolicyError: the epoch is not open.
        """
        name = (epoch, client_key)
        key = self._server.get(name)
        if key is None:
            place = (self.chain_id, epoch_bytes(epoch))
            key = HpkeKey(derive(self._secret(epoch), Context.KDF_SERVER, *place, client_key))
            self._server.put(name, key)
        return key

    def finish(self, epoch: int) -> SivKey:
        """Return the key under which a runner tells the machine what a run cost."""
        key = self._finish.get(epoch)
        if key is None:
            secret = self._secret(epoch)
            key = SivKey(secret, Context.KDF_FINISH, self.chain_id, epoch_bytes(epoch))
            self._finish[epoch] = key
        return key

    def _ticket_key(self, epoch: int) -> SivKey:
        key = self._tickets.get(epoch)
        if key is None:
            secret = self._secret(epoch)
            key = SivKey(secret, Context.KDF_TICKET, self.chain_id, epoch_bytes(epoch))
            self._tickets[epoch] = key
        return key

    def issue_ticket(
        self, client_key: bytes, time_ms: int, unique: bytes, epoch: int | None = None
    ) -> bytes:
        """Return a ticket: client key, day of issue and twelve unique bytes, sealed, 64 bytes.

        The host chooses the clock that a ticket is judged by, and could find the time of issue by trying: so a ticket
        knows its day and no more.

        Args:
            client_key: whom it names.
            time_ms: block time, or the host's clock outside of blocks.
            unique: 12 bytes that no other ticket of this client has.
            epoch: whose server key the client holds; None: the current one.

        Raises:
            PolicyError: the epoch is not open.
            UsageError: a time that no ticket can name.
        """
        hour = time_ms // _DAY_MS
        if hour >= 2**32:
            raise UsageError("bad_argument", "a time that no ticket can name")
        named = client_key + hour.to_bytes(4, "big") + unique
        key = self._ticket_key(self.epoch if epoch is None else epoch)
        return key.seal(named, Context.AD_TICKET)

    def ticket_from(self, client_key: bytes, time_ms: int, exec_id: bytes, epoch: int) -> bytes:
        """Return the ticket that a response carries: of its envelope's epoch, unique because its execution is."""
        key = self._unique.get(self.epoch)
        if key is None:
            key = self._unique[self.epoch] = MacKey(self._secret(self.epoch))
        unique = key.mac(Context.TICKET_UNIQUE, exec_id)[:TICKET_UNIQUE]
        return self.issue_ticket(client_key, time_ms, unique, epoch)

    def open_ticket(self, unverified: bytes, epoch: int, now_ms: int) -> tuple[bytes, int]:
        """Return the client key that a ticket names, and when the ticket ends in milliseconds.

        Raises:
            PolicyError: the epoch is not open, or the ticket has ended.
            VerificationError: not a ticket of this chain and epoch, or from the future.
        """
        key = self._ticket_key(epoch)
        try:
            plain = key.open(unverified, Context.AD_TICKET)
        except Error as problem:
            raise VerificationError("ticket_invalid", "not a ticket of this epoch") from problem
        issued_ms = int.from_bytes(plain[32:36], "big") * _DAY_MS
        ends_ms = issued_ms + limits.TICKET_LIFETIME_S * 1000
        if now_ms >= ends_ms:
            raise PolicyError("ticket_expired", "the ticket has ended")
        if issued_ms > now_ms + _DAY_MS:
            raise VerificationError("ticket_invalid", "the ticket is from the future")
        return plain[:32], ends_ms


def intake_key(secret: bytes, chain_id: bytes, epoch: int) -> HpkeKey:
    """Return the key of first contact that follows from an epoch's secret."""
    return HpkeKey(derive(secret, Context.KDF_INTAKE, chain_id, epoch_bytes(epoch)))
