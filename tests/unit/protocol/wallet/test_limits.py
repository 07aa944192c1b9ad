"""Limits: what is counted, on which meter, and how much room there is."""

from typing import Any

import pytest

from adyton.protocol.wallet.intent import Intent
from adyton.protocol.wallet.policy import ALLOW, APPROVE, DENY, Policy
from tests.policy_kit import (
    ALICE,
    BOB,
    GWEI,
    OTHER,
    OWNER,
    TOKEN,
    VENDOR,
    address,
    allow,
    ask,
    cancel,
    message,
    permit,
    permit2,
    policy,
    raw,
    transaction,
    transfer,
    typed,
)

FEE = 21_000 * GWEI


def limit(of: str | None = "value", maximum: Any = 100, **members: Any) -> dict[str, Any]:
    counted: dict[str, Any] = {"count": True} if of is None else {"sum": of}
    return {**counted, "window": 3600, "max": maximum, **members}


def charges(read: Policy, intent: Intent, client: bytes = OWNER) -> list[tuple[str, int]]:
    decision = ask(read, intent, client)
    assert decision.effect in (ALLOW, APPROVE), decision.reason
    return [(charge.meter.label, charge.amount) for charge in decision.charges]


def meter(read: Policy, intent: Intent, client: bytes = OWNER) -> bytes:
    """Return the key of the first meter that an intent is charged on."""
    return ask(read, intent, client).charges[0].meter.key


@pytest.mark.parametrize(
    ("of", "amount"), [("value", 7), ("fee", FEE), ("cost", FEE + 7), (None, 1)]
)
def test_what_a_transaction_adds(of: str | None, amount: int) -> None:
    what = "count" if of is None else f"sum of {of}"
    read = policy(allow(limits=[limit(of, amount)]))
    assert charges(read, transaction(value=7)) == [(f"rule: {what} per 3,600 s", amount)]
    decision = ask(read, transaction(value=7), used=1)
    assert (decision.effect, decision.rule) == (DENY, "")
    assert decision.reason == (
        f"rule 'rule' would allow it, but its limit of {amount} (rule: {what} per 3,600 s) has no "
        f"room: 1 are used, and this is {amount} more"
    )


def test_the_fee_of_a_cancel_counts() -> None:
    read = policy(allow(method=["cancel"], when=None, limits=[limit("fee", FEE)]))
    assert charges(read, cancel()) == [("rule: sum of fee per 3,600 s", FEE)]
    assert ask(read, cancel(max_fee=GWEI + 1)).effect == DENY


def test_arguments_count_as_spent() -> None:
    call: dict[str, Any] = {
        "to": "any",
        "abi": "transfer(address to, uint256 amount)",
        "args": {"0": "any", "1": "any"},
    }
    for path in ("arg:1", "arg:amount"):
        read = policy(allow(call=call, limits=[limit(path)]))
        data = transfer(VENDOR, 100)
        assert charges(read, transaction(TOKEN, data=data))[0][1] == 100
        assert ask(read, transaction(TOKEN, data=transfer(VENDOR, 101))).effect == DENY


PERMIT_FIELDS = dict.fromkeys(("owner", "spender", "value", "nonce", "deadline"), "any")
PERMIT2_FIELDS = dict.fromkeys(("details", "spender", "sigDeadline"), "any")


def typed_rule(
    primary: str, fields: dict[str, str], *limits: Any, **members: Any
) -> dict[str, Any]:
    of = {"contract": "@tokens", "primaryType": primary, "fields": fields}
    return allow(when=None, typedData=of, limits=list(limits), **members)


def test_permits_count_as_spent() -> None:
    read = policy(typed_rule("Permit", PERMIT_FIELDS, limit("field:value")))
    assert charges(read, typed(permit(value="0x64")))[0][1] == 100
    assert ask(read, typed(permit(value=101))).effect == DENY
    batch = policy(typed_rule("PermitBatch", PERMIT2_FIELDS, limit("field:details.*.amount")))
    assert charges(batch, typed(permit2(40, 60)))[0][1] == 100
    assert charges(batch, typed(permit2())) == []
    assert ask(batch, typed(permit2(41, 60))).effect == DENY
    single = policy(typed_rule("PermitSingle", PERMIT2_FIELDS, limit("field:details.amount")))
    assert charges(single, typed(permit2(100, batch=False)))[0][1] == 100


