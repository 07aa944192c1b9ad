"""A broadcaster between a node that says what it is told to, and a broker that takes every event or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adyton.host.gateways.broadcaster import Broadcaster
from adyton.host.gateways.counters import Counters
from adyton.host.gateways.ethereum_node import EthereumNode
from adyton.host.gateways.journal import Journal
from adyton.mqtt import topics
from adyton.mqtt.link import Outgoing
from adyton.protocol.ethereum.transaction import SignedTransaction
from tests.ethereum_kit import Account, ToldNode, block, receipt

CHAIN = 31337
CHARGER = topics.Sender("charger", "")
PAYER = Account(7)


class Bench:
    """A broadcaster, and a broker that takes every event, or none."""

    def __init__(self, node: ToldNode, path: Path) -> None:
        self.node = node
        self.path = path
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.takes = True
        self.counters = Counters()
        self.ethereum = EthereumNode(node.url, CHAIN)
        self.open()

    def open(self) -> None:
        self.journal = Journal(self.path)
        self.broadcaster = Broadcaster(
            "g",
            self.ethereum,
            CHAIN,
            self.journal,
            self.publish,
            self.counters,
            confirmations=2,
            poll_s=0.01,
        )

    def close(self) -> None:
        self.broadcaster.close()
        self.journal.close()

    def publish(self, message: Outgoing, acknowledged: Callable[[int], None]) -> None:
        if self.takes:
            self.told.append((message.topic, json.loads(message.payload)))
            acknowledged(0)

    def hand(self, transaction: SignedTransaction, device: topics.Sender = CHARGER) -> None:
        self.broadcaster.take(device, message(transaction.raw))

    def look(self) -> None:
        """Look once, as the thread would."""
        self.broadcaster._look()
        self.broadcaster._deliver()

    def state(self, transaction: SignedTransaction) -> str:
        kept = self.journal.find(transaction.hash)
        return kept.state if kept is not None else ""

    @property
    def names(self) -> list[str]:
        return [told["event"] for _, told in self.told]

    @property
    def last(self) -> dict[str, Any]:
        return self.told[-1][1]

    def mine(self, transaction: SignedTransaction, head: int = 0x11, **changes: Any) -> None:
        self.node.says["eth_getTransactionReceipt"] = receipt(transaction, **changes)
        self.node.says["eth_getBlockByNumber"] = block(transaction)
        self.node.says["eth_blockNumber"] = hex(head)


def message(raw: bytes) -> bytes:
    return json.dumps({"v": 1, "raw": "0x" + raw.hex()}).encode()
