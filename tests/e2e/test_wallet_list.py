"""More wallets than one page of a list holds: `adyton wallet list` tells all, and each pays by its account."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import HttpTransport, Keystore, Session
from adyton.client.wallet_making import new_wallet
from adyton.core import limits
from adyton.protocol.ethereum.address import checksummed
from tests.e2e.command import Client, Server
from tests.ethereum_kit import VENDOR
from tests.wallet_kit import plain_policy

COUNT = limits.INDEX_PAGE + 3
PAY = ("--to", checksummed(VENDOR), "--value", "1", "--chain", "1", "--gas-price", "1gwei")


def test_all_wallets_are_listed_and_the_last_pays(
    client: Client, new_client: Callable[[str], Client], server: Server
) -> None:
    assert "no wallets" in client.ok("wallet", "list")
    policy = AppraisalPolicy(allow_simulated=True)
    with Session(Keystore(client.home), HttpTransport(server.url), policy) as session:
        with ThreadPoolExecutor(16) as pool:
            each = [pool.submit(new_wallet, session, policy=plain_policy()) for _ in range(COUNT)]
        made = [one.result()[0] for one in each]
    listed = client.json("wallet", "list")["wallets"]
    accounts = [checksummed(wallet.account) for wallet in made]
    assert {one["address"] for one in listed} == set(accounts)
    assert len(listed) == COUNT
    table = client.ok("wallet", "list")
    assert all(account in table for account in accounts)
    last = listed[-1]["address"]
    assert client.json("wallet", "send", "--from", last, *PAY)["nonce"] == 0
    assert client.json("wallet", "show", last)["wallet"] == listed[-1]["wallet"]
    assert client.json("wallet", "show", listed[-1]["wallet"])["address"] == last
    # Without a name several could be meant, and nobody is asked to read a hundred addresses.
    several = client.run("wallet", "send", *PAY)
    assert several.returncode == 2
    assert several.stderr.count("0x") <= 10
    stranger = new_client("stranger")
    assert stranger.json("wallet", "list")["wallets"] == []
    refused = [
        stranger.run("wallet", "send", "--from", named, *PAY) for named in (last, "0x" + "11" * 20)
    ]
    assert [one.returncode for one in refused] == [2, 2]
    assert refused[0].stderr == refused[1].stderr
    assert "no wallet of this client has" in refused[0].stderr
