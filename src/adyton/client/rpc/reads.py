"""What is asked of the node for a program: these methods and no others."""

from __future__ import annotations

from typing import Final

READS: Final = frozenset(
    {
        "eth_blobBaseFee",
        "eth_blockNumber",
        "eth_call",
        "eth_createAccessList",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getBlockReceipts",
        "eth_getBlockTransactionCountByHash",
        "eth_getBlockTransactionCountByNumber",
        "eth_getCode",
        "eth_getFilterChanges",
        "eth_getFilterLogs",
        "eth_getLogs",
        "eth_getProof",
        "eth_getStorageAt",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_getUncleCountByBlockHash",
        "eth_getUncleCountByBlockNumber",
        "eth_maxPriorityFeePerGas",
        "eth_newBlockFilter",
        "eth_newFilter",
        "eth_protocolVersion",
        "eth_simulateV1",
        "eth_syncing",
        "eth_uninstallFilter",
        "net_listening",
        "net_peerCount",
        "web3_clientVersion",
        "web3_sha3",
    }
)
RAW: Final = "eth_sendRawTransaction"

# Why methods that programs know elsewhere are not here.
WHY_NOT: Final = {
    "eth_signTypedData_v1": "only typed data of EIP-712 is signed; use eth_signTypedData_v4",
    "eth_signTypedData_v3": "use eth_signTypedData_v4",
    "eth_subscribe": "subscriptions need a WebSocket; connect by ws://",
    "eth_unsubscribe": "subscriptions need a WebSocket; connect by ws://",
    "wallet_addEthereumChain": "the chain is pinned; start another facade for another chain",
    "wallet_switchEthereumChain": "the chain is pinned; start another facade for another chain",
}
_FAMILIES: Final = {
    "personal_": "wallets are made by `adyton wallet new`, and have no passwords",
    "wallet_": "accounts and chain are fixed when the facade starts",
    "anvil_": "the node's operator does that, at the node itself",
    "evm_": "the node's operator does that, at the node itself",
    "hardhat_": "the node's operator does that, at the node itself",
    "admin_": "the node's operator does that, at the node itself",
    "miner_": "the node's operator does that, at the node itself",
    "debug_": "the node itself answers that",
    "trace_": "the node itself answers that",
    "txpool_": "the node itself answers that",
}


def why_not(method: str) -> str:
    """Return why a method is not carried out, and what to do."""
    known = method.isascii() and method.replace("_", "").isalnum() and len(method) <= 60
    named = f"method {method} is" if known else "such a method is"
    reason = WHY_NOT.get(method)
    for family, text in _FAMILIES.items():
        if reason is None and method.startswith(family):
            reason = text
    return f"{named} not offered here: {reason or 'only reads and signatures of wallets are'}"
