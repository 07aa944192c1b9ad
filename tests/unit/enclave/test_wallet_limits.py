"""Limits over windows of time, and who may change them."""

import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from adyton.core import limits
from adyton.core.errors import PolicyError, UsageError
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.wallet import requests
from adyton.protocol.wallet.answers import Changed, Signed
from tests.host_simulator import HostSimulator, SimulatedClient
from tests.wallet_kit import (
    GWEI,
    VENDOR,
    WalletClient,
    payment,
    plain_policy,
    policy,
)

FEE = 21_000 * 20 * GWEI


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSimulator]:
    host = HostSimulator(tmp_path_factory.mktemp("limits"), sandbox=False)
    host.start()
    yield host
    host.stop()


@pytest.fixture(scope="module")
def owner(host: HostSimulator) -> WalletClient:
    return WalletClient(host, SimulatedClient(host, b"owner".ljust(32)))


@pytest.fixture(scope="module")
def others(host: HostSimulator) -> list[WalletClient]:
    return [WalletClient(host, SimulatedClient(host, bytes([n]) * 32)) for n in range(3)]


def limited(limits: list[dict[str, Any]], **more: Any) -> bytes:
    rule = {
        "id": "pay",
        "effect": "allow",
        "chain": [1],
        "when": {"to": "any", "fee": {"lte": FEE * 2}},
        "limits": limits,
    }
    return policy([rule], time="host", **more)


def test_a_sum_over_a_window_is_kept(host: HostSimulator, owner: WalletClient) -> None:
    wallet = owner.new(limited([{"sum": "value", "window": 3600, "max": 2500}]))
    account = wallet.accounts[0].address
    assert owner.sign(account, payment(value=1000)).status == "signed"
    assert owner.sign(account, payment(value=1500)).status == "signed"
    over = owner.sign(account, payment(value=1))
    assert over.status == "refused"
    assert "pay" in over.reason
    host.restart()
    assert owner.sign(account, payment(value=1)).status == "refused"
    [meter] = owner.show(wallet).meters
    assert int.from_bytes(meter[1], "big") == 2500
    host.time_ms += 3600_000 + 3600_000 // 32 + 1000
    assert owner.sign(account, payment(value=1)).status == "signed"


def test_fees_count(owner: WalletClient) -> None:
    account = owner.new(limited([{"sum": "cost", "window": 60, "max": 2 * FEE + 5}])).accounts[0]
    statuses = [owner.sign(account.address, payment(value=2)).status for _ in range(3)]
    assert statuses == ["signed", "signed", "refused"]


def test_raising_a_maximum_forgets_nothing(owner: WalletClient) -> None:
    wallet = owner.new(limited([{"sum": "value", "window": 3600, "max": 1000}]))
    account = wallet.accounts[0].address
    owner.sign(account, payment(value=900))
    owner.change(wallet, limited([{"sum": "value", "window": 3600, "max": 1200}]))
    assert owner.sign(account, payment(value=301)).status == "refused"
    assert owner.sign(account, payment(value=300)).status == "signed"


def test_a_replacement_is_charged_for_what_is_more(owner: WalletClient) -> None:
    wallet = owner.new(
        limited(
            [
                {"sum": "value", "window": 3600, "max": 1000},
                {"count": True, "window": 3600, "max": 3},
            ]
        )
    )
    account = wallet.accounts[0].address

    def again(value: int, fee: int) -> Signed:
        fees = {"maxFeePerGas": fee * GWEI, "maxPriorityFeePerGas": fee * GWEI}
        return owner.sign(account, payment(value=value, nonce=0, **fees), replace=True)

    assert owner.sign(account, payment(value=900)).status == "signed"
    assert again(1001, 25).status == "refused"
    assert again(1000, 25).status == "signed"
    assert again(10, 30).status == "signed"
    assert again(10, 40).status == "refused"  # the count is of signatures
    assert owner.sign(account, payment(value=1)).status == "refused"


