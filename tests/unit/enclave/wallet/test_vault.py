"""Wallets in the vault: the same keys as everybody else derives, wrapped for one wallet, and nothing to be seen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from adyton.core import limits
from adyton.core.errors import InvariantError, UnavailableError, UsageError, VerificationError
from adyton.enclave.keys import Keys
from adyton.enclave.wallet.vault import Vault
from adyton.protocol.ethereum.address import address_of, checksummed
from adyton.protocol.ethereum.hd import HARDENED, account_path, master
from adyton.protocol.ethereum.mnemonic import entropy_of, seed_of
from adyton.protocol.ethereum.signature import ORDER, public_key, recover
from tests.unit.enclave.test_keys import root
from tests.vault_kit import ENTROPY, OTHER, REQUEST, WALLET, sign_with, vault
from tests.wallet_vectors import cases, steps_of, unhex

PHRASE = "test test test test test test test test test test test junk"
DIGEST = bytes(range(32))


@pytest.fixture
def held() -> Iterator[Vault]:
    made = vault()
    yield made
    made.close()


def imported(vault: Vault) -> dict[str, bytes]:
    """A wallet of each kind, wrapped."""
    return {
        "random": vault.make(WALLET, REQUEST, ENTROPY),
        "hd": vault.make(WALLET, REQUEST, ENTROPY, words=24),
        "key": vault.import_key(WALLET, b"k" * 32),
        "mnemonic": vault.import_mnemonic(WALLET, PHRASE, "é"),
    }


def test_every_kind_signs_with_the_key_it_exports(held: Vault) -> None:
    for kind, wrapped in imported(held).items():
        exported = held.export(WALLET, wrapped, 0)
        assert exported.kind == kind
        public = held.public_key(WALLET, wrapped, 0)
        assert public == public_key(exported.key)
        signature = sign_with(held, wrapped, 0, DIGEST)
        assert recover(DIGEST, signature) == public
        with held.key(WALLET, wrapped, 0) as key:
            assert (bytes(key.secret), key.public) == (exported.key, public)


def test_what_goes_in_comes_out(held: Vault) -> None:
    wrapped = imported(held)
    assert held.export(WALLET, wrapped["key"]).key == b"k" * 32
    phrase = held.export(WALLET, wrapped["mnemonic"])
    assert (phrase.phrase, phrase.passphrase) == (PHRASE, "e\u0301")
    made = held.export(WALLET, wrapped["hd"])
    assert len(entropy_of(made.phrase)) == 32
    assert made.passphrase == ""
    twelve = held.export(WALLET, held.make(WALLET, REQUEST, ENTROPY, words=12)).phrase
    assert len(entropy_of(twelve)) == 16
    assert not made.phrase.startswith(twelve)
    with pytest.raises(UsageError, match="one by one"):
        held.export(WALLET, wrapped["random"])


def test_a_phrase_has_the_accounts_that_every_wallet_shows_for_it(held: Vault) -> None:
    wrapped = held.import_mnemonic(WALLET, PHRASE)
    public = held.public_key(WALLET, wrapped, 0)
    address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert checksummed(address_of(public)) == address
    made = held.make(WALLET, REQUEST, ENTROPY, words=12)
    seed = seed_of(held.export(WALLET, made).phrase)
    for number in (0, 1, HARDENED - 1):
        key = master(seed).derive(account_path(number))
        assert held.export(WALLET, made, number).key == key.secret


def test_bip39_vectors(held: Vault) -> None:
    for _, _, phrase, seed, _ in cases("bip39"):
        wrapped = held.import_mnemonic(WALLET, phrase, "TREZOR")
        key = master(unhex(seed)).derive(account_path(0)).secret
        assert held.export(WALLET, wrapped, 0).key == key
        assert held.export(WALLET, wrapped).phrase == phrase


def test_trezor_addresses(held: Vault) -> None:
    looked = []
    for case in cases("trezor-getaddress"):
        given, steps = case["setup"], steps_of(case["parameters"]["path"])
        if len(steps) != 5 or steps != account_path(steps[-1]):
            continue  # where no account of ours lies
        wrapped = held.import_mnemonic(WALLET, given["mnemonic"], given["passphrase"])
        public = held.public_key(WALLET, wrapped, steps[-1])
        assert checksummed(address_of(public)) == case["result"]["address"]
        looked.append(steps[-1])
    assert looked == [0, 100]


def test_equal_roots_make_equal_wallets() -> None:
    one, two, foreign = vault(), vault(), vault(root=b"f" * 32)
    assert imported(one) == imported(two)
    for kind, wrapped in imported(one).items():
        assert one.public_key(WALLET, wrapped, 0) == two.public_key(WALLET, wrapped, 0)
        with pytest.raises(VerificationError, match="does not open"):
            foreign.public_key(WALLET, wrapped, 0)
        assert imported(foreign)[kind] != wrapped
    for made in (one, two, foreign):
        made.close()


def test_every_argument_makes_another_wallet(held: Vault) -> None:
    wrapped = [
        (WALLET, held.make(WALLET, REQUEST, ENTROPY)),
        (WALLET, held.make(WALLET, b"R" * 32, ENTROPY)),
        (WALLET, held.make(WALLET, REQUEST, b"E" * 32)),
        (WALLET, held.make(WALLET, REQUEST, ENTROPY, words=24)),
        (OTHER, held.make(OTHER, REQUEST, ENTROPY)),
    ]
    keys = {
        held.public_key(wallet, secret, number) for wallet, secret in wrapped for number in range(3)
    }
    assert len(keys) == 15


def test_a_secret_is_of_one_wallet(held: Vault) -> None:
    for wrapped in imported(held).values():
        held.public_key(WALLET, wrapped, 0)  # at hand, which must not help
        for ask in (held.public_key, held.export):
            with pytest.raises(VerificationError, match="does not open") as refusal:
                ask(OTHER, wrapped, 0)
            assert refusal.value.code == "unopenable"


def test_an_altered_secret_does_not_open(held: Vault) -> None:
    for wrapped in imported(held).values():
        held.public_key(WALLET, wrapped, 0)
        for at in range(len(wrapped)):
            altered = bytearray(wrapped)
            altered[at] ^= 1
            with pytest.raises(VerificationError, match="does not open"):
                held.public_key(WALLET, bytes(altered), 0)
        for short in (wrapped[:-1], wrapped + b"\0"):
            with pytest.raises(VerificationError, match="does not open"):
                held.export(WALLET, short)
    for size in (0, 16, 17, limits.WALLET_SECRET + 1):
        with pytest.raises(VerificationError):
            held.export(WALLET, bytes(size))


@pytest.mark.parametrize("key", [b"", b"k" * 31, b"k" * 33, bytes(32), ORDER.to_bytes(32, "big")])
def test_what_is_no_private_key(held: Vault, key: bytes) -> None:
    with pytest.raises(UsageError, match="private key"):
        held.import_key(WALLET, key)


def test_what_is_refused(held: Vault) -> None:
    wrapped = imported(held)
    refused = [
        ("random", -1, "number is from"),
        ("random", HARDENED, "number is from"),
        ("key", 1, "number 0"),
        ("key", -1, "number is from"),
        ("hd", HARDENED, "number is from"),
        ("mnemonic", -1, "number is from"),
    ]
    for kind, account, why in refused:
        with pytest.raises(UsageError, match=why):
            held.public_key(WALLET, wrapped[kind], account)
    for size in (0, 31, 33):
        with pytest.raises(UsageError, match="entropy"):
            held.make(WALLET, REQUEST, bytes(size))
    with pytest.raises(UsageError, match="12 or 24"):
        held.make(WALLET, REQUEST, ENTROPY, words=15)
    with pytest.raises(UsageError, match="checksum"):
        held.import_mnemonic(WALLET, PHRASE.replace("junk", "test"))
    with pytest.raises(UsageError, match="id has 32"):
        held.make(b"w", REQUEST, ENTROPY)
    held.import_mnemonic(WALLET, PHRASE, "a" * limits.WALLET_PASSPHRASE)
    with pytest.raises(UsageError, match="at most 256 bytes"):
        held.import_mnemonic(WALLET, PHRASE, "a" * (limits.WALLET_PASSPHRASE + 1))


def test_refusals_leave_no_slot_taken(held: Vault) -> None:
    wrapped = held.make(WALLET, REQUEST, ENTROPY)
    for _ in range(2000):
        with pytest.raises(UsageError):
            held.public_key(WALLET, wrapped, -1)
        with pytest.raises(VerificationError):
            held.public_key(OTHER, wrapped, 0)
        with pytest.raises(UsageError):
            held.import_key(WALLET, bytes(32))
    assert held.public_key(WALLET, wrapped, 0)


def test_keys_at_hand_are_bounded_and_come_back() -> None:
    held = vault(hot=4)
    wrapped = held.make(WALLET, REQUEST, ENTROPY)
    first = [held.public_key(WALLET, wrapped, number) for number in range(600)]
    assert [held.public_key(WALLET, wrapped, number) for number in range(600)] == first
    with held.key(WALLET, wrapped, 0) as lent:
        secret = bytes(lent.secret)
        for number in range(1, 9):
            held.public_key(WALLET, wrapped, number)
        assert bytes(lent.secret) == secret
    view = lent.secret
    for number in range(1, 9):
        held.public_key(WALLET, wrapped, number)
    with pytest.raises(ValueError, match="released"):
        view[0]
    held.close()


def test_all_keys_lent_is_an_answer() -> None:
    held = vault(hot=1)
    wrapped = held.make(WALLET, REQUEST, ENTROPY)
    with (
        held.key(WALLET, wrapped, 0),
        pytest.raises(UnavailableError, match="in use"),
        held.key(WALLET, wrapped, 1),
    ):
        pass
    held.close()


def test_threads_take_turns(held: Vault) -> None:
    wrapped = held.make(WALLET, REQUEST, ENTROPY, words=12)
    public = [held.public_key(WALLET, wrapped, number) for number in range(32)]
    wrong: list[int] = []

    def use(first: int) -> None:
        for number in range(first, first + 96):
            number %= 32
            signature = sign_with(held, wrapped, number, DIGEST)
            if recover(DIGEST, signature) != public[number]:
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(first,)) for first in (0, 9, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_closed_vault_does_nothing() -> None:
    held = vault()
    wrapped = held.make(WALLET, REQUEST, ENTROPY)
    with held.key(WALLET, wrapped, 0) as key:
        view = key.secret
    held.close()
    held.close()
    with pytest.raises(ValueError, match="released"):
        bytes(view)
    uses: tuple[Callable[[], object], ...] = (
        lambda: held.public_key(WALLET, wrapped, 0),
        lambda: held.make(WALLET, REQUEST, ENTROPY),
        lambda: held.import_key(WALLET, b"k" * 32),
        lambda: held.import_mnemonic(WALLET, PHRASE),
    )
    for use in uses:
        with pytest.raises(UnavailableError, match="closed"):
            use()


def test_keys_make_one_vault() -> None:
    keys = Keys(root())
    held = Vault(keys)
    with pytest.raises(InvariantError, match="held elsewhere"):
        Vault(keys)
    held.close()


def test_nothing_shows(held: Vault) -> None:
    wrapped = imported(held)
    shown = repr(held) + str(held)
    for kind, secret in wrapped.items():
        exported = held.export(WALLET, secret, 0)
        assert exported.key.hex() not in repr(exported)
        assert str(exported.key) not in repr(exported)
        if kind != "random":
            whole = held.export(WALLET, secret)
            assert repr(whole) == f"Exported(kind='{kind}')"
        with held.key(WALLET, secret, 0) as key:
            shown += repr(key)
    assert "memory" not in shown
    assert shown.startswith("<Vault><Vault>")