@pytest.mark.parametrize("path", ["amount", "spender", "details.0.amount"])
def test_what_is_not_a_number_has_no_room(path: str) -> None:
    read = policy(typed_rule("Permit", PERMIT_FIELDS, limit(f"field:{path}")))
    decision = ask(read, typed(permit()))
    assert decision.effect == DENY
    assert f"field:{path}, which a limit sums, is not a number here" in decision.reason


def test_one_meter_for_transfers_and_permits_by_name() -> None:
    spent = policy(
        allow(
            "send",
            call={
                "to": "@tokens",
                "abi": "transfer(address,uint256)",
                "args": {"0": "any", "1": "any"},
            },
            limits=[limit("arg:1", name="usdc")],
        ),
        typed_rule("Permit", PERMIT_FIELDS, limit("field:value", 50, name="usdc"), id="permit"),
    )
    sent, permitted = transaction(TOKEN, data=transfer()), typed(permit(value=1))
    assert meter(spent, sent) == meter(spent, permitted)
    used = {"usdc: sum per 3,600 s": 50}
    assert ask(spent, sent, used=used).effect == ALLOW  # each with its own maximum
    assert ask(spent, permitted, used=used).effect == DENY


def test_limits_of_one_meter_in_one_rule_are_charged_together() -> None:
    limits = [limit("value", FEE + 10, name="m"), limit("fee", FEE + 20, name="m")]
    read = policy(allow(limits=limits))
    assert [amount for _, amount in charges(read, transaction(value=10))] == [FEE + 10]
    assert ask(read, transaction(value=11)).effect == DENY  # the lower maximum holds
    # The same quantity of the rule and of the wallet is one charge, not two.
    both = policy(
        allow(limits=[limit("value", 10, name="m")]), limits=[limit("value", 5, name="m")]
    )
    assert [amount for _, amount in charges(both, transaction(value=5))] == [5]
    assert ask(both, transaction(value=6)).effect == DENY


def test_limits_of_the_wallet_hold_for_every_rule() -> None:
    read = policy(
        allow("a", when={"fee": "any", "value": {"lte": 5}}),
        allow("b"),
        allow("m", message="any", when=None, chain=None),
        limits=[limit("value", 50), limit(None, 3)],
    )
    value, count = "wallet: sum of value per 3,600 s", "wallet: count per 3,600 s"
    assert charges(read, transaction(value=5)) == [(value, 5), (count, 1)]
    assert charges(read, transaction(value=6)) == [(value, 6), (count, 1)]
    assert charges(read, message(b"")) == [(count, 1)]
    assert meter(read, transaction(value=5)) == meter(read, transaction(value=6))
    assert ask(read, transaction(value=6), used={value: 45}).effect == DENY
    assert ask(read, message(b""), used={count: 3}).effect == DENY
    assert ask(read, message(b""), used={value: 50}).effect == ALLOW


def test_a_rule_without_room_leaves_the_decision_to_the_next() -> None:
    read = policy(
        allow("free", limits=[limit(None, 1)]),
        allow("asked", approvals={"m": 1, "of": "@treasury"}),
    )
    assert ask(read, transaction()).rule == "free"
    full = ask(read, transaction(), used={"free: count per 3,600 s": 1})
    assert (full.effect, full.rule, full.charges) == (APPROVE, "asked", ())
    both = policy(allow("a", limits=[limit(None, 1)]), allow("b", limits=[limit(None, 2)]))
    assert "rule 'a' would allow it" in ask(both, transaction(), used=2).reason


def test_approvals_come_with_their_charges() -> None:
    read = policy(allow(limits=[limit()], approvals={"m": 2, "of": "@treasury", "within": 60}))
    decision = ask(read, transaction(value=5))
    assert (decision.effect, decision.charges[0].amount) == (APPROVE, 5)
    assert decision.approvals is not None
    assert decision.approvals.within_s == 60


@pytest.mark.parametrize(
    ("per", "same", "other"),
    [
        ("wallet", [transaction(OTHER, value=1), transaction(value=1, account=raw(9))], []),
        ("account", [transaction(OTHER, value=1)], [transaction(value=1, account=raw(9))]),
        ("to", [transaction(value=1, account=raw(9))], [transaction(OTHER, value=1)]),
    ],
)
def test_whose_meter_it_is(per: str, same: list[Intent], other: list[Intent]) -> None:
    read = policy(allow(limits=[limit(per=per)]))
    key = meter(read, transaction(value=1))
    assert {meter(read, intent) for intent in same} == {key}
    assert key not in {meter(read, intent) for intent in other}


