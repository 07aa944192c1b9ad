"""The methods: what is answered here, what is asked of the node, and what is not done at all."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from adyton.client.rpc.chain import PinnedChain
from adyton.client.rpc.jsonrpc import PARAMS, UNAUTHORIZED, UNKNOWN, Call, RpcError
from adyton.client.rpc.node import Node
from adyton.client.rpc.reads import RAW, READS, why_not
from adyton.client.rpc.sending import Sending
from adyton.client.rpc.signatures import message_of, sign_message, sign_typed_data, typed_data_of
from adyton.client.rpc.signer import Signer
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import checksummed, read_address
from adyton.protocol.ethereum.transaction import SignedTransaction
from adyton.protocol.ethereum.transaction_json import write_transaction

# Their order in a batch is the order in which they are carried out: nonces follow it.
IN_ORDER: Final = frozenset({"eth_sendTransaction", "eth_signTransaction", RAW})


class Methods:
    """Carries out calls; usable from several threads.

    Args:
        signer: whose accounts these are.
        node: that reads are asked of.
        chain: that is signed for.
        sending: of transactions.
        only: offer these accounts alone; empty for all of the signer's.
        raw: whether programs may broadcast what they have signed themselves.
    """

    def __init__(
        self,
        signer: Signer,
        node: Node,
        chain: PinnedChain,
        sending: Sending,
        *,
        only: Collection[bytes] = (),
        raw: bool = True,
    ) -> None:
        self._signer = signer
        self._node = node
        self._chain = chain
        self._sending = sending
        self._only = frozenset(only)
        self._raw = raw
        self._own: dict[str, Callable[[list[Any]], Any]] = {
            "eth_accounts": self._accounts,
            "eth_requestAccounts": self._accounts,
            "eth_chainId": self._chain_id,
            "net_version": self._net_version,
            "eth_sendTransaction": self._send_transaction,
            "eth_signTransaction": self._sign_transaction,
            "personal_sign": self._personal_sign,
            "eth_sign": self._sign,
            "eth_signTypedData": self._sign_typed_data,
            "eth_signTypedData_v4": self._sign_typed_data,
            "eth_getTransactionCount": self._transaction_count,
        }

    @property
    def own(self) -> frozenset[str]:
        """Names of the methods that are answered here, not by the node."""
        return frozenset(self._own)

    def accounts(self) -> list[bytes]:
        """Return the accounts that are offered, 20 bytes each.

        Raises:
            Error: as `Signer.accounts`.
        """
        return [one for one in self._signer.accounts() if not self._only or one in self._only]

    def carry_out(self, call: Call) -> Any:
        """Return the result of a call.

        Raises:
            Error: it was not carried out, or not to its end.
        """
        own = self._own.get(call.method)
        if own is not None:
            return own(call.params)
        if call.method in READS or (call.method == RAW and self._raw):
            return self._node.call(call.method, call.params)
        if call.method == RAW:
            text = "this facade broadcasts only what it has signed; start it without --no-raw"
            raise RpcError(UNKNOWN, text, code="method_unknown")
        raise RpcError(UNKNOWN, why_not(call.method), code="method_unknown")

    # --- what is known here ---------------------------------------------------------------------

    def _accounts(self, params: list[Any]) -> list[str]:
        _take(params, 0, 1, "none")
        return [checksummed(one) for one in self.accounts()]

    def _chain_id(self, params: list[Any]) -> str:
        _take(params, 0, 0, "none")
        return hex(self._chain.id)

    def _net_version(self, params: list[Any]) -> str:
        _take(params, 0, 0, "none")
        return str(self._chain.id)

    def _transaction_count(self, params: list[Any]) -> Any:
        _take(params, 1, 2, "address, block")
        if params[1:] in ([], [None], ["latest"], ["pending"]):
            address = read_address(params[0], "params[0]", unchecked_case=True)
            if address in self.accounts():
                # Programs ask in order to choose a nonce, cast for "latest": the enclave keeps it, and the node might
                # say anything.
                return hex(self._signer.next_nonce(address, self._chain.id))
        return self._node.call("eth_getTransactionCount", params)

    # --- what is signed -------------------------------------------------------------------------

    def _send_transaction(self, params: list[Any]) -> str:
        return "0x" + self._sending.send(self._request(params)).hex()

    def _sign_transaction(self, params: list[Any]) -> dict[str, Any]:
        signed = self._sending.sign(self._request(params))
        return {"raw": "0x" + signed.raw.hex(), "tx": _shown(signed)}

    def _personal_sign(self, params: list[Any]) -> str:
        _take(params, 2, 3, "data, address")
        if len(params) == 3 and params[2] not in (None, ""):
            raise RpcError(PARAMS, "wallets have no passwords; leave the third param out")
        return self._signed_message(params[1], params[0])

    def _sign(self, params: list[Any]) -> str:
        _take(params, 2, 2, "address, data")
        return self._signed_message(params[0], params[1])

    def _signed_message(self, address: Any, data: Any) -> str:
        account = self._account(address)
        message = message_of(data)
        self._chain.require_unless_silent()
        return "0x" + sign_message(self._signer, account, message).hex()

    def _sign_typed_data(self, params: list[Any]) -> str:
        _take(params, 2, 2, "address, typed data")
        account = self._account(params[0])
        typed = typed_data_of(params[1], self._chain.id)
        self._chain.require_unless_silent()
        return "0x" + sign_typed_data(self._signer, account, typed).hex()

    def _request(self, params: list[Any]) -> dict[str, Any]:
        _take(params, 1, 1, "transaction")
        request = params[0]
        if type(request) is not dict:
            raise RpcError(PARAMS, "params[0] must be an object, the transaction")
        self._account(request.get("from"), "transaction.from")
        return request

    def _account(self, value: Any, path: str = "the address") -> bytes:
        if value is None:
            raise UsageError("bad_argument", f"{path} is missing; eth_accounts lists who can sign")
        account = read_address(value, path, unchecked_case=True)
        if account not in self.accounts():
            raise RpcError(
                UNAUTHORIZED,
                f"{checksummed(account)} is no account of this facade; eth_accounts lists them",
                {"code": "wallet_unknown"},
                code="wallet_unknown",
            )
        return account


def _take(params: list[Any], least: int, most: int, named: str) -> None:
    if not least <= len(params) <= most:
        raise RpcError(PARAMS, f"{len(params)} params; this method takes {named}")


def _shown(signed: SignedTransaction) -> dict[str, Any]:
    """Return a transaction as nodes show it."""
    transaction, signature = signed.transaction, signed.signature
    told = write_transaction(transaction)
    told["input"] = told.pop("data")
    told["from"] = checksummed(signed.sender)
    told["hash"] = "0x" + signed.hash.hex()
    v = signature.y_parity if transaction.kind else signature.v(transaction.chain_id)
    told |= {"v": hex(v), "r": hex(signature.r), "s": hex(signature.s)}
    if transaction.kind:
        told["yParity"] = hex(signature.y_parity)
    return told
