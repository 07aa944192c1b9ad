"""`limits` and `approvals`: how much in how long, and who has to agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from adyton.core import limits
from adyton.protocol.ethereum.quantities import read_integer, read_list, read_object, refused
from adyton.protocol.wallet.facts import Facts
from adyton.protocol.wallet.names import Names, read_word
from adyton.protocol.wallet.rule import COUNT, SUBJECTS, TO, WALLET, Approvals, Limit
from adyton.protocol.wallet.rule_call import Call, argument_sum, read_summed
from adyton.protocol.wallet.rule_typed import TypedRule, field_sum, read_path
from adyton.protocol.wallet.shown import printable

APPROVALS: Final = ("m", "of", "within")
FIELDS: Final = ("sum", COUNT, "window", "max", "per", "name")
_OF_TRANSACTIONS: Final[dict[str, Callable[[Facts], int | None]]] = {
    "value": lambda facts: facts.value,
    "fee": lambda facts: facts.fee,
    "cost": lambda facts: facts.cost,
}
_ARGUMENT, _FIELD = "arg:", "field:"
Summed = tuple[str, Callable[[Facts], int | None]]
_EACH: Final = {
    "account": ", each account",
    "to": ", each receiver",
    "client": ", each client",
    "wallet": "",
}


class LimitReader:
    """Reads the limits of one policy, and sees to it that those of one name are of one kind."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._named: dict[str, tuple[bool, int, str]] = {}

    def read(
        self,
        value: Any,
        path: str,
        owner: str,
        *,
        transactions: bool,
        receivers: bool,
        call: Call | None = None,
        typed: TypedRule | None = None,
    ) -> tuple[Limit, ...]:
        """Return the limits of a rule, or those of the wallet.

        Args:
            value: a list of limits.
            path: where they stand, for error texts.
            owner: id of the rule; empty for the wallet's own.
            transactions: whether they are about transactions, which have a value and a fee.
            receivers: whether what they are about has a receiver.
            call: of the rule.
            typed: of the rule.

        Raises:
            UsageError: a limit cannot be followed, is there twice, or differs from others of its name.
        """
        found: list[Limit] = []
        seen = set()
        for at, item in enumerate(read_list(value, path, limits.WALLET_LIMITS)):
            where = f"{path}[{at}]"
            fields = read_object(item, where, FIELDS)
            if ("sum" in fields) is (COUNT in fields):
                raise refused(where, 'must have one of "sum" and "count"')
            for name in ("window", "max"):
                if name not in fields:
                    raise refused(where, f"lacks {name!r}")
            summed: Summed
            if COUNT in fields:
                if fields[COUNT] is not True:
                    raise refused(f"{where}.count", "must be true; how many is `max`")
                summed = (COUNT, _one)
            else:
                summed = _summed(fields["sum"], f"{where}.sum", call, typed, transactions)
            limit = self._limit(fields, where, owner, *summed)
            if limit.per == TO and not receivers:
                raise refused(f"{where}.per", 'is "to", and messages have no receiver')
            identity = (*limit.scope, limit.quantity, limit.window_s, limit.per)
            if identity in seen:
                raise refused(where, "is there twice; the lower one is enough")
            seen.add(identity)
            self._names.looking += limit.quantity.startswith((_ARGUMENT, _FIELD))
            found.append(limit)
        return tuple(found)

    def _limit(
        self,
        fields: dict[str, Any],
        path: str,
        owner: str,
        quantity: str,
        amount: Callable[[Facts], int | None],
    ) -> Limit:
        window = read_integer(fields["window"], f"{path}.window", 1, limits.WALLET_WINDOW_S)
        counts = quantity == COUNT
        maximum = read_integer(
            2**256 - 1 if fields["max"] == "MAX" else fields["max"],
            f"{path}.max",
            1 if counts else 0,
            2**256 - 1,
        )
        per = fields.get("per", WALLET)
        if per not in SUBJECTS:
            raise refused(f"{path}.per", f"must be one of {', '.join(SUBJECTS)}")
        what = "count" if counts else f"sum of {printable(quantity)}"
        if "name" in fields:
            name = read_word(fields["name"], f"{path}.name")
            kind = (counts, window, per)
            if self._named.setdefault(name, kind) != kind:
                raise refused(
                    path,
                    f"shares the meter {name!r} with another limit; both must count or both sum, "
                    "with the same window and per",
                )
            # One meter for everything of the name, whatever its parts are called.
            scope = (b"name", name.encode(), b"count" if counts else b"sum")
            label = f"{name}: {'count' if counts else 'sum'}"
        else:
            scope = (b"rule" if owner else b"wallet", owner.encode(), quantity.encode())
            label = f"{owner or 'wallet'}: {what}"
        label += f" per {window:,} s{_EACH[per]}"
        return Limit(quantity, amount, window, maximum, per, scope, label)


def read_approvals(value: Any, path: str, names: Names) -> Approvals:
    """Return who has to agree.

    Raises:
        UsageError: more than there are, or nobody.
    """
    fields = read_object(value, path, APPROVALS)
    for name in ("m", "of"):
        if name not in fields:
            raise refused(path, f'lacks {name!r}; write {{"m": 2, "of": "@name"}}')
    of = fields["of"]
    if type(of) is not str or not of.startswith("@"):
        raise refused(f"{path}.of", "must be the @name of a set of clients")
    keys = names.set_of_keys(of, f"{path}.of")
    if not keys:
        raise refused(f"{path}.of", "is an empty set; nobody could ever agree")
    within = None
    if "within" in fields:
        within = read_integer(fields["within"], f"{path}.within", 1, limits.WALLET_WINDOW_S)
    return Approvals(read_integer(fields["m"], f"{path}.m", 1, len(keys)), keys, within)


def _one(_: Facts) -> int | None:
    return 1


def _summed(
    value: Any, path: str, call: Call | None, typed: TypedRule | None, transactions: bool
) -> Summed:
    if type(value) is str and value in _OF_TRANSACTIONS:
        if not transactions:
            raise refused(path, f"is {value!r}, which only transactions have")
        return value, _OF_TRANSACTIONS[value]
    if type(value) is str and value.startswith(_ARGUMENT):
        if call is None:
            raise refused(path, "sums an argument, and the rule has no `call`")
        argument = read_summed(call, value.removeprefix(_ARGUMENT), path)
        return value, argument_sum(call.signature, argument)
    if type(value) is str and value.startswith(_FIELD):
        if typed is None:
            raise refused(path, "sums a field, and the rule has no `typedData`")
        return value, field_sum(read_path(value.removeprefix(_FIELD), path))
    raise refused(path, "must be value, fee, cost, arg:N or field:PATH")
