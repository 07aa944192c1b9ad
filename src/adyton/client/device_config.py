"""A device's configuration: one JSON file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adyton.core import limits, strict_json
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import read_address
from adyton.protocol.ethereum.quantities import (
    read_data,
    read_integer,
    read_object,
    read_text,
    refused,
)
from adyton.protocol.ethereum.transaction import CHAIN_ID_MAX, WEI_MAX

_REQUIRED: Final = (
    "home",
    "server",
    "fingerprint",
    "chain",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
)
_KNOWN: Final = (*_REQUIRED, "account", "allowSimulated", "receipts")


@dataclass(frozen=True)
class DeviceConfig:
    """What a device is told once.

    Attributes:
        home: its directory: keys, payments, and in `mqtt/` the files for the broker. Relative to the file.
        server: `mqtts://broker:port/gateway`.
        fingerprint: of the server, 32 bytes; it came another way than over the network.
        chain: chain id that it pays on.
        max_fee, tip: wei for one gas, at the most.
        account: that pays; None where the device has one wallet alone.
        allow_simulated: whether a platform is accepted that nothing protects.
        receipts: directory for a receipt of each signature and refusal, relative to the file; None keeps none.
    """

    home: Path
    server: str
    fingerprint: bytes
    chain: int
    max_fee: int
    tip: int
    account: bytes | None
    allow_simulated: bool
    receipts: Path | None = None

    @classmethod
    def load(cls, path: Path) -> DeviceConfig:
        """Read a file.

        Raises:
            UsageError: it cannot be read, or a field is missing, unknown or wrong; the text names it.
            MalformedError: not JSON.
        """
        try:
            text = path.read_bytes()
        except OSError as problem:
            raise UsageError("usage", f"{path} cannot be read") from problem
        fields = read_object(strict_json.read(text, most=limits.MIB, depth=1), "config", _KNOWN)
        for name in _REQUIRED:
            if name not in fields:
                raise refused("config", f"lacks {name!r}")
        account: Any = fields.get("account")
        receipts: Any = fields.get("receipts")
        allowed = fields.get("allowSimulated", False)
        if type(allowed) is not bool:
            raise refused("config.allowSimulated", "must be true or false")
        return cls(
            path.parent / read_text(fields["home"], "config.home"),
            read_text(fields["server"], "config.server"),
            read_data(f"0x{fields['fingerprint']}", "config.fingerprint", 32, exactly=32),
            read_integer(fields["chain"], "config.chain", 1, CHAIN_ID_MAX),
            read_integer(fields["maxFeePerGas"], "config.maxFeePerGas", 0, WEI_MAX),
            read_integer(fields["maxPriorityFeePerGas"], "config.maxPriorityFeePerGas", 0, WEI_MAX),
            None if account is None else read_address(account, "config.account"),
            allowed,
            None if receipts is None else path.parent / read_text(receipts, "config.receipts"),
        )
