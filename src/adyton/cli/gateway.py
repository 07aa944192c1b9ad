"""`adyton gateway mqtt`: let devices reach a server, and a chain, through an MQTT broker."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from adyton.cli.output import Output
from adyton.cli.settings import json_parent
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.host.gateways.mqtt import GatewaySettings
    from adyton.host.gateways.run import Ethereum

_CONFIRMATIONS: Final = 12
_MOST_CONFIRMATIONS: Final = 100  # nodes keep the state of so many blocks
_CHAIN_MAX: Final = 2**63 - 1
_DESCRIPTION = """\
Let devices reach a server through ways that are not HTTP. What passes through is sealed and signed
from end to end: neither the broker nor the gateway can read or alter it.
"""
_MQTT_DESCRIPTION = """\
Relay the requests of devices from an MQTT broker to a server, and their answers back. With
--ethereum, also broadcast the signed transactions that devices hand over, follow each to its
confirmation, and publish what becomes of it; the node's word for it is not proven.

The broker needs rules; examples/mqtt has them. The certificate's common name is the gateway's
name, and stands in every topic: adyton/v1/NAME/…
"""


def add(nouns: Any) -> None:
    """Add the command and its verbs."""
    parser = nouns.add_parser(
        "gateway",
        help="let devices reach a server through a broker",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    mqtt = verbs.add_parser(
        "mqtt",
        help="MQTT v5 over TLS 1.3, with certificates on both sides",
        description=_MQTT_DESCRIPTION,
        epilog="example:\n  adyton gateway mqtt --server http://127.0.0.1:8384 --broker broker.example:8883 \\\n"
        "    --ca ca.pem --cert gateway-1.pem --key gateway-1.key --data ./gateway-data",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent()],
        allow_abbrev=False,
    )
    mqtt.add_argument("--server", metavar="URL", required=True, help="the server's HTTP interface")
    mqtt.add_argument("--broker", metavar="HOST:PORT", required=True, help="default port 8883")
    mqtt.add_argument(
        "--ca", metavar="FILE", required=True, help="authority of the broker's certificate"
    )
    mqtt.add_argument("--cert", metavar="FILE", required=True, help="the gateway's certificate")
    mqtt.add_argument("--key", metavar="FILE", required=True, help="the key of it")
    mqtt.add_argument(
        "--name", metavar="NAME", help="in the topics; default the certificate's common name"
    )
    mqtt.add_argument(
        "--data", metavar="DIR", help="what outlives a restart; needed with --ethereum"
    )
    mqtt.add_argument("--ethereum", metavar="URL", help="JSON-RPC of a node to broadcast by")
    mqtt.add_argument(
        "--chain", metavar="N", type=int, help="the one chain id that is broadcast to"
    )
    mqtt.add_argument(
        "--confirmations",
        metavar="N",
        type=int,
        default=_CONFIRMATIONS,
        help=f"blocks until a payment counts as confirmed; default {_CONFIRMATIONS}",
    )
    mqtt.add_argument(
        "--metrics", metavar="PORT", type=int, help="show counters on this loopback port"
    )
    mqtt.set_defaults(handler=_mqtt, parser=mqtt)


def _mqtt(args: argparse.Namespace, out: Output) -> int:
    import logging
    import secrets

    from adyton.host.gateways.mqtt import GatewaySettings
    from adyton.host.gateways.run import RunSettings, run_gateway
    from adyton.mqtt import topics
    from adyton.mqtt.identity import Identity

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if args.metrics is not None and not 1 <= args.metrics <= 65535:
        raise UsageError("usage", "a port is a number from 1 to 65535")
    identity = Identity(Path(args.ca), Path(args.cert), Path(args.key))
    name = topics.require_name(args.name or identity.common_name(), "a gateway's name")
    ethereum = _ethereum(args)
    gateway = GatewaySettings(
        name,
        args.server,
        broker_address(args.broker),
        identity,
        client_id=f"adyton-gateway-{secrets.token_hex(16)}",
        chain=None if ethereum is None else ethereum.chain,
    )
    data = None if args.data is None else Path(args.data)
    run_gateway(RunSettings(gateway, data, ethereum, args.metrics), lambda ready: _say(ready, out))
    return 0


def _say(ready: GatewaySettings, out: Output) -> None:
    """Print what clients need, at once: scripts wait for it."""
    from adyton.mqtt.address import Address

    url = str(Address(*ready.broker, ready.name))
    chain = "none" if ready.chain is None else str(ready.chain)
    out.text(f"gateway: {url}", f"server: {ready.server}", f"broadcasts to chain: {chain}")
    out.json({"url": url, "name": ready.name, "server": ready.server, "chain": ready.chain})
    sys.stdout.flush()


def _ethereum(args: argparse.Namespace) -> Ethereum | None:
    from adyton.host.gateways.run import Ethereum

    if (args.ethereum is None) != (args.chain is None):
        raise UsageError("usage", "--ethereum and --chain go together: the chain id is pinned")
    if args.ethereum is None:
        return None
    if not 1 <= args.chain <= _CHAIN_MAX:
        raise UsageError("usage", f"--chain must be from 1 to {_CHAIN_MAX}")
    if not 1 <= args.confirmations <= _MOST_CONFIRMATIONS:
        raise UsageError("usage", f"--confirmations must be from 1 to {_MOST_CONFIRMATIONS}")
    return Ethereum(args.ethereum, args.chain, args.confirmations)


def broker_address(text: str) -> tuple[str, int]:
    """Return host and port of a broker.

    Raises:
        UsageError: not HOST or HOST:PORT.
    """
    from adyton.mqtt.address import DEFAULT_PORT

    parts = urlsplit(f"//{text}")
    try:
        port = parts.port
    except ValueError as problem:
        raise UsageError("usage", "the broker's port is not a number") from problem
    if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
        raise UsageError("usage", "a broker is HOST or HOST:PORT")
    return parts.hostname, port or DEFAULT_PORT
