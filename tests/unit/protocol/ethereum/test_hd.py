"""Seeds and derived keys against the published vectors; the English list; what is no phrase and no path."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import address_of, checksummed
from adyton.protocol.ethereum.english import ENGLISH
from adyton.protocol.ethereum.hd import HARDENED, HdKey, account_path, master
from adyton.protocol.ethereum.mnemonic import entropy_of, phrase_of, seed_of, stretched
from adyton.protocol.ethereum.signature import public_key
from tests.wallet_vectors import cases, steps_of, unhex

PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def unpacked(extended: str) -> HdKey:
    """Read an `xprv`: version, depth, fingerprint, index, chain code, 0x00 and key, checksum."""
    number = 0
    for digit in extended:
        number = number * 58 + _BASE58.index(digit)
    data = number.to_bytes(82, "big")
    assert hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]
    assert data[:4] == bytes.fromhex("0488ade4")
    assert data[45] == 0
    return HdKey(data[46:78], data[13:45], data[4], int.from_bytes(data[9:13], "big"))


def test_the_list_is_the_published_one() -> None:
    joined = "".join(f"{word}\n" for word in ENGLISH).encode()
    assert hashlib.sha256(joined).hexdigest() == (
        "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
    )


@given(st.sampled_from((16, 20, 24, 28, 32)).flatmap(lambda n: st.binary(min_size=n, max_size=n)))
def test_phrases_round_trip(entropy: bytes) -> None:
    phrase = phrase_of(entropy)
    assert len(phrase.split()) == len(entropy) * 3 // 4
    assert entropy_of(phrase) == entropy


def test_bip39_vectors() -> None:
    for _, entropy, phrase, seed, extended in cases("bip39"):
        assert phrase_of(unhex(entropy)) == phrase
        assert entropy_of(phrase) == unhex(entropy)
        assert seed_of(phrase, "TREZOR") == unhex(seed)
        assert master(unhex(seed)) == unpacked(extended)


def test_bip32_vectors() -> None:
    for case in cases("bip32"):
        key = master(unhex(case["seed"])).derive(steps_of(case["path"]))
        assert key == unpacked(case["xprv"]), case


def test_ethers_mnemonics() -> None:
    """Ten languages: the seed of each phrase, and six keys out of each."""
    nodes = english = 0
    for case in cases("ethers-mnemonics"):
        phrase = unhex(case["phrase"]).decode()
        seed = stretched(phrase, unhex(case["password"]).decode())
        assert seed == unhex(case["seed"]), case["name"]
        if case["locale"] == "en":
            assert phrase_of(unhex(case["entropy"])) == phrase
            assert entropy_of(phrase) == unhex(case["entropy"])
            english += 1
        for node in case["nodes"]:
            key = master(seed).derive(steps_of(node["path"]))
            assert key == unpacked(node["xpriv"]), (case["name"], node["path"])
            assert key.secret == unhex(node["privateKey"])
            nodes += 1
    assert nodes == 1278
    assert english


def test_trezor_addresses() -> None:
    for case in cases("trezor-getaddress"):
        seed = seed_of(case["setup"]["mnemonic"], case["setup"]["passphrase"])
        key = master(seed).derive(steps_of(case["parameters"]["path"]))
        assert checksummed(address_of(public_key(key.secret))) == case["result"]["address"]


def test_accounts_lie_where_wallets_look_for_them() -> None:
    assert account_path(3) == steps_of("m/44'/60'/0'/0/3")
    # The first account of the phrase that every development chain has.
    seed = seed_of("test test test test test test test test test test test junk")
    key = master(seed).derive(account_path(0))
    address = checksummed(address_of(public_key(key.secret)))
    assert address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    for wrong in (-1, HARDENED):
        with pytest.raises(UsageError, match="account's number"):
            account_path(wrong)


def test_passphrases_are_normalised() -> None:
    assert seed_of(PHRASE, "é") == seed_of(PHRASE, "e\u0301") != seed_of(PHRASE, "e")


def test_secrets_do_not_show() -> None:
    key = master(bytes(16))
    assert key.secret.hex() not in repr(key)
    assert repr(key) == "HdKey(depth=0, index=0)"


WORDS = PHRASE.split()


@pytest.mark.parametrize(
    ("phrase", "why"),
    [
        ("", "12, 15, 18, 21 or 24 words"),
        (" ".join(WORDS[:-1]), "12, 15, 18, 21 or 24 words"),
        (" ".join(WORDS * 3), "12, 15, 18, 21 or 24 words"),
        (PHRASE.replace(" ", "  ", 1), "12, 15, 18, 21 or 24 words"),
        (PHRASE + " ", "12, 15, 18, 21 or 24 words"),
        (PHRASE.replace("legal", "legla", 1), "word 1 is not in the English list"),
        (PHRASE.replace("yellow", "Yellow"), "word 12 is not"),
        (PHRASE.replace("yellow", "year"), "checksum is wrong"),
        (" ".join([WORDS[1], WORDS[0], *WORDS[2:]]), "checksum is wrong"),
        ("a" * 1025, "over 1024"),
        ("\ud800", "surrogate"),
    ],
)
def test_what_is_no_phrase(phrase: str, why: str) -> None:
    for take in (entropy_of, seed_of):
        with pytest.raises(UsageError, match=why) as refusal:
            take(phrase)
        assert "legla" not in refusal.value.message
        assert refusal.value.__cause__ is None


def test_texts_without_an_encoding() -> None:
    for passphrase, why in (("\udfff", "surrogate"), ("a" * 1025, "over 1024")):
        with pytest.raises(UsageError, match=f"the passphrase.*{why}"):
            stretched(PHRASE, passphrase)


def test_sizes() -> None:
    for size in (0, 15, 17, 33):
        with pytest.raises(UsageError, match="entropy has"):
            phrase_of(bytes(size))
    for size in (0, 15, 65):
        with pytest.raises(UsageError, match="16 to 64 bytes"):
            master(bytes(size))


def test_steps_are_bounded() -> None:
    key = master(bytes(16))
    assert key.child(2**32 - 1).index == 2**32 - 1
    for wrong in (-1, 2**32):
        with pytest.raises(UsageError, match="a step is from"):
            key.child(wrong)
    deep = HdKey(key.secret, key.chain_code, 255, 0)
    with pytest.raises(UsageError, match="at most 255 steps"):
        deep.child(0)