def test_windows_need_a_word_about_the_hosts_time(owner: WalletClient) -> None:
    text = json.loads(limited([{"sum": "value", "window": 60, "max": 1}]))
    del text["time"]
    with pytest.raises(UsageError, match="policy_invalid"):
        owner.new(json.dumps(text).encode())
    text["time"] = "bft"
    with pytest.raises(UsageError, match="host's word"):
        owner.new(json.dumps(text).encode())


def test_a_policy_has_versions_and_a_stale_change_is_refused(owner: WalletClient) -> None:
    wallet = owner.new(plain_policy())
    changed = owner.change(wallet, plain_policy(name="second"))
    assert (changed.status, changed.wallet.version) == ("done", 2)
    assert changed.wallet.policy_hash != wallet.policy_hash
    with pytest.raises(UsageError, match="version 2"):
        owner.change(wallet, plain_policy())
    for text in (b"", b"{}", b"no", b'{"v":2,"rules":[]}'):
        with pytest.raises(UsageError, match="policy_invalid"):
            owner.change(changed.wallet, text)
    assert json.loads(owner.show(wallet).policy)["name"] == "second"


def treasury(others: list[WalletClient], **more: Any) -> bytes:
    keys = [client.key.hex() for client in others]
    rule = {
        "id": "big",
        "effect": "allow",
        "chain": [1],
        "when": {"to": {"in": "@vendors"}, "fee": {"lte": FEE}},
        "approvals": {"m": 2, "of": "@treasury", "within": 600},
    }
    return policy([rule], sets={"treasury": keys}, time="host", **more)


def test_two_of_three_must_approve(owner: WalletClient, others: list[WalletClient]) -> None:
    wallet = owner.new(treasury(others))
    account = wallet.accounts[0].address
    asked = owner.sign(account, payment())
    assert (asked.status, asked.missing, asked.signature, asked.raw) == ("pending", 2, b"", b"")
    assert asked.proposal is not None
    [proposal] = others[0].proposals(wallet)
    assert proposal.proposal == asked.proposal
    assert owner.claim(asked.proposal, Signed).status == "pending"
    others[0].approve(proposal)
    others[0].approve(proposal)  # twice is once
    assert owner.claim(asked.proposal, Signed).missing == 1
    others[2].approve(proposal)
    signed = owner.claim(asked.proposal, Signed)
    assert (signed.status, signed.rule, signed.nonce) == ("signed", "big", 0)
    with pytest.raises(UsageError, match="not_found"):
        owner.claim(asked.proposal, Signed)
    assert others[1].proposals(wallet) == ()


def test_nobody_approves_for_themselves_or_for_others(
    owner: WalletClient, others: list[WalletClient], host: HostSimulator
) -> None:
    wallet = owner.new(treasury([owner, *others[:2]]))
    asked = owner.sign(wallet.accounts[0].address, payment())
    [proposal] = owner.proposals(wallet)
    with pytest.raises(PolicyError, match="asked for themselves"):
        owner.approve(proposal)
    with pytest.raises(UsageError, match="not_found"):
        others[2].approve(proposal)
    with pytest.raises(PolicyError, match="can claim"):
        others[0].claim(proposal.proposal, Signed)
    others[0].approve(proposal)
    others[1].approve(proposal)
    assert owner.claim(asked.proposal or b"", Signed).status == "signed"


def test_an_approval_names_what_is_approved(
    owner: WalletClient, others: list[WalletClient]
) -> None:
    from dataclasses import replace

    wallet = owner.new(treasury(others))
    owner.sign(wallet.accounts[0].address, payment())
    [proposal] = others[0].proposals(wallet)
    with pytest.raises(UsageError, match="another proposal"):
        others[0].approve(replace(proposal, digest=bytes(32)))
    owner.change(wallet, treasury(others, name="new"))
    with pytest.raises(UsageError, match="the policy has changed"):
        others[0].approve(proposal)


