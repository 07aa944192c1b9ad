"""What the vectors of MQTT call."""

from typing import Any

from adyton.host.gateways.allowed import require_allowed
from adyton.host.gateways.reports import read_handed, transaction_id
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from adyton.protocol.wallet.article import read_article

Given = dict[str, Any]


def _relayed(given: Given) -> Given:
    """Say whether a gateway relays a request; it gives nothing, or refuses."""
    has_body = bool(given["content_type"])
    require_allowed(given["method"], given["target"], given["content_type"], has_body=has_body)
    return {}


def _read_tx(given: Given) -> Given:
    """Take a `tx` apart."""
    signed = decode_signed(read_handed(given["message"].encode()))
    text = transaction_id(signed.transaction.data)
    return {"hash": signed.hash.hex(), "from": signed.sender.hex(), "transaction_id": text}


def _read_article(given: Given) -> Given:
    """Read a document of the article's profile."""
    made = read_article(given["document"].encode())
    return {"unsigned": made.unsigned.hex(), "signing_hash": made.signing_hash.hex()}
