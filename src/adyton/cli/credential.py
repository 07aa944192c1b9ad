"""`adyton credential`: what issuers say of you, kept here and shown as little as possible."""

from __future__ import annotations

from typing import Any, Final

from adyton.cli import credential_issue, credential_issuers, credential_look, credential_present
from adyton.cli.identity_parts import noun

_DESCRIPTION = """\
A credential is signed by an issuer and bound to a key of yours. A relying party asks for what its policy says; you seal
the least of the credential to the network's enclave, and the relying party learns yes or no.

the holder:
  adyton did new
  adyton credential take FILE
  adyton credential present REQUEST
  adyton credential uses

a DEMO issuer, which believes whatever it is told and proves nothing:
  adyton credential issuer "City Hall"
  adyton credential issue --to DID --birthdate 1990-02-28 --out FILE
  adyton credential revoke CREDENTIAL

a real issuer is registered by its public keys, by itself or by whoever vouches for it:
  adyton credential issuer "Passports" --jwk FILE --iss https://passport.example
  adyton credential retire ISSUER
"""
_PARTS: Final = (
    credential_look.add_verbs,
    credential_present.add_verb,
    credential_issuers.add_verbs,
    credential_issue.add_verbs,
)


def add(nouns: Any) -> None:
    """Add the command."""
    verbs = noun(nouns, "credential", "credentials: hold, present, issue as a demo", _DESCRIPTION)
    for add_verbs in _PARTS:
        add_verbs(verbs)