def test_a_proposal_ends(
    owner: WalletClient, others: list[WalletClient], host: HostSimulator
) -> None:
    wallet = owner.new(treasury(others))
    asked = owner.sign(wallet.accounts[0].address, payment())
    [proposal] = others[0].proposals(wallet)
    host.time_ms += 601_000
    with pytest.raises(UsageError, match="not_found"):
        others[0].approve(proposal)
    assert owner.proposals(wallet) == ()
    with pytest.raises(UsageError, match="not_found"):
        owner.claim(asked.proposal or b"", Signed)


def test_what_is_claimed_is_asked_of_the_policy_of_that_time(
    owner: WalletClient, others: list[WalletClient]
) -> None:
    wallet = owner.new(treasury(others))
    asked = owner.sign(wallet.accounts[0].address, payment())
    [proposal] = others[0].proposals(wallet)
    others[0].approve(proposal)
    others[1].approve(proposal)
    strict = json.loads(treasury(others))
    strict["rules"].insert(
        0, {"id": "stop", "effect": "deny", "when": {"to": {"eq": checksummed(VENDOR)}}}
    )
    owner.change(wallet, json.dumps(strict).encode())
    refused = owner.claim(asked.proposal or b"", Signed)
    assert (refused.status, refused.rule, refused.signature) == ("refused", "stop", b"")


def test_a_rejected_proposal_is_gone(owner: WalletClient, others: list[WalletClient]) -> None:
    wallet = owner.new(treasury(others))
    asked = owner.sign(wallet.accounts[0].address, payment())
    others[1].ordered(requests.REJECT, requests.OfProposal(asked.proposal or b""), Changed)
    with pytest.raises(UsageError, match="not_found"):
        owner.claim(asked.proposal or b"", Signed)


def test_a_change_of_policy_needs_its_approvers(
    owner: WalletClient, others: list[WalletClient]
) -> None:
    text = treasury(others, changes={"m": 1, "of": "@treasury"})
    wallet = owner.new(text)
    asked = owner.change(wallet, plain_policy())
    assert (asked.status, asked.missing) == ("pending", 1)
    assert asked.wallet.version == 1
    assert owner.sign(wallet.accounts[0].address, payment()).status == "pending"
    proposal = next(p for p in others[0].proposals(wallet) if p.method == "policy")
    (made,) = (one for one in owner.audit(wallet) if one.proposal == proposal.proposal)
    assert proposal.expires_ms == made.time_ms + 24 * 3600 * 1000  # the clause names no time
    others[0].approve(proposal)
    assert owner.claim(proposal.proposal, Changed).wallet.version == 2
    assert owner.sign(wallet.accounts[0].address, payment()).status == "signed"


def test_other_clients_sign_where_a_rule_names_them(
    owner: WalletClient, others: list[WalletClient]
) -> None:
    rule = {
        "id": "charger",
        "effect": "allow",
        "who": ["charger"],
        "chain": [1],
        "when": {"to": {"in": "@vendors"}, "value": {"lte": 2000}, "fee": {"lte": FEE}},
    }
    wallet = owner.new(policy([rule], clients={"charger": others[0].key.hex()}))
    account = wallet.accounts[0].address
    assert others[0].sign(account, payment()).status == "signed"
    assert owner.sign(account, payment()).status == "refused"
    assert wallet in others[0].wallets()
    with pytest.raises(PolicyError):
        others[0].change(wallet, plain_policy())
    with pytest.raises(PolicyError):
        others[0].export(wallet)


