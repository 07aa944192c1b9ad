"""A server in memory with registries and verdicts: its signatures are real, and a test makes it lie about the rest."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Any

from adyton.core.contexts import Context
from adyton.core.errors import Error, UsageError
from adyton.core.schema import decode_one_of
from adyton.protocol.claims import IDENTITY_FIELDS, claims_digest, commit
from adyton.protocol.envelope import ReadAnswer, Request, Response, SealedReadAnswer
from adyton.protocol.identity import requests as protocol
from adyton.protocol.identity.answers import (
    ANSWER_LEAST,
    USE_SEALED,
    YES,
    Answer,
    Checklist,
    IdentityEntry,
    Records,
    Registered,
    StatusKept,
    Verdict,
)
from adyton.protocol.identity.naming import name_of
from adyton.protocol.identity.record import claimed_values, refused_values
from adyton.protocol.identity.registries import RECORDS, PolicyRecord, Record
from adyton.protocol.identity.requests import OfRecord, Present, Register
from adyton.protocol.padding import pad
from tests.adversary.server_simulator import Recorded, ServerSimulator, now_ms


@dataclass
class IdentityServer(ServerSimulator):
    """A simulated server that says yes to whatever it is brought.

    Attributes:
        verdict: fields of verdicts that are not as usual.
        answer: fields of the answer around it that are not as usual.
        claimed: values of claims that are not those of the verdict.
        entry: what is public of an entry instead of what is.
        registered: fields of answers to `register` that are not as usual.
        shown: encoded records that reads answer with, instead of those of the name.
        pseudonym: of everybody, where a policy asks for one.
    """

    verdict: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    claimed: dict[str, bytes] = field(default_factory=dict)
    entry: IdentityEntry | None = None
    registered: dict[str, Any] = field(default_factory=dict)
    shown: list[bytes] | None = None
    pseudonym: bytes = b"\x5a" * 32
    held: dict[bytes, Record] = field(default_factory=dict)

    @property
    def chain_id(self) -> bytes:
        return self.ledger.chain_id

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
        if request.method == protocol.REGISTER:
            result, claims, entry = self._register(request)
        elif request.method == protocol.STATUS:
            result, claims, entry = StatusKept(8, None).encode(), None, None
        else:
            result, claims, entry = self._present(request, exec_id)
        public = self.entry or entry
        response = Response("", result, self._ticket(request.client_key), None)
        part = self.ledger.part(
            "request",
            task_hash=named,
            claims=claims,
            sealed=response.seal(request.response_key, exec_id),
            body=None if public is None else public.encode(),
        )
        self.ledger.add([part], header=header)
        self.recorded[named] = Recorded(request, exec_id, (header.height, 0))

    def _register(self, request: Request) -> tuple[bytes, None, IdentityEntry]:
        record = decode_one_of(Register.decode(request.arguments).record, RECORDS)
        name = name_of(self.chain_id, record)
        self.held[name] = record
        told = replace(Registered(name, record.version), **self.registered)
        return told.encode(), None, IdentityEntry(record.encode(), ())

    def _present(self, request: Request, exec_id: bytes) -> tuple[bytes, bytes, IdentityEntry]:
        asked = Present.decode(request.arguments).request
        policy = self.held[asked.policy]
        known = None
        if isinstance(policy, PolicyRecord) and policy.pseudonym:
            known = self.pseudonym
        verdict = Verdict(asked.name(), asked.party, asked.policy_hash, 0, YES, "", known, b"", 0)
        verdict = replace(verdict, **self.verdict)
        answer = replace(Answer("", "", verdict.encode()), **self.answer)
        values = refused_values(answer.code) if answer.code else claimed_values(verdict)
        values |= self.claimed
        made = commit(IDENTITY_FIELDS, values, request.result_key, exec_id)
        entry = IdentityEntry(b"", (bytes(USE_SEALED),))
        return pad(answer.encode(), least=ANSWER_LEAST), claims_digest(made), entry

    # --- reads ----------------------------------------------------------------------------------

    def read(self, envelope: bytes) -> bytes:
        request, _ = self.open(envelope, Context.HPKE_READ)
        if request.app != protocol.APP:
            return super().read(envelope)
        code, result = "", b""
        try:
            result = self._told(request)
        except Error as problem:
            code = problem.code
        answer = ReadAnswer(
            code,
            result,
            self._ticket(request.client_key),
            self.ledger.blocks[-1].checkpoint.encode(),
            now_ms() + 60_000,
        )
        answer = replace(answer, **self.changed_read)
        return SealedReadAnswer.seal(answer, request.response_key, os.urandom(32)).encode()

    def _told(self, request: Request) -> bytes:
        name = OfRecord.decode(request.arguments).name
        if request.method == protocol.LIST:
            listed = sorted(self.held) if self.shown is None else []
            records = [self.held[one].encode() for one in listed if one > name]
            if self.shown is not None and not any(name):
                records = self.shown
            return Records(tuple(records)).encode()
        if request.method == protocol.CHECKLIST:
            return Checklist(bytes(32), 1, 1, ()).encode()
        if self.shown is not None:
            return self.shown[0]
        if name not in self.held:
            raise UsageError("not_found", "there is no such record here")
        return self.held[name].encode()