def test_the_same_subject_in_two_roles_has_two_meters() -> None:
    """A cancel goes to the account itself."""
    limits = [limit("fee", 10 * FEE, per=per) for per in ("account", "to")]
    read = policy(allow(method=["cancel"], when=None, limits=limits))
    keys = {charge.meter.key for charge in ask(read, cancel()).charges}
    assert len(keys) == 2


def test_a_meter_of_each_client() -> None:
    read = policy(allow(who=["@treasury"], limits=[limit(per="client")]))
    one, two = (meter(read, transaction(value=1), client) for client in (ALICE, BOB))
    assert one != two
    assert charges(read, transaction(value=1), ALICE)[0][0].endswith(", each client")


def test_a_permits_receiver_is_its_contract() -> None:
    read = policy(typed_rule("Permit", PERMIT_FIELDS, limit("field:value", per="to")))
    other = permit()
    other["domain"] = {**other["domain"], "verifyingContract": address(OTHER)}
    wide = policy(
        typed_rule("Permit", PERMIT_FIELDS, limit("field:value", per="to")),
        sets={"tokens": [address(TOKEN), address(OTHER)]},
    )
    assert meter(read, typed(permit())) == meter(wide, typed(permit())) != meter(wide, typed(other))


def test_what_a_meter_is_known_by() -> None:
    """Its key survives whatever the owner may change without forgetting what was spent."""

    def key(of: str = "value", id: str = "rule", **members: Any) -> bytes:
        return meter(policy(allow(id, limits=[limit(of, **members)])), transaction(value=1))

    base = key()
    assert len(base) == 32
    assert key(maximum=99) == base
    others = [
        key(id="b"),
        key("cost", maximum=10**18),
        key(window=3601),
        key(per="to"),
        key(name="n"),
    ]
    of_wallet = meter(policy(allow(), limits=[limit()]), transaction(value=1))
    assert len({base, of_wallet, *others}) == 7
    assert key(name="n", id="b") == key(name="n", of="cost", maximum=10**18)


def test_of_a_replaced_nonce_only_the_increase_is_charged() -> None:
    read = policy(allow(limits=[limit("value", 100), limit("fee", 10 * FEE), limit(None, 10)]))
    first = ask(read, transaction(value=60))
    credit = {charge.meter.key: charge.amount for charge in first.charges}
    used = {charge.meter.label: charge.amount for charge in first.charges}
    again = ask(read, transaction(value=60), used=used, credit=credit)
    assert [charge.amount for charge in again.charges] == [0, 0, 1]  # a signature more
    raised = ask(read, transaction(value=100, max_fee=2 * GWEI), used=used, credit=credit)
    assert [charge.amount for charge in raised.charges] == [40, FEE, 1]
    assert ask(read, transaction(value=101), used=used, credit=credit).effect == DENY
    lowered = ask(read, transaction(value=5), used=used, credit=credit)
    assert [charge.amount for charge in lowered.charges] == [0, 0, 1]
    full = dict.fromkeys(used, 10) | {"rule: count per 3,600 s": 10}
    assert ask(read, transaction(value=60), used=full, credit=credit).effect == DENY


def test_a_credit_lasts_through_several_replacements() -> None:
    read = policy(allow(limits=[limit("value", 100)]))
    credit: dict[bytes, int] = {}
    charged: list[int] = []
    for value in (60, 60, 5, 60, 70):
        decision = ask(read, transaction(value=value), used=sum(charged), credit=credit)
        assert decision.effect == ALLOW, decision.reason
        (charge,) = decision.charges
        credit = {charge.meter.key: credit.get(charge.meter.key, 0) + charge.amount}
        charged.append(charge.amount)
    assert charged == [60, 0, 0, 0, 10]


def test_what_adds_nothing_fits_under_a_lowered_maximum() -> None:
    read = policy(allow(limits=[limit("value", 5)]))
    assert ask(read, transaction(value=0), used=9).effect == ALLOW
    assert ask(read, transaction(value=1), used=9).effect == DENY
    none = policy(allow(limits=[limit("value", 0)]))
    assert ask(none, transaction(value=0)).effect == ALLOW
    assert ask(none, transaction(value=1)).effect == DENY


def test_the_greatest_maximum() -> None:
    read = policy(allow(limits=[limit("cost", "MAX")]))
    assert ask(read, transaction(value=5)).effect == ALLOW
    most = transaction(value=2**256 - 1 - 21_000 * GWEI)
    assert ask(read, most).effect == ALLOW
    assert ask(read, most, used=1).effect == DENY