def test_one_client_neither_fills_nor_hides_what_waits(
    owner: WalletClient, others: list[WalletClient], host: HostSimulator
) -> None:
    rule = json.loads(treasury(others))["rules"][0]
    rule["who"], rule["when"]["data"] = ["owner", "charger"], "any"
    charger = WalletClient(host, SimulatedClient(host, b"charger".ljust(32)))
    keys = [client.key.hex() for client in others]
    text = policy(
        [rule], sets={"treasury": keys}, clients={"charger": charger.key.hex()}, time="host"
    )
    wallet = owner.new(text)
    account = wallet.accounts[0].address
    for place in range(limits.WALLET_PROPOSALS_EACH):
        size = 120_000 if place < 4 else 0
        assert charger.sign(account, payment(data="0x" + "00" * size)).status == "pending"
    with pytest.raises(UsageError, match="of yours wait"):
        charger.sign(account, payment())
    asked = owner.sign(account, payment())
    assert asked.status == "pending"
    shown = others[0].proposals(wallet)
    assert asked.proposal in [proposal.proposal for proposal in shown]
    assert len(shown) == 1 + limits.WALLET_PROPOSALS_EACH - 4 + 1
    # What does not fit is not read either: each long one is 240 KB.
    with mock.patch.object(host, "state_get", wraps=host.state_get) as asked_for:
        assert others[0].proposals(wallet) == shown
    assert 0 < asked_for.call_count <= len(shown)
    host.time_ms += 601_000
    owner.sign(account, payment())  # with this block go those that have expired
    assert charger.sign(account, payment()).status == "pending"


def test_a_policy_that_nobody_could_change_again_is_refused(
    owner: WalletClient, others: list[WalletClient]
) -> None:
    two = [owner.key.hex(), others[0].key.hex()]
    both = {"m": 2, "of": "@two"}
    for name in ("changes", "export"):
        with pytest.raises(UsageError, match=f"{name} wants 2 .* could never be"):
            owner.new(policy([], sets={"two": two}, **{name: both}))
        wallet = owner.new(policy([]))
        with pytest.raises(UsageError, match="could never be"):
            owner.change(wallet, policy([], sets={"two": two}, **{name: both}))
        three = [*two, others[1].key.hex()]
        assert owner.new(policy([], sets={"two": three}, **{name: both})).version == 1


def test_a_key_whose_proposal_ended_may_be_asked_under_anew(
    owner: WalletClient, others: list[WalletClient], host: HostSimulator
) -> None:
    wallet = owner.new(treasury(others))
    account = wallet.accounts[0].address
    asked = owner.sign(account, payment(), key="charge 1")
    assert owner.sign(account, payment(), key="charge 1") == asked
    others[0].ordered(requests.REJECT, requests.OfProposal(asked.proposal or b""), Changed)
    again = owner.sign(account, payment(), key="charge 1")
    assert (again.status, again.proposal != asked.proposal) == ("pending", True)
    with pytest.raises(UsageError, match="key_reused"):
        owner.sign(account, payment(value=2), key="charge 1")
    [proposal] = owner.proposals(wallet)
    for other in others[:2]:
        other.approve(proposal)
    signed = owner.claim(proposal.proposal, Signed)
    # Its proposal is gone too, but it was signed: under the key there is one payment.
    assert owner.sign(account, payment(), key="charge 1") == signed
    late = owner.sign(account, payment(), key="charge 2")
    host.time_ms += 601_000
    assert owner.sign(account, payment(), key="charge 2").proposal != late.proposal


def test_a_record_holds_no_more_than_can_be_read_again(
    owner: WalletClient, host: HostSimulator
) -> None:
    shared = {"window": 1, "max": "MAX", "name": "all"}
    text = limited([{"sum": "value", **shared}, {"sum": "cost", **shared}])
    rules = json.loads(text)
    rules["rules"][0]["when"]["fee"] = "any"
    account = owner.new(json.dumps(rules).encode()).accounts[0].address
    owner.sign(account, payment(value=2**254))
    host.time_ms += 10_000  # what it was charged is past; that it was charged is not

    def dearer(times: int, value: int) -> Signed:
        fees = {"maxFeePerGas": times * 40 * GWEI, "maxPriorityFeePerGas": times * 4 * GWEI}
        return owner.sign(account, payment(nonce=0, value=value, **fees), replace=True)

    assert dearer(1, 2**255).status == "signed"
    host.time_ms += 10_000
    assert dearer(2, 2**255).status == "signed"
