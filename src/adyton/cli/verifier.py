"""`adyton verifier`: ask holders of credentials, and learn yes or no."""

from __future__ import annotations

from typing import Any, Final

from adyton.cli import verifier_bring, verifier_look, verifier_register, verifier_request
from adyton.cli.identity_parts import noun

_DESCRIPTION = """\
A relying party registers itself and its policies, and shows a request to a holder. What the holder seals it forwards to
the network and can read nothing of; it learns yes or no, one coarse word why not, and gets a receipt.

  adyton verifier register "Kino Nord" --response https://kino.example/present
  adyton verifier policy "Adults" --age-over 18 --issuer ISSUER --type VCT
  adyton verifier request
  adyton verifier serve             or `adyton verifier present FILE`
  adyton verifier status REQUEST    which check has failed

  adyton verifier show
  adyton verifier retire RECORD
"""
_PARTS: Final = (
    verifier_register.add_verbs,
    verifier_look.add_verbs,
    verifier_request.add_verbs,
    verifier_bring.add_verbs,
)


def add(nouns: Any) -> None:
    """Add the command."""
    verbs = noun(nouns, "verifier", "ask for credentials, and learn yes or no", _DESCRIPTION)
    for add_verbs in _PARTS:
        add_verbs(verbs)
