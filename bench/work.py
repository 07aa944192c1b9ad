"""A small task with unique input whose output the bench computes by itself."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

CODE = b"""\
import sys

numbers = [int(line) for line in open("numbers.txt")]
print(sys.argv[1], sum(number * number for number in numbers))
with open("out/sorted.txt", "w") as file:
    file.write("\\n".join(map(str, sorted(numbers))))
"""
FILE_NAME = "squares.py"
INPUT_NAME = "numbers.txt"


@dataclass(frozen=True)
class Work:
    """One task.

    Attributes:
        label: its argument.
        content: of its input file.
        stdout: what it has to print.
        output: what has to lie in `out/sorted.txt`.
    """

    label: str
    content: bytes
    stdout: bytes
    output: bytes


def make() -> Work:
    """Return a task that was never run before."""
    numbers = [secrets.randbelow(10**9) for _ in range(100)]
    label = secrets.token_hex(8)
    return Work(
        label,
        "\n".join(map(str, numbers)).encode(),
        f"{label} {sum(number**2 for number in numbers)}\n".encode(),
        "\n".join(map(str, sorted(numbers))).encode(),
    )
