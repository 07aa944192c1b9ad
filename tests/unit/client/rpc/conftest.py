"""A facade before a node that can be told to lie, both over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.client.rpc.server import RpcSettings
from tests.fake_signer import FakeSigner
from tests.rpc_kit import Facade, running
from tests.scripted_node import LyingNode, honest, lying_node
from tests.unit.client.rpc.parts import KEY, accept

Start = Callable[..., Facade]


@pytest.fixture
def node() -> Iterator[LyingNode]:
    answers = {**honest(), "eth_sendRawTransaction": accept}

    def ask(method: str, params: list[Any]) -> dict[str, Any]:
        if method not in answers:
            return {"error": {"code": -32601, "message": "the method does not exist"}}
        answer = answers[method]
        return {"result": answer(params) if callable(answer) else answer}

    with lying_node(ask) as node:
        yield node


@pytest.fixture
def signer() -> FakeSigner:
    return FakeSigner(KEY)


@pytest.fixture
def start(node: LyingNode, signer: FakeSigner, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(**settings: Any) -> Facade:
            usual = RpcSettings(node.url, tmp_path / "journal", port=0, poll_s=0.02)
            return stack.enter_context(running(signer, replace(usual, **settings)))

        yield begin


@pytest.fixture
def facade(start: Start) -> Facade:
    return start()
