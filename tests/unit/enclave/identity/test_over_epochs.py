"""Epochs end: with them what was sealed in them, but no request, record, pseudonym or checklist."""

from __future__ import annotations

from adyton.protocol.credentials.steps import Step
from adyton.protocol.identity.requests import PRESENT, Present, SealedPresentation
from tests.epoch_kit import GRACE, EpochHost, epochs
from tests.identity_kit import ADULT, AGREEMENT, World

__all__ = ["epochs"]
SHOWN = [ADULT, ("document_number",)]


def moved_on(world: World, host: EpochHost) -> int:
    """Have the next epoch begin, and return its number."""
    host.advance()
    for one in (world.issuer, world.party, world.developer, world.stranger, world.holder):
        one.client.contact()
    return host.evidence().epoch.record.epoch


def test_what_was_sealed_in_an_epoch_opens_until_its_grace_ends_and_its_request_stays(
    epochs: EpochHost,
) -> None:
    world = World(epochs)
    two = [world.ask() for _ in range(2)]
    sealed = [world.seal(request, world.bound(request)) for request in two]
    assert moved_on(world, epochs) == 1
    assert world.party.present(sealed[0]).verdict.answer == "yes"
    epochs.until(epochs.height + GRACE + 1)
    late = world.party.present(sealed[1])
    assert (late.answer.code, late.answer.verdict) == ("epoch_ended", b"")
    # The request was not used up, and is answered by what is sealed anew: once.
    anew = world.seal(two[1], world.bound(two[1]))
    assert anew.sealed.epoch == 1
    told = world.party.present(anew).verdict
    assert (told.answer, told.request, told.epoch) == ("yes", two[1].name(), 1)
    assert world.party.present(anew).verdict.reason == "wrong_request"
    assert world.party.present(sealed[1]).answer.code == "epoch_ended"
    # Nor does a later epoch let one be answered that was before.
    used = world.seal(two[0], world.bound(two[0]))
    assert world.party.present(used).verdict.reason == "wrong_request"


def test_what_was_sealed_too_early_is_sealed_again(epochs: EpochHost) -> None:
    world = World(epochs)
    old_key = epochs.evidence().epoch.record.intake_key
    assert moved_on(world, epochs) == 1
    epochs.until(epochs.height + GRACE + 1)
    request = world.ask(epoch=1)
    present = world.seal(request, world.bound(request))
    assert present.sealed.epoch == 1
    assert epochs.evidence().epoch.record.intake_key != old_key
    early = Present(request, SealedPresentation(0, present.sealed.sealed))
    assert world.party.present(early).answer.code == "epoch_ended"
    # The key of one epoch does not open what names another.
    assert world.party.present(present).verdict.answer == "yes"


def test_what_stays(epochs: EpochHost) -> None:
    world = World(epochs)
    world.holder.register(world.did_record())
    world.use_policy(pseudonym="document_number", range_proof=True)
    shown = [*SHOWN, ("birthdate",)]
    before = world.presented(disclosed=shown, did=world.did)
    checklist = world.developer.checklist(before.verdict.request)
    for epoch in (1, 2):
        assert moved_on(world, epochs) == epoch
    after = world.presented(disclosed=shown, did=world.did, request=world.ask(epoch=2))
    assert (after.verdict.epoch, after.verdict.answer) == (2, "yes")
    assert after.verdict.pseudonym == before.verdict.pseudonym
    assert after.opened_use(AGREEMENT, b"\x66" * 32).epoch == 2
    assert world.developer.checklist(before.verdict.request) == checklist
    again = world.party.present(Present.decode(before.request.arguments))
    assert again.answer.code == "epoch_ended"


def test_many_checklists_do_not_keep_the_secret_of_an_ended_epoch(epochs: EpochHost) -> None:
    """They are kept for a week, and anybody can have them made: were they sealed anew, no epoch would end."""
    world = World(epochs)
    asked = [world.seal(world.ask(), "none") for _ in range(120)]
    client, sent = world.party.client, []
    for one in asked:
        if not client.tickets:
            client.contact()
        sent.append(client.envelope(world.party.request(PRESENT, one.encode())))
    block = epochs.block(*sent)
    assert {entry.code for entry in block.entries} == {""}
    begins = epochs.advance()
    epochs.until(begins + GRACE)
    assert [one.epoch for one in epochs.root.epochs] == [1]
    world.developer.client.contact()
    failed = [world.developer.failed(one.request.name()) for one in asked]
    assert {line.step for line in failed if line is not None} == {Step.FORM}
