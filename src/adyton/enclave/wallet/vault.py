"""The vault: wallets' private keys, wrapped in the state and unwrapped in locked memory alone.

Protected against what outlives the process or leaves it unnoticed: swap, core files, forked children, freed and reused
memory of the interpreter. Not against whoever reads this process while it runs: the chain's root, from which the
wallets' secret follows, came through ordinary memory when the chain was opened. What a client imports or is given as
an export travels in its request or its answer, and has copies there that nobody can wipe.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.errors import Error, UnavailableError, UsageError
from adyton.enclave.keys import Keys
from adyton.enclave.wallet.derivation import (
    PRIVATE_KEY,
    Derivation,
    require_private_key,
)
from adyton.enclave.wallet.locked_hash import LockedHash
from adyton.enclave.wallet.locked_memory import LockedMemory
from adyton.enclave.wallet.phrases import PHRASE, stretch, write_phrase
from adyton.enclave.wallet.wrapping import (
    HD,
    KEY,
    MNEMONIC,
    RANDOM,
    STRETCHED,
    Wrapping,
)
from adyton.protocol.ethereum.address import address_of
from adyton.protocol.ethereum.mnemonic import passphrase_salt, read_entropy
from adyton.protocol.ethereum.signature import public_key

_WORK: Final = 8 * limits.KIB  # of locked memory, for what is done at one time
_SECRET: Final = 32
ENTROPY: Final = 32  # bytes that a client adds
WORDS: Final = {12: 16, 24: 32}  # of a new phrase, and the bytes they stand for


@dataclass(eq=False, slots=True)
class HotKey:
    """An account's key at hand.

    Attributes:
        secret: private key, 32 bytes of locked memory; valid only while it is lent.
        public: uncompressed public key, 65 bytes.
        address: of it.
    """

    secret: memoryview = field(repr=False)
    public: bytes
    address: bytes
    lent: int = 0


@dataclass(frozen=True, slots=True)
class Exported:
    """A secret on its way to its owner; what does not apply is empty.

    Attributes:
        kind: of the wallet.
        phrase: English words.
        passphrase: that the phrase was imported with.
        key: private key, 32 bytes.
    """

    kind: str
    phrase: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    key: bytes = field(default=b"", repr=False)


class Vault:
    """Makes, unwraps and uses the private keys of one chain's wallets.

    Everything but the cache follows from its arguments and the chain's root alone: equal blocks leave equal bytes. May
    be used from any thread; one at a time gets in.

    Args:
        keys: whose wallets' secret moves here; they make one vault.
        hot: accounts whose keys are kept at hand, the last used ones.

    Raises:
        UnavailableError: `memory_unlocked`, the system locks no memory; then nothing but wallets is unavailable.
    """

    def __init__(self, keys: Keys, *, hot: int = limits.WALLET_ACCOUNTS_HOT) -> None:
        self._memory = LockedMemory(hot * PRIVATE_KEY + _WORK)
        self._secret = self._memory.take(_SECRET)
        keys.move_wallets_secret(self._secret)
        self._hashing = LockedHash(self._memory)
        self._wrapping = Wrapping(self._memory, self._hashing, self._secret)
        self._derivation = Derivation(self._memory, self._hashing)
        self._capacity = hot
        self._hot: OrderedDict[tuple[bytes, bytes, int], HotKey] = OrderedDict()
        self._lock = RLock()

    def __repr__(self) -> str:
        return "<Vault>"

    # --- wallets --------------------------------------------------------------------------------

    def make(
        self, wallet_id: bytes, request_id: bytes, entropy: bytes, *, words: int | None = None
    ) -> bytes:
        """Return the wrapped secret of a new wallet: equal arguments give an equal one.

        Args:
            wallet_id: 32 bytes.
            request_id: of the request that makes it.
            entropy: the client's own, 32 bytes: whoever knows the root alone cannot tell the seed.
            words: of a wallet with a phrase, 12 or 24; None makes a random one.

        Raises:
            UsageError: another size of entropy or phrase.
        """
        if len(entropy) != ENTROPY:
            raise UsageError("bad_argument", f"a wallet is made with {ENTROPY} bytes of entropy")
        if words is not None and words not in WORDS:
            raise UsageError("bad_argument", "a new phrase has 12 or 24 words")
        with self._lock, self._memory.slot(ENTROPY) as seed:
            named = (wallet_id, request_id, entropy, bytes((words or 0,)))
            self._hashing.derive(self._secret, seed, Context.KDF_WALLET_SEED, *named)
            if words is None:
                return self._wrapping.wrap(wallet_id, RANDOM, seed)
            return self._wrap_phrase(wallet_id, HD, seed[: WORDS[words]], "")

    def import_key(self, wallet_id: bytes, key: bytes) -> bytes:
        """Return the wrapped form of a private key.

        Raises:
            UsageError: not 32 bytes, or no private key.
        """
        if len(key) != PRIVATE_KEY:
            raise UsageError("bad_argument", "a private key has 32 bytes")
        with self._lock, self._copied(key) as body:
            require_private_key(body)
            return self._wrapping.wrap(wallet_id, KEY, body)

    def import_mnemonic(self, wallet_id: bytes, phrase: str, passphrase: str = "") -> bytes:
        """Return the wrapped form of an English phrase and its passphrase.

        Raises:
            UsageError: no English phrase, or a passphrase over `limits.WALLET_PASSPHRASE` bytes.
        """
        with self._lock, self._memory.slot(32) as entropy:
            size = read_entropy(phrase, entropy)
            return self._wrap_phrase(wallet_id, MNEMONIC, entropy[:size], passphrase)

    def export(self, wallet_id: bytes, wrapped: bytes, account: int | None = None) -> Exported:
        """Return the secret that a wallet was made or imported with, or the key of one account.

        Raises:
            VerificationError: `unopenable`, of another wallet or chain, or altered.
            UsageError: the wallet has no such account, or a random wallet and no account.
        """
        with self._lock, self._wrapping.unwrapped(wallet_id, wrapped) as (kind, body):
            if account is None and kind == KEY:
                account = 0
            if account is not None:
                return Exported(kind, key=bytes(self._key(wallet_id, wrapped, account).secret))
            if kind == RANDOM:
                raise UsageError(
                    "bad_argument", "a random wallet has no phrase; export its accounts one by one"
                )
            end = 1 + body[0]
            with self._memory.slot(PHRASE) as phrase:
                size = write_phrase(body[1:end], phrase)
                return Exported(
                    kind, str(phrase[:size], "ascii"), str(body[end + STRETCHED :], "utf-8")
                )

    # --- accounts -------------------------------------------------------------------------------

    def public_key(self, wallet_id: bytes, wrapped: bytes, account: int) -> bytes:
        """Return the uncompressed public key of an account, 65 bytes.

        Raises:
            VerificationError: `unopenable`, of another wallet or chain, or altered.
            UsageError: the wallet has no such account.
        """
        with self._lock:
            return self._key(wallet_id, wrapped, account).public

    @contextmanager
    def key(self, wallet_id: bytes, wrapped: bytes, account: int) -> Iterator[HotKey]:
        """Lend an account's key for the length of a `with`; errors as `public_key`."""
        with self._lock:
            key = self._key(wallet_id, wrapped, account)
            key.lent += 1
            try:
                yield key
            finally:
                key.lent -= 1

    def close(self) -> None:
        """Wipe everything; the vault is of no use any more. A second call does nothing."""
        with self._lock:
            self._hot.clear()
            self._memory.close()

    # --- details --------------------------------------------------------------------------------

    def _key(self, wallet_id: bytes, wrapped: bytes, account: int) -> HotKey:
        # The wrapped secret is in the name: what is at hand was unwrapped from these very bytes.
        name = (wallet_id, wrapped, account)
        key = self._hot.get(name)
        if key is not None:
            self._hot.move_to_end(name)
            return key
        with self._wrapping.unwrapped(wallet_id, wrapped) as (kind, body):
            self._make_room()
            secret = self._memory.take(PRIVATE_KEY)
            try:
                self._derivation.account(kind, body, account, secret)
                public = public_key(secret)
                key = HotKey(secret, public, address_of(public))
            except Error:
                self._memory.give_back(secret)
                raise
        self._hot[name] = key
        return key

    def _make_room(self) -> None:
        if len(self._hot) < self._capacity:
            return
        for name, key in self._hot.items():
            if not key.lent:
                self._memory.give_back(self._hot.pop(name).secret)
                return
        raise UnavailableError("overloaded", "every key at hand is in use")

    def _wrap_phrase(
        self, wallet_id: bytes, kind: str, entropy: memoryview, passphrase: str
    ) -> bytes:
        salt = passphrase_salt(passphrase)
        extra = salt[len(passphrase_salt("")) :]
        if len(extra) > limits.WALLET_PASSPHRASE:
            raise UsageError(
                "bad_argument", f"a passphrase has at most {limits.WALLET_PASSPHRASE} bytes"
            )
        end = 1 + len(entropy)
        with self._memory.slot(end + STRETCHED + len(extra)) as body:
            body[0] = len(entropy)
            body[1:end] = entropy
            stretch(self._memory, entropy, salt, body[end : end + STRETCHED])
            body[end + STRETCHED :] = extra
            return self._wrapping.wrap(wallet_id, kind, body)

    @contextmanager
    def _copied(self, imported: bytes) -> Iterator[memoryview]:
        with self._memory.slot(len(imported)) as body:
            body[:] = imported
            yield body
