"""Whatever programs and nodes say, the facade answers with errors of ours, and pays within the caps."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adyton.client.rpc.caps import Caps
from adyton.client.rpc.dispatch import Dispatcher
from adyton.client.rpc.filling import fill
from adyton.client.rpc.jsonrpc import error_object
from adyton.core.errors import Error
from tests.scripted_node import CHAIN, GWEI, ScriptedNode, honest
from tests.unit.client.rpc.parts import Parts, parts

CAPS = Caps(gas=500_000, fee=100 * GWEI, tip=5 * GWEI, cost=10**16)
FROM = "0x1a642f0e3c3af545e7acbd38b07251b3990914f1"

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**260), 2**260)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.integers(0, 2**260).map(hex)
    | st.binary(max_size=40).map(lambda data: "0x" + data.hex())
    | st.binary(min_size=20, max_size=20).map(lambda data: "0x" + data.hex())
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
quantities = st.one_of(
    st.integers(0, 2**64).map(hex),
    st.sampled_from(["0x0", "0x1", "0x5208", hex(GWEI), hex(2**255)]),
)
names = st.sampled_from(
    [
        *("to", "value", "data", "input", "gas", "gasLimit", "gasPrice", "maxFeePerGas", "nonce"),
        *("maxPriorityFeePerGas", "chainId", "accessList", "type", "from", "blobs", "x"),
    ]
)
requests = st.dictionaries(names, quantities | values, max_size=8)
answers = st.dictionaries(
    st.sampled_from(sorted(honest())),
    quantities
    | values
    | st.dictionaries(st.sampled_from(["baseFeePerGas", "number", "hash"]), quantities | values),
    max_size=5,
)


@given(requests, answers)
@settings(max_examples=400)
def test_whatever_is_filled_in_is_within_the_caps(
    request: dict[str, Any], lies: dict[str, Any]
) -> None:
    node = ScriptedNode(**lies)
    try:
        filled = fill({"from": FROM, "to": FROM, **request}, CHAIN, node, CAPS)
    except Error as problem:
        json.dumps(error_object(problem))
        return
    made = filled.transaction
    assert made.chain_id == CHAIN
    assert made.gas <= CAPS.gas
    assert made.max_fee <= CAPS.fee
    assert (made.tip or 0) <= CAPS.tip
    assert made.gas * made.max_fee <= CAPS.cost
    for name, field in (("value", made.value), ("gas", made.gas)):
        if request.get(name) is not None:
            assert field == (int(request[name], 0) if type(request[name]) is str else request[name])


@pytest.fixture(scope="module")
def made() -> Any:
    with tempfile.TemporaryDirectory() as directory:
        yield parts(Path(directory))


calls = st.fixed_dictionaries(
    {
        "jsonrpc": st.just("2.0") | values,
        "id": st.integers() | values,
        "method": st.sampled_from(
            [
                *("eth_sendTransaction", "eth_signTransaction", "personal_sign", "eth_sign"),
                *("eth_signTypedData_v4", "eth_getTransactionCount", "eth_accounts", "eth_chainId"),
                *("eth_call", "eth_subscribe", "no_such"),
            ]
        )
        | values,
        "params": st.lists(st.just(FROM) | requests | values, max_size=3) | values,
    }
)
messages = (
    st.binary(max_size=40)
    | values.map(lambda value: json.dumps(value).encode())
    | (calls | st.lists(calls, max_size=4)).map(lambda value: json.dumps(value).encode())
)


@given(messages)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_message_gets_an_answer_of_json_rpc(made: Parts, message: bytes) -> None:
    dispatcher = Dispatcher(made.methods)
    try:
        answer = asyncio.run(dispatcher.answer(message))
    finally:
        dispatcher.close()
    if answer is None:
        return
    told = json.loads(answer)
    for one in told if isinstance(told, list) else [told]:
        assert one["jsonrpc"] == "2.0"
        assert ("result" in one) != ("error" in one)
        if "error" in one:
            assert type(one["error"]["code"]) is int
            # A defect of ours would have this number.
            assert "internal error" not in one["error"]["message"]
