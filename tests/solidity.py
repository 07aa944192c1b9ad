"""Contracts in Solidity, compiled for tests by solc."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ethereum_tools import run_node

SOURCES = Path(__file__).with_name("contracts_solidity")

# The evm is named: without it a newer compiler begins to use what the node may not have.
_COMPILE = """
const solc = require("solc");
const [file, content] = JSON.parse(require("fs").readFileSync(0, "utf8"));
const settings = {
    evmVersion: "cancun",
    optimizer: { enabled: true, runs: 200 },
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
};
const input = { language: "Solidity", sources: { [file]: { content } }, settings };
console.log(solc.compile(JSON.stringify(input)));
"""


class SolidityError(Exception):
    """The compiler has refused a source, or warned of it; the text is what it said."""


@dataclass(frozen=True)
class Contract:
    """A compiled contract.

    Attributes:
        abi: its interface, as in Ethereum's JSON.
        bytecode: what deploys it, hex with 0x, before the constructor's arguments.
    """

    abi: list[dict[str, Any]]
    bytecode: str

    @property
    def abi_json(self) -> str:
        return json.dumps(self.abi)


@functools.cache
def compile_contract(source: Path, name: str | None = None) -> Contract:
    """Compile one contract of a file, by default the one with the file's name; warnings are errors.

    Raises:
        SolidityError: the compiler refuses the file, or warns of it.
    """
    found = run_node(_COMPILE, given=[source.name, source.read_text("utf-8")])
    problems = [problem["formattedMessage"] for problem in found.get("errors", [])]
    if problems:
        raise SolidityError("\n".join(problems))
    contract = found["contracts"][source.name][name or source.stem]
    return Contract(contract["abi"], "0x" + contract["evm"]["bytecode"]["object"])


def token() -> Contract:
    """Return the ERC-20 token of the tests; its constructor takes name, symbol and supply."""
    return compile_contract(SOURCES / "Token.sol")
