"""What the vectors of epochs call."""

from typing import Any

from adyton.enclave.epochs import Epochs
from adyton.enclave.keys import Keys
from adyton.protocol.epoch import SignedEpochProposal
from tools.spec_world import ROOT

Given = dict[str, Any]


def _accept_epoch(given: Given) -> Given:
    """Fix the next epoch of the history's chain, after the proposals `before`, each at the height beside it."""
    keys = Keys(ROOT)
    epochs = Epochs(ROOT, keys)
    for proposal, height in [*given.get("before", ()), (given["proposal"], given["height"])]:
        signed = SignedEpochProposal.decode(bytes.fromhex(proposal))
        epochs.accept(signed.verify(), height)
    ending, begun = epochs.root.epochs
    return {
        "secret": begun.secret.hex(),
        "node_secret": epochs.root.node_secret.hex(),
        "from_height": begun.from_height,
        "ends_before": ending.to_height,
    }
