"""A facade's parts around a scripted node and a signer with one key, as tests of the parts need them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adyton.client.rpc.broadcast import Broadcaster
from adyton.client.rpc.caps import Caps
from adyton.client.rpc.chain import PinnedChain
from adyton.client.rpc.journal import Journal
from adyton.client.rpc.jsonrpc import Call
from adyton.client.rpc.methods import Methods
from adyton.client.rpc.recovery import Recovery
from adyton.client.rpc.sending import Sending
from adyton.client.rpc.watch import Watch
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from tests.fake_signer import FakeSigner
from tests.scripted_node import CHAIN, ScriptedNode

KEY = b"\x21" * 32
TO = "0x00000000000000000000000000000000DeaDBeef"
NOW_MS = 1_700_000_000_000


def accept(params: list[Any]) -> str:
    """Take a transaction as nodes do."""
    return "0x" + decode_signed(bytes.fromhex(params[0][2:])).hash.hex()


@dataclass
class Parts:
    node: ScriptedNode
    signer: FakeSigner
    journal: Journal
    sending: Sending
    methods: Methods
    watch: Watch
    pauses: list[float]
    stopping: list[bool]
    clock: list[float]

    @property
    def account(self) -> str:
        return checksummed(self.signer.accounts()[0])

    def pay(self, **more: Any) -> str:
        request = {"from": self.account, "to": TO, "value": "0x1", **more}
        return "0x" + self.sending.send(request).hex()

    def call(self, method: str, *params: Any) -> Any:
        return self.methods.carry_out(Call(method, list(params), 1, wants_answer=True))

    @property
    def broadcasts(self) -> list[str]:
        return [params[0] for params in self.node.asked("eth_sendRawTransaction")]


def parts(directory: Path, *, signer: FakeSigner | None = None, **settings: Any) -> Parts:
    """Make them; what is in the directory already is taken up."""
    node = ScriptedNode(eth_sendRawTransaction=accept)
    signer = signer or FakeSigner(KEY)
    chain, journal = PinnedChain(node, CHAIN), Journal(directory / "journal")
    pauses: list[float] = []
    clock = [0.0]
    stopping: list[bool] = []

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        return seconds > 0 and bool(stopping)

    broadcaster = Broadcaster(node, wait)
    recovery = Recovery(signer, journal, CHAIN, lambda: NOW_MS)
    sending = Sending(signer, node, chain, Caps(), journal, broadcaster, recovery, lambda: NOW_MS)
    watch = Watch(
        journal,
        broadcaster,
        chain,
        recovery,
        every_s=1,
        clock=lambda: clock[0],
        now_ms=lambda: NOW_MS,
    )
    methods = Methods(signer, node, chain, sending, **settings)
    return Parts(node, signer, journal, sending, methods, watch, pauses, stopping, clock)
