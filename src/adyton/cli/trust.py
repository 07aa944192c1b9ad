"""`adyton trust`: pin a server's fingerprint, after checking that the server is the one it names."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from adyton.cli.connect import hex_bytes, invite_path
from adyton.cli.output import Output
from adyton.cli.settings import home_parent, json_parent, settings_of
from adyton.core.errors import MalformedError, PolicyError, UsageError, VerificationError

_DESCRIPTION = """\
Pin a server. Its operator gives you the fingerprint by another way than the server: paper, a phone
call, a page that you trust. The server must then prove, with fresh evidence, that it runs the code,
configuration and chain that the fingerprint covers. Nothing is ever trusted on first use.
"""


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "trust",
        help="pin a server by its fingerprint",
        description=_DESCRIPTION,
        epilog="example:\n  adyton trust http://HOST:8384 --fingerprint HEX64",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent(), home_parent()],
        allow_abbrev=False,
    )
    parser.add_argument("url", metavar="URL", help="http://HOST:PORT; the port is 8384 if absent")
    parser.add_argument("--fingerprint", metavar="HEX64", required=True, help="64 hex digits")
    parser.add_argument("--replace", action="store_true", help="replace another pin of this server")
    parser.add_argument("--invite", metavar="FILE", help="invitation from the server's operator")
    parser.set_defaults(handler=_trust, parser=parser)


def _trust(args: argparse.Namespace, out: Output) -> int:
    from adyton.attestation.policy import AppraisalPolicy
    from adyton.client.keystore import Keystore
    from adyton.client.opening import open_transport
    from adyton.client.session import Session
    from adyton.protocol.envelope import Invite

    settings = settings_of(args)
    fingerprint = hex_bytes(args.fingerprint, 32, "a fingerprint")
    invite = None
    if args.invite:
        try:
            invite = Invite.decode(Path(args.invite).read_bytes())
        except MalformedError:
            raise UsageError("usage", f"{args.invite} is not an invitation") from None
    keystore = Keystore(settings.home)
    transport = open_transport(args.url, settings.home)
    out.progress(f"asking {transport.server} for evidence")
    with Session(
        keystore, transport, AppraisalPolicy(allow_simulated=settings.allow_simulated)
    ) as session:
        try:
            appraisal = session.trust(fingerprint, replace_pin=args.replace)
        except VerificationError as problem:
            if problem.code == "simulated_refused":
                raise PolicyError(problem.code, problem.message) from problem
            raise
    genesis = appraisal.genesis
    if genesis.configuration.platform == "simulated":
        out.warn_simulated()
    if invite is not None:
        _keep_invite(invite, keystore, appraisal.chain_id)
    out.text(
        f"trusted: {transport.server}",
        f"  fingerprint {fingerprint.hex()}",
        f"  chain       {appraisal.chain_id.hex()}",
        f"  measurement {appraisal.measurement.hex()}",
        f"  platform    {genesis.configuration.platform}",
        f"  ordering    {genesis.configuration.ordering}, time by {genesis.configuration.time_source}",
        f"  admission   {genesis.configuration.admission}",
    )
    out.json(
        {
            "server": transport.server,
            "fingerprint": fingerprint.hex(),
            "chain_id": appraisal.chain_id.hex(),
            "measurement": appraisal.measurement.hex(),
            "platform": genesis.configuration.platform,
            "verdict": appraisal.verdict,
            "ordering": genesis.configuration.ordering,
            "time_source": genesis.configuration.time_source,
            "admission": genesis.configuration.admission,
        }
    )
    return 0


def _keep_invite(invite: Any, keystore: Any, chain_id: bytes) -> None:
    """Keep an invitation beside the chain it is for.

    Raises:
        UsageError: it is for another chain or client.
    """
    if invite.chain_id != chain_id:
        raise UsageError("wrong_chain", "the invitation is for another server")
    if invite.client_key != keystore.identity.signing_key.public:
        raise UsageError("usage", "the invitation is for another client; compare `adyton whoami`")
    keystore.chain(chain_id)
    path = invite_path(keystore.home, chain_id)
    path.write_bytes(invite.encode())
    path.chmod(0o600)
