"""A server in memory with contracts: what they answer is made up, what is recorded and sealed of it is real."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Any

from adyton.core.contexts import Context
from adyton.core.schema import Message
from adyton.protocol import contract as protocol
from adyton.protocol.claims import CONTRACT_FIELDS, claims_digest, commit
from adyton.protocol.contract import (
    Contract,
    ContractEntry,
    ContractUsage,
    Description,
    PublicEvent,
    Result,
    code_hash,
    contract_address,
)
from adyton.protocol.envelope import ReadAnswer, Request, Response, SealedReadAnswer
from adyton.protocol.wasm_module import read_module
from tests.adversary.server_simulator import Recorded, ServerSimulator, now_ms


@dataclass
class ContractServer(ServerSimulator):
    """A simulated server with one contract at most, the last that was deployed.

    Attributes:
        outcome: fields of results, of requests and queries, that are not as usual.
        made: fields of what the ledger says of a deployment that are not so.
        described: fields of the contract in descriptions that are not as the ledger has them.
        events: told by the next request.
        refuse: reads by method, answered with a code.
    """

    outcome: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    described: dict[str, Any] = field(default_factory=dict)
    events: tuple[tuple[str, bytes], ...] = ()
    refuse: dict[str, str] = field(default_factory=dict)
    contract: Contract | None = None
    module: bytes = b""

    def execute(self, named: bytes, envelope: bytes) -> None:
        request, ticket = self.open(envelope, Context.HPKE_REQUEST)
        if request.app != protocol.APP:
            super().execute(named, envelope)
            return
        self.spent.add(ticket)
        header = self.ledger.next_header(
            [envelope], max(now_ms(), self.ledger.blocks[-1].header.time_ms)
        )
        exec_id = header.exec_id(0, 0)
        method, given, public = self._carried_out(request, exec_id, header.height)
        result = self._result()
        values = {
            "address": result.address,
            "code_hash": result.code_hash,
            "method": method.encode(),
            "caller": request.client_key,
            "input": given,
            "status": result.status.encode(),
            "output": result.output,
            "usage": result.usage.encode(),
        }
        events = tuple(PublicEvent(result.address, *event) for event in self.events)
        self.events = ()
        entry = ContractEntry(public, events, ()) if public or events else None
        response = Response("", result.encode(), self._ticket(request.client_key), None)
        part = self.ledger.part(
            "request",
            task_hash=named,
            claims=claims_digest(commit(CONTRACT_FIELDS, values, request.result_key, exec_id)),
            sealed=response.seal(request.response_key, exec_id),
            body=None if entry is None else entry.encode(),
        )
        self.ledger.add([part], header=header)
        self.recorded[named] = Recorded(request, exec_id, (header.height, 0))

    def _carried_out(
        self, request: Request, exec_id: bytes, height: int
    ) -> tuple[str, bytes, Contract | None]:
        if request.method == protocol.CALL:
            call = protocol.Call.decode(request.arguments)
            return call.method, call.given, None
        if request.method == protocol.UPGRADE:
            new = protocol.Upgrade.decode(request.arguments)
            assert self.contract is not None
            self.module = new.code
            self.contract = replace(
                self.contract,
                code_hash=code_hash(new.code),
                version=self.contract.version + 1,
                height=height,
            )
            return "migrate", new.given, replace(self.contract, **self.made)
        asked = protocol.Deploy.decode(request.arguments)
        self.module, hashed = asked.code, code_hash(asked.code)
        address = contract_address(exec_id, hashed, request.client_key)
        terms = (asked.upgrade, asked.ordering, asked.padding, 0, height)
        self.contract = Contract(address, hashed, request.client_key, *terms)
        return "init", asked.given, replace(self.contract, **self.made)

    def _result(self) -> Result:
        assert self.contract is not None
        usual = Result(
            "done", "", self.contract.address, self.contract.code_hash, b"",
            ContractUsage(1, 2, 3), (),
        )  # fmt: skip
        return replace(usual, **self.outcome)

    def read(self, envelope: bytes) -> bytes:
        request, _ = self.open(envelope, Context.HPKE_READ)
        if request.app != protocol.APP:
            return super().read(envelope)
        code = self.refuse.get(request.method, "")
        answer = ReadAnswer(
            code,
            b"" if code else self._answer(request.method),
            self._ticket(request.client_key),
            self.ledger.blocks[-1].checkpoint.encode(),
            now_ms() + 60_000,
        )
        answer = replace(answer, **self.changed_read)
        return SealedReadAnswer.seal(answer, request.response_key, os.urandom(32)).encode()

    def _answer(self, method: str) -> bytes:
        if method == protocol.CODE:
            return self.module
        assert self.contract is not None
        outline = read_module(self.module)
        answers: dict[str, Message] = {
            protocol.QUERY: self._result(),
            protocol.DESCRIBE: Description(
                replace(self.contract, **self.described),
                outline.calls,
                outline.queries,
                outline.interface,
            ),
        }
        return answers[method].encode()


def with_interface(text: str, module: bytes) -> bytes:
    """Return the module with another interface description; one without any gets one."""
    name = b"adyton_interface"
    kept, at = bytearray(module[:8]), 8
    while at < len(module):
        size, body = _leb(module, at + 1)
        section = module[at : body + size]
        if not (module[at] == 0 and module[body + 1 : body + 1 + len(name)] == name):
            kept += section
        at = body + size
    content = bytes((len(name),)) + name + text.encode()
    return bytes(kept) + b"\0" + _to_leb(len(content)) + content


def _leb(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def _to_leb(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
