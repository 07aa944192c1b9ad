"""Nonces: chosen in the enclave, used once, and given to another transaction only where that was asked for."""

from collections.abc import Iterator

import pytest

from adyton.core.errors import UsageError
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from adyton.protocol.wallet import requests
from adyton.protocol.wallet.answers import Changed
from tests.host_simulator import HostSimulator, SimulatedClient
from tests.wallet_kit import ETHER, GWEI, WalletClient, payment, plain_policy, policy

CANCELS = {
    "id": "cancel",
    "effect": "allow",
    "method": ["cancel"],
    "chain": [1],
    "when": {"fee": "any"},
}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSimulator]:
    host = HostSimulator(tmp_path_factory.mktemp("nonces"), sandbox=False)
    host.start()
    yield host
    host.stop()


@pytest.fixture(scope="module")
def owner(host: HostSimulator) -> WalletClient:
    return WalletClient(host, SimulatedClient(host, b"owner".ljust(32)))


@pytest.fixture
def account(owner: WalletClient) -> bytes:
    return owner.new(plain_policy()).accounts[0].address


def test_forty_payments_in_one_block_get_forty_nonces(
    host: HostSimulator, owner: WalletClient, account: bytes
) -> None:
    import json

    client = owner.client
    asked = [
        requests.Sign(
            account,
            "transaction",
            requests.JSON_RPC,
            json.dumps(payment(value=place)).encode(),
            False,
            "",
        )
        for place in range(40)
    ]
    client.contact()
    first = client.tickets
    client.contact()
    client.tickets += first
    sealed = [client.request(requests.APP, requests.SIGN, one.encode()) for one in asked]
    block = host.block(*(client.envelope(request) for request in sealed))
    from adyton.protocol.padding import unpad
    from adyton.protocol.wallet.answers import ANSWER_LEAST, Answer, Signed

    nonces = []
    for place, request in enumerate(sealed):
        answer = Answer.decode(unpad(client.open(block, place, request).result, least=ANSWER_LEAST))
        nonces.append(Signed.decode(answer.body).nonce)
    assert nonces == list(range(40))


def test_chains_and_accounts_count_for_themselves(owner: WalletClient) -> None:
    wallet = owner.new(plain_policy(), accounts=2)
    one, other = (account.address for account in wallet.accounts)
    seen = [
        owner.sign(one, payment()).nonce,
        owner.sign(one, payment(chainId=4)).nonce,
        owner.sign(other, payment()).nonce,
        owner.sign(one, payment()).nonce,
    ]
    assert seen == [0, 0, 0, 1]
    told = {(next.account, next.chain_id): next.nonce for next in owner.show(wallet).nonces}
    assert told == {(one, 1): 2, (one, 4): 1, (other, 1): 1}


def test_a_refused_payment_takes_no_nonce(owner: WalletClient, account: bytes) -> None:
    assert owner.sign(account, payment(value=2 * 10**18)).status == "refused"
    assert owner.sign(account, payment()).nonce == 0


def test_the_same_transaction_gets_the_same_signature(owner: WalletClient, account: bytes) -> None:
    signed = owner.sign(account, payment(nonce=0))
    again = owner.sign(account, payment(nonce=0))
    assert (again.signature, again.raw, again.digest) == (
        signed.signature,
        signed.raw,
        signed.digest,
    )
    assert owner.sign(account, payment()).nonce == 1


@pytest.mark.parametrize("nonce", [1, 7])
def test_a_gap_is_refused(owner: WalletClient, account: bytes, nonce: int) -> None:
    with pytest.raises(UsageError, match="next nonce is 0"):
        owner.sign(account, payment(nonce=nonce))


def test_another_transaction_of_a_used_nonce_is_refused(
    owner: WalletClient, account: bytes
) -> None:
    owner.sign(account, payment())
    with pytest.raises(UsageError, match="nonce_used"):
        owner.sign(account, payment(nonce=0, value=1026))


@pytest.mark.parametrize(
    ("fee", "tip", "fits"),
    [(22, 1.1, True), (21.999999999, 1.1, False), (22, 1.099999999, False), (20, 1, False)],
)
def test_a_replacement_pays_a_tenth_more_of_both(
    owner: WalletClient, account: bytes, fee: float, tip: float, fits: bool
) -> None:
    owner.sign(account, payment())
    asked = payment(
        nonce=0,
        value=7,
        maxFeePerGas=round(fee * GWEI),
        maxPriorityFeePerGas=round(tip * GWEI),
    )
    if not fits:
        with pytest.raises(UsageError, match="a tenth more"):
            owner.sign(account, asked, replace=True)
        return
    signed = owner.sign(account, asked, replace=True)
    assert (signed.status, signed.nonce) == ("signed", 0)
    assert decode_signed(signed.raw).transaction.value == 7
    # The next one must pay a tenth more than the replacement, not than the first.
    with pytest.raises(UsageError, match="a tenth more"):
        owner.sign(account, {**asked, "value": 8}, replace=True)


