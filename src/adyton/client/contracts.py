"""Contracts from a client's side: deploy, call, query, and what a contract says of itself.

contract = deploy(session, Path("auction.wasm").read_bytes(), arguments={"seller": "…"})
contract.call("bid", {"amount": 5})     # or: contract.calls.bid(amount=5)
contract.query("status")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from adyton.client.contract_calls import (
    AnswerUnreadable,
    Asked,
    Called,
    ContractFailed,
    Reader,
    carry_out,
)
from adyton.client.contract_interface import Interface, Method, read_interface
from adyton.client.exchange import Accepted
from adyton.client.records import PENDING, RequestRecord
from adyton.client.session import Session
from adyton.core.errors import UsageError, VerificationError
from adyton.core.schema import Message
from adyton.protocol import contract as protocol
from adyton.protocol.contract import (
    Description,
    Result,
    code_hash,
    contract_address,
)
from adyton.protocol.envelope import Request, SignedRequest
from adyton.protocol.wasm_module import Outline, read_module

DEFAULT_FUEL: Final = 200_000_000


class Contract:
    """A contract on the session's chain.

    Args:
        session: whose requests it is called with.
        description: what the enclave says of it.

    Attributes:
        calls, queries: typed methods by name: `contract.calls.bid(amount=5)`.
    """

    def __init__(self, session: Session, description: Description) -> None:
        self._session = session
        self.description = description
        self.address = description.contract.address
        self.interface = read_interface(description.interface)
        self.calls = _Methods(description.calls, lambda name, given: self.call(name, given).value)
        self.queries = _Methods(description.queries, self.query)

    def __repr__(self) -> str:
        return f"<Contract {self.address.hex()[:16]}>"

    def call(
        self,
        method: str,
        arguments: Any = None,
        *,
        fuel: int = DEFAULT_FUEL,
        ordering: str = "single-host",
    ) -> Called:
        """Call a method that may change state; return when it is carried out, recorded and verified.

        Args:
            method: its name.
            arguments: by name, as the interface description says; bytes without one.
            fuel: the most it may use.
            ordering: the least ordering level to accept.

        Raises:
            ContractFailed: with the contract's reason. AnswerUnreadable: it is carried out, but the answer is of
            another type, or of code that was put in its place since it was described.
            UsageError: no such method, or other arguments. Error: as `Session.request`.
        """
        interface = self._told("call", method)
        shape, given = _input(interface, "call", method, arguments)
        asked = protocol.Call(self.address, method, given, fuel)
        return self._call(
            asked,
            self._reader(interface, shape),
            _sender(self._session, protocol.CALL, asked, method, ordering),
        )

    def _call(self, asked: protocol.Call, reader: Reader, send: Callable[[], Accepted]) -> Called:
        held = Asked(self.address, asked.method, asked.given, reader)
        return carry_out(self._session, send, held)

    def query(self, method: str, arguments: Any = None, *, fuel: int = DEFAULT_FUEL) -> Any:
        """Ask a method that may not change state: answered at once, recorded nowhere.

        Returns:
            The output as the interface description says it; bytes without one.

        Raises:
            ContractFailed: with the contract's reason. Else as `call`.
        """
        return self.query_result(method, arguments, fuel=fuel)[1]

    def query_result(
        self, method: str, arguments: Any = None, *, fuel: int = DEFAULT_FUEL
    ) -> tuple[Result, Any]:
        """As `query`, with the whole result beside its value."""
        interface = self._told("query", method)
        shape, given = _input(interface, "query", method, arguments)
        asked = protocol.Call(self.address, method, given, fuel)
        answer = self._session.read(protocol.APP, protocol.QUERY, asked.encode())
        result = Result.decode(answer)
        if result.address != self.address:
            raise VerificationError("answer_invalid", "the answer of another contract")
        if result.status != "done":
            raise ContractFailed(result)
        value, reason = self._reader(interface, shape).read(result)
        if reason is not None:
            raise AnswerUnreadable(reason, result)
        return result, value

    def _told(self, kind: str, name: str) -> Interface | None:
        """Return the interface, unless the module has a method of which it says nothing."""
        interface, has = self.interface, self.description
        if interface is None:
            return None
        told, there = (
            (interface.calls, has.calls) if kind == "call" else (interface.queries, has.queries)
        )
        return None if name in there and name not in told else interface

    def _reader(self, interface: Interface | None, shape: Method) -> Reader:
        return Reader(interface, shape, self.description.contract.code_hash)

    def upgrade(
        self, code: bytes, arguments: Any = None, *, fuel: int = DEFAULT_FUEL
    ) -> tuple[Contract, Called]:
        """Put other code in its place, and run that code's `migrate`; return it as it is then.

        Raises:
            PolicyError: `not_upgradable`. Else as `call`.
        """
        _, given = _input(
            read_interface(read_module(code).interface), "migrate", "migrate", arguments
        )
        asked = protocol.Upgrade(self.address, code, given, fuel)
        send = _sender(self._session, protocol.UPGRADE, asked, "migrate", "single-host")
        return self._upgrade(asked, send, least=self.description.contract.version + 1)

    def _upgrade(
        self, asked: protocol.Upgrade, send: Callable[[], Accepted], *, least: int
    ) -> tuple[Contract, Called]:
        outline, hashed = read_module(asked.code), code_hash(asked.code)
        interface = read_interface(outline.interface)
        shape = Method() if interface is None else interface.method("migrate", "migrate")
        held = Asked(self.address, "migrate", asked.given, Reader(interface, shape, hashed))
        called = carry_out(self._session, send, held)
        was = self.description.contract
        made = None if called.entry is None else called.entry.contract
        if (
            made is None
            or made.version < least
            or replace(was, code_hash=hashed, version=made.version, height=made.height) != made
        ):
            raise VerificationError("answer_invalid", "another upgrade was made than asked for")
        return Contract(self._session, _described(made, outline)), called


class _Methods:
    """Methods as attributes."""

    def __init__(self, names: tuple[str, ...], ask: Callable[[str, Any], Any]) -> None:
        self._names = names
        self._ask = ask

    def __dir__(self) -> tuple[str, ...]:
        return self._names

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._names:
            raise AttributeError(f"the contract has no method {name!r}")
        return lambda **arguments: self._ask(name, arguments)


def deploy(
    session: Session,
    code: bytes,
    arguments: Any = None,
    *,
    upgrade: str = protocol.NEVER,
    ordering: str = "single-host",
    padding: int = 0,
    fuel: int = DEFAULT_FUEL,
) -> tuple[Contract, Called]:
    """Make a contract; return it, and the proof that it was made.

    Args:
        session: who will be its deployer.
        code: Wasm module.
        arguments: of its `init`, by name; bytes without an interface description.
        upgrade: `never`, or `deployer`.
        ordering: least ordering level under which it will answer.
        padding: smallest size class of what it stores and answers.
        fuel: the most that `init` may use.

    Raises:
        MalformedError: `module_refused`. ContractFailed: `init` or the compiler refuses. Else as `Contract.call`.
    """
    _, given = _input(read_interface(read_module(code).interface), "init", "init", arguments)
    asked = protocol.Deploy(code, given, upgrade, ordering, padding, fuel)
    return _deploy(session, asked, _sender(session, protocol.DEPLOY, asked, "init", "single-host"))


def _deploy(
    session: Session, asked: protocol.Deploy, send: Callable[[], Accepted]
) -> tuple[Contract, Called]:
    outline, hashed = read_module(asked.code), code_hash(asked.code)
    interface = read_interface(outline.interface)
    shape = Method() if interface is None else interface.method("init", "init")
    held = Asked(None, "init", asked.given, Reader(interface, shape, hashed))
    called = carry_out(session, send, held)
    made = None if called.entry is None else called.entry.contract
    deployer = session.keystore.identity.signing_key.public
    address = contract_address(called.accepted.exec_id, hashed, deployer)
    if (
        made is None
        or called.result.address != address
        or (made.address, made.code_hash, made.deployer, made.version)
        != (address, hashed, deployer, 0)
        or (made.upgrade, made.ordering, made.padding)
        != (asked.upgrade, asked.ordering, asked.padding)
    ):
        raise VerificationError("answer_invalid", "another contract was made than asked for")
    # Known from the entry and the module: asking once more could fail, and the proof be lost.
    return Contract(session, _described(made, outline)), called


def pending(session: Session) -> list[RequestRecord]:
    """Return the deployments, calls and upgrades without an answer, oldest first."""
    return [
        record
        for record in session.store.requests()
        if record.app == protocol.APP and record.state == PENDING
    ]


def resume(session: Session, record: RequestRecord) -> tuple[Contract, Called]:
    """Ask again for what has no answer: however often, it has one effect.

    Args:
        session: whose it is.
        record: one of `pending`.

    Returns:
        The contract as it is then, and what was carried out.

    Raises:
        Error: as `deploy`, `Contract.call` or `Contract.upgrade`; refused in public, it has no effect any more.
    """
    request = Request.decode(SignedRequest.decode(record.signed or b"").body)

    def send() -> Accepted:
        return session.resume(record.request_id, keep=False)

    if request.method == protocol.DEPLOY:
        return _deploy(session, protocol.Deploy.decode(request.arguments), send)
    if request.method == protocol.UPGRADE:
        upgrade = protocol.Upgrade.decode(request.arguments)
        # It may have been carried out: then it is described as it is since.
        return describe(session, upgrade.address)._upgrade(upgrade, send, least=1)
    call = protocol.Call.decode(request.arguments)
    contract = describe(session, call.address)
    interface = contract._told("call", call.method)
    shape = Method() if interface is None else interface.method("call", call.method)
    return contract, contract._call(call, contract._reader(interface, shape), send)


def _sender(
    session: Session, what: str, asked: Message, name: str, ordering: str
) -> Callable[[], Accepted]:
    return lambda: session.request(protocol.APP, what, asked.encode(), ordering=ordering, name=name)


def describe(session: Session, address: bytes) -> Contract:
    """Return a contract of the session's chain.

    Raises:
        UsageError: `contract_unknown`. Error: as `Session.read`.
    """
    asked = protocol.Asked(address).encode()
    answer = session.read(protocol.APP, protocol.DESCRIBE, asked)
    description = Description.decode(answer)
    if description.contract.address != address:
        raise VerificationError("answer_invalid", "the description of another contract")
    return Contract(session, description)


def fetch_code(session: Session, contract: Contract) -> bytes:
    """Return a contract's module, whose hash is the one of its description.

    Raises:
        VerificationError: it is another module. Error: as `Session.read`.
    """
    asked = protocol.Asked(contract.address).encode()
    code = session.read(protocol.APP, protocol.CODE, asked)
    if code_hash(code) != contract.description.contract.code_hash:
        raise VerificationError("answer_invalid", "the code of another contract")
    return code


def _input(
    interface: Interface | None, kind: str, name: str, arguments: Any
) -> tuple[Method, bytes]:
    if isinstance(arguments, bytes):
        return (Method() if interface is None else interface.method(kind, name)), arguments
    if interface is not None:
        shape = interface.method(kind, name)
        return shape, interface.encode(shape, {} if arguments is None else arguments)
    if arguments in (None, {}):
        return Method(), b""
    raise UsageError(
        "interface", "no interface description says what it takes: give the input as bytes"
    )


def _described(made: protocol.Contract, outline: Outline) -> Description:
    return Description(made, outline.calls, outline.queries, outline.interface)
