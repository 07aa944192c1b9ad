"""The notary: a salted commitment to a file's digest, and a receipt that it was recorded."""

from __future__ import annotations

from typing import Final

from adyton.core.schema import Bytes32, Message, message

APP: Final = "notary"
NOTARIZE: Final = "notarize"


@message("notarize/1", max_bytes=256)
class Notarize(Message):
    """Record that a content of this digest existed; only its salted commitment becomes public."""

    digest: Bytes32
