"""Descriptions: what somebody reads before they agree."""

from adyton.protocol.ethereum.address import checksummed, create_address
from adyton.protocol.wallet.abi_types import read_signature
from adyton.protocol.wallet.describe import amount_in_words, describe
from tests.abi_encoder import encode_call
from tests.policy_kit import (
    ACCOUNT,
    ETHER,
    GWEI,
    OTHER,
    SPENDER,
    TOKEN,
    VENDOR,
    address,
    allow,
    approve,
    cancel,
    message,
    permit,
    permit2,
    policy,
    raw,
    transaction,
    transfer,
    typed,
)

READ = policy()
FROM = checksummed(ACCOUNT)


def test_a_payment() -> None:
    assert describe(READ, transaction(VENDOR, value=15 * ETHER // 10, max_fee=30 * GWEI)) == [
        f"transaction on chain 1, nonce 0, from {FROM}",
        f"to {address(VENDOR)} (in @vendors)",
        "value 1.5 ETH (1500000000000000000 wei)",
        "fee at most 0.00063 ETH (630000000000000 wei): 21000 gas at 30 gwei",
        "costs at most 1.50063 ETH (1500630000000000000 wei)",
    ]


def test_amounts() -> None:
    assert amount_in_words(0, 1) == "0 ETH (0 wei)"
    assert amount_in_words(1, 8453) == "0.000000000000000001 ETH (1 wei)"
    assert amount_in_words(10 * ETHER, 31337) == f"10 ETH ({10 * ETHER} wei)"


def test_what_is_no_ether_is_not_called_so() -> None:
    assert amount_in_words(ETHER, 137) == f"1 of the chain's coin ({ETHER} wei)"
    lines = describe(READ, transaction(value=ETHER, chain=56))
    assert not [line for line in lines if "ETH" in line]


def test_a_call_that_is_common() -> None:
    assert describe(READ, transaction(TOKEN, data=transfer(VENDOR, 7)))[3:7] == [
        f"token 7 (smallest unit) of {address(TOKEN)} (in @tokens) to {address(VENDOR)} (in @vendors)",
        "calls transfer(address,uint256)",
        f"  to: {address(VENDOR)} (in @vendors)",
        "  amount: 7",
    ]
    assert "  spender: " + address(SPENDER) in describe(READ, transaction(data=approve()))


def test_a_policy_without_names_of_arguments_takes_none_away() -> None:
    rule = allow(
        call={"to": "any", "abi": "transfer(address,uint256)", "args": {"0": "any", "1": "any"}}
    )
    lines = describe(policy(rule), transaction(TOKEN, data=transfer(VENDOR, 7)))
    assert f"  to: {address(VENDOR)} (in @vendors)" in lines
    assert "  amount: 7" in lines


def test_what_a_token_s_calls_mean() -> None:
    def told(abi: str, *values: object) -> str:
        data = encode_call(read_signature(abi, "abi"), values)
        return describe(READ, transaction(TOKEN, data=data))[3]

    token, spender = f"{address(TOKEN)} (in @tokens)", address(SPENDER)
    moved = told("transferFrom(address,address,uint256)", raw(OTHER), raw(SPENDER), 3)
    assert moved == f"token 3 (smallest unit) of {token} from {address(OTHER)} to {spender}"
    allowed = told("approve(address,uint256)", raw(SPENDER), 3)
    assert allowed == f"token lets {spender} take 3 (smallest unit) of {token}, from now on"
    assert "take all there ever is of" in told("approve(address,uint256)", raw(SPENDER), 2**256 - 1)
    more = told("increaseAllowance(address,uint256)", raw(SPENDER), 3)
    assert "take 3 (smallest unit) more of" in more
    assert told("withdraw(uint256)", 3) == "calls withdraw(uint256)"


def test_a_call_that_the_policy_knows() -> None:
    abi = "swap((address token, uint256 amount)[] path, bytes data, bool exact, string note)"
    rule = allow(call={"to": "any", "abi": abi, "args": dict.fromkeys("0123", "any")})
    values = (((raw(TOKEN), 5), (raw(OTHER), 6)), b"\1\2", True, "a\nb")
    data = encode_call(read_signature(abi, "abi"), values)
    lines = describe(policy(rule), transaction(TOKEN, data=data))
    assert lines[3:11] == [
        "calls swap((address,uint256)[],bytes,bool,string)",
        f"  path.0.token: {address(TOKEN)} (in @tokens)",
        "  path.0.amount: 5",
        f"  path.1.token: {address(OTHER)}",
        "  path.1.amount: 6",
        "  data: 0x0102",
        "  exact: true",
        "  note: a?b",
    ]
    assert describe(READ, transaction(TOKEN, data=data))[3:5] == [
        "calls a function that nobody names here",
        f"  calldata 0x{data[:80].hex()}… ({len(data)} bytes)",
    ]


def test_calldata_that_does_not_decode() -> None:
    lines = describe(READ, transaction(TOKEN, data=transfer() + b"\0"))
    assert "calls transfer(address,uint256), but 1 bytes are left over" in lines[3]
    assert lines[4].startswith("  calldata 0xa9059cbb")


def test_a_contract_that_is_made_and_a_cancel() -> None:
    lines = describe(READ, transaction(None, data=b"\x60\0", nonce=7))
    assert lines[1] == f"makes the contract {checksummed(create_address(ACCOUNT, 7))}"
    assert "code 0x6000" in lines
    assert describe(READ, cancel())[0] == f"cancel on chain 1, nonce 0, from {FROM}"


def test_typed_data() -> None:
    assert describe(READ, typed(permit()))[:7] == [
        f"typed data Permit from {FROM}",
        "domain name: USD Coin",
        "domain chainId: 1",
        f"domain verifyingContract: {address(TOKEN)} (in @tokens)",
        f"  owner: {FROM}",
        f"  spender: {address(SPENDER)}",
        "  value: 100",
    ]
    assert "  details.1.amount: 60" in describe(READ, typed(permit2(40, 60)))


def test_numbers_of_typed_data_are_decimal_and_the_most_there_is_is_told() -> None:
    hidden = permit(value="0xde0b6b3a7640000", nonce="0xff", deadline=str(2**256 - 1))
    hidden["domain"]["chainId"] = "0x1"
    lines = describe(READ, typed(hidden))
    assert "domain chainId: 1" in lines
    assert lines[6:8] == ["  value: 1000000000000000000", "  nonce: 255"]
    assert lines[8] == f"  deadline: {2**256 - 1} (the most there is)"
    most = describe(READ, typed(permit2(2**160 - 1)))
    assert f"  details.0.amount: {2**160 - 1} (the most there is)" in most
    small = typed(permit2(5))
    assert "  details.0.amount: 5" in describe(READ, small)


def test_messages() -> None:
    head = f"personal message of 5 bytes from {FROM}"
    assert describe(READ, message(b"hi\nho")) == [head, "  hi", "  ho"]
    assert describe(READ, message(b"hi\xffho"))[1] == "  0x6869ff686f"
    assert describe(READ, message("hi\u202e".encode()))[1] == "  0x6869e280ae"
    assert describe(READ, message(b""))[1] == "  0x"


def test_what_is_long_is_cut_and_says_so() -> None:
    found = describe(READ, message(b"\n" * 10_000))
    assert len(found) < 210
    assert found[-1] == "  and more than is shown here: do not agree to what you cannot read"
    for line in describe(READ, typed(permit2(*range(1000)))):
        assert len(line) < 600
