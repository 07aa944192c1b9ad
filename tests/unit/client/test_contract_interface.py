"""What is read of a module's interface description, and what is refused of it."""

from __future__ import annotations

import pytest

from adyton.client.contract_interface import HEAD, Interface, read_interface
from adyton.core.errors import MalformedError, UsageError


def read(*lines: str) -> Interface:
    made = read_interface("".join(f"{line}\n" for line in (HEAD, *lines)).encode())
    assert made is not None
    return made


def test_all_that_a_description_can_say_is_read() -> None:
    made = read(
        "name auction",
        "about Sealed bids; at the second price",
        "type Bid amount:u64 notes:list<option<string>>",
        "event closed Bid",
        "init item:string ends:u64 ; Begin; the deployer sells",
        "migrate ",
        "call bid amount:u64",
        "query mine -> option<Bid> ; My own bid",
    )
    assert (made.name, made.about) == ("auction", "Sealed bids; at the second price")
    assert made.structs == {"Bid": (("amount", "u64"), ("notes", "list<option<string>>"))}
    assert made.init is not None
    assert made.init.arguments == (("item", "string"), ("ends", "u64"))
    assert made.init.about == "Begin; the deployer sells"
    assert made.migrate is not None
    assert made.migrate.arguments == ()
    assert made.calls["bid"].returns is None
    assert (made.queries["mine"].returns, made.queries["mine"].about) == (
        "option<Bid>",
        "My own bid",
    )
    assert made.event("closed", bytes(8) + bytes(4)) == {"amount": 0, "notes": []}
    assert made.event("other", b"x") is None
    assert read_interface(b"") is None


@pytest.mark.parametrize(
    "lines",
    [
        ("name a", "name b"),
        ("about a", "about b"),
        ("init a:u8", "init a:u8"),
        ("call a", "call a"),
        ("query a", "query a"),
        ("event a u8", "event a u8"),
        ("type A a:u8", "type A a:u8"),
        ("type A a:A",),
        ("type A a:list<A>",),
        ("type A a:B", "type B a:A"),
        ("type A a:u8 a:u8",),
        ("type A",),
        ("type 1 a:u8",),
        ("type u64 a:u8",),
        ("call a b",),
        ("call a b:",),
        ("call a b:f32",),
        ("call a b:list<>",),
        ("call a b:option<option<u8>>",),
        ("call a b:list<u8",),
        ("call a b:list<u8>>",),
        ("call a b:map<u8>",),
        ("call a -> u8 u8",),
        ("call a ->",),
        ("call a -> f64",),
        ("call a  b:u8",),
        ("event a",),
        ("event a nothing",),
        ("unknown a",),
        ("",),
        ("name \x1b[31m",),
        ("about \u202e",),
        ("about " + "a" * 2000,),
        ("call a b:" + "list<" * 17 + "u8" + ">" * 17,),
        tuple(f"call a{number}" for number in range(400)),
    ],
)
def test_what_is_no_description_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(MalformedError) as refused:
        read(*lines)
    assert refused.value.code == "interface"


@pytest.mark.parametrize(
    "unverified",
    [
        b"\n",
        HEAD.encode(),
        b"adyton-interface 2\n",
        f"{HEAD}\ncall a".encode(),
        b"\xff",
        f"{HEAD}\r\n".encode(),
    ],
)
def test_its_first_line_and_its_end_are_as_they_must_be(unverified: bytes) -> None:
    with pytest.raises(MalformedError):
        read_interface(unverified)


def test_a_small_description_of_a_huge_type_is_read_at_once() -> None:
    # Each struct has each field of the next: 200**15 of them, were they gone through one by one.
    types = [
        f"type T{depth} " + " ".join(f"f{at}:T{depth + 1}" for at in range(200))
        for depth in range(15)
    ]
    made = read(*types, "type T15 a:u8", "query get -> T0")
    with pytest.raises(MalformedError, match="too early"):
        made.decode(made.queries["get"], bytes(100))
    with pytest.raises(MalformedError, match="nested too deeply"):
        read(*types, "type T15 a:T16", "type T16 a:T17", "type T17 a:u8")


def test_a_method_that_is_not_there_is_named_with_those_that_are() -> None:
    made = read("name a", "call one", "call two")
    with pytest.raises(UsageError, match="a has one, two"):
        made.method("call", "three")
    with pytest.raises(UsageError, match="a has none"):
        made.method("query", "one")
    assert made.method("init", "init").arguments == ()


def test_an_output_where_nothing_is_given_is_refused() -> None:
    made = read("call one")
    assert made.decode(made.calls["one"], b"") is None
    with pytest.raises(MalformedError):
        made.decode(made.calls["one"], b"\0")