def test_after_a_restart_the_newest_of_a_nonce_is_known_and_the_audit_goes_on(
    host: HostSimulator, owner: WalletClient
) -> None:
    wallet = owner.new(plain_policy())
    account = wallet.accounts[0].address
    owner.sign(account, payment())
    fees = [
        {"maxFeePerGas": fee * GWEI, "maxPriorityFeePerGas": fee * GWEI} for fee in (25, 30, 35)
    ]
    owner.sign(account, payment(nonce=0, **fees[0]), replace=True)
    newest = owner.sign(account, payment(nonce=0, **fees[1]), replace=True)
    assert owner.sign(account, payment(value=ETHER + 1)).status == "refused"
    host.restart()
    assert owner.sign(account, payment(nonce=0, **fees[1])).signature == newest.signature
    with pytest.raises(UsageError, match="nonce_used"):
        owner.sign(account, payment(nonce=0, **fees[0]), replace=True)
    assert owner.sign(account, payment()).nonce == 1
    entries = owner.audit(wallet)
    assert [entry.place for entry in entries] == list(range(6))
    assert [entry.nonce for entry in entries] == [None, 0, 0, 0, None, 1]
    assert entries[3].digest == newest.digest


def test_a_replacement_is_asked_by_the_policy_again(owner: WalletClient, account: bytes) -> None:
    owner.sign(account, payment())
    dear = payment(nonce=0, value=2 * 10**18, maxFeePerGas=40 * GWEI, maxPriorityFeePerGas=2 * GWEI)
    assert owner.sign(account, dear, replace=True).status == "refused"


def test_a_cancel_sends_nothing_to_the_account_itself(owner: WalletClient) -> None:
    import json

    text = json.loads(plain_policy())
    text["rules"].append(CANCELS)
    account = owner.new(json.dumps(text).encode()).accounts[0].address
    fees = {"maxFeePerGas": 22 * GWEI, "maxPriorityFeePerGas": 2 * GWEI}
    with pytest.raises(UsageError, match="nothing to cancel"):
        owner.sign(account, {"chainId": 1, "nonce": 0, **fees}, "cancel")
    owner.sign(account, payment())
    signed = owner.sign(account, {"chainId": 1, "nonce": 0, **fees}, "cancel")
    read = decode_signed(signed.raw)
    assert (signed.rule, read.transaction.to, read.transaction.value) == ("cancel", account, 0)
    with pytest.raises(UsageError, match="not for a cancel"):
        owner.sign(account, {"chainId": 1, "nonce": 0, "value": 1, **fees}, "cancel")


def test_under_an_idempotency_key_there_is_one_payment(owner: WalletClient, account: bytes) -> None:
    signed = owner.sign(account, payment(), key="charge 17")
    again = owner.sign(account, payment(), key="charge 17")
    assert again == signed
    with pytest.raises(UsageError, match="key_reused"):
        owner.sign(account, payment(value=2), key="charge 17")
    assert owner.sign(account, payment(), key="charge 18").nonce == 1


def test_a_nonce_can_be_raised_and_never_lowered(
    host: HostSimulator, owner: WalletClient, account: bytes
) -> None:
    raised = requests.RaiseNonce(account, 1, 12)
    owner.ordered(requests.NONCE, raised, Changed)
    for nonce in (12, 3):
        with pytest.raises(UsageError, match="can only be raised"):
            owner.ordered(requests.NONCE, requests.RaiseNonce(account, 1, nonce), Changed)
    host.restart()
    assert owner.sign(account, payment()).nonce == 12
    with pytest.raises(UsageError, match="goes on from nonce 13"):
        owner.sign(account, payment(nonce=5))


def test_nobody_but_the_owner_replaces_what_another_client_asked_for(
    host: HostSimulator, owner: WalletClient
) -> None:
    one, other = (WalletClient(host, SimulatedClient(host, bytes([n]) * 32)) for n in (1, 2))
    clients = {"one": one.key.hex(), "other": other.key.hex()}
    when = {"to": {"in": "@vendors"}, "value": {"lte": ETHER}, "fee": "any"}
    who = ["owner", *clients]
    pay = {"id": "pay", "effect": "allow", "chain": [1], "who": who, "when": when}
    cancel = {**CANCELS, "who": ["other"]}
    account = owner.new(policy([pay, cancel], clients=clients)).accounts[0].address

    def dearer(times: int, **more: int) -> dict[str, object]:
        fees = {"maxFeePerGas": times * 40 * GWEI, "maxPriorityFeePerGas": times * 4 * GWEI}
        return {**payment(nonce=0), **fees, **more}

    one.sign(account, payment())
    with pytest.raises(UsageError, match="by another client"):
        other.sign(account, dearer(1, value=1), replace=True)
    assert one.sign(account, dearer(1, value=2), replace=True).nonce == 0
    assert owner.sign(account, dearer(2, value=3), replace=True).nonce == 0
    with pytest.raises(UsageError, match="by another client"):
        one.sign(account, dearer(4), replace=True)
    fees = {"maxFeePerGas": 400 * GWEI, "maxPriorityFeePerGas": 40 * GWEI}
    # A rule that lets a client cancel says so itself.
    assert other.sign(account, {"nonce": 0, "chainId": 1, **fees}, "cancel").nonce == 0
