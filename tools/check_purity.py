"""Check that the pure packages are pure: no file, socket, clock, randomness or environment.

`core`, `protocol` and `attestation` decide what is believed, so what they return may depend on
their arguments alone. Import rules cannot say that (`datetime.now`, `open`), so this reads the
syntax trees: imports against an allow-list, names and attributes against a refusal list. It keeps
honest code honest; it is not a sandbox for hostile code.

    python -m tools.check_purity [SRC]      exit status 1 when something is refused
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PURE = ("adyton.core", "adyton.protocol", "adyton.attestation")

# Exactly these modules, no submodule of them unless it is named too.
ALLOWED_MODULES = frozenset(
    "__future__ abc base64 binascii bisect cbor2 coincurve coincurve._libsecp256k1 coincurve.context "
    "collections collections.abc dataclasses datetime enum functools hashlib hmac itertools json "
    "math operator re sha3 struct types typing unicodedata zlib".split()
)
# These and everything below them, but for what RANDOM_MODULES refuses.
ALLOWED_TREES = ("cryptography", "nacl", *PURE)

# Modules whose ordinary use draws randomness.
RANDOM_MODULES = frozenset(
    {
        "cryptography.fernet",
        "cryptography.hazmat.primitives.hpke",
        "nacl.public",
        "nacl.pwhash",
        "nacl.secret",
        "nacl.utils",
    }
)

REFUSED_NAMES = frozenset(
    "__builtins__ __import__ __loader__ __spec__ breakpoint compile eval exec exit globals help "
    "importlib input open os print quit random secrets sys time".split()
)
REFUSED_ATTRIBUTES = frozenset(
    # ways around the list of names
    "__builtins__ __globals__ __import__ __loader__ __subclasses__ builtins importlib os sys "
    # randomness
    "crypto_box_keypair crypto_kx_keypair crypto_sign_keypair generate generate_key "
    "generate_parameters generate_private_key random_serial_number randombytes urandom "
    # files, in libraries that are otherwise allowed
    "file_digest from_file load_pem_file".split()
)
CLOCK_METHODS = frozenset({"now", "utcnow", "today"})
CLOCK_CLASSES = frozenset({"datetime", "date"})


@dataclass(frozen=True)
class Problem:
    """One refused use: where, what, and why it is refused."""

    module: str
    line: int
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.what}: {self.why}"


# (module, what) -> why it is right there. A grant that nothing uses is refused as well.
GRANTS: dict[tuple[str, str], str] = {
    ("adyton.core.crypto", "cryptography.hazmat.primitives.hpke"): (
        "hpke_seal draws the library's randomness, says so, and is not called in apply_block"
    ),
    ("adyton.core.unrolled", "exec"): (
        "compiles functions from names and bounds of our own classes, as dataclasses does"
    ),
    ("adyton.protocol.wallet.policy", "time"): "a field, named as the policy's own language has it",
}


def imports(tree: ast.AST, module: str, *, package: bool) -> Iterator[tuple[int, str, str]]:
    """Yield line, module and full dotted name of everything imported anywhere in `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                parents = parents[: len(parents) - node.level + package]
                base = ".".join([*parents, *([base] if base else [])])
            for alias in node.names:
                yield node.lineno, base, f"{base}.{alias.name}"


def is_in_allowed_tree(name: str) -> bool:
    """Say whether a dotted name lies in a package that is allowed as a whole."""
    return any(name == tree or name.startswith(tree + ".") for tree in ALLOWED_TREES)


def refused_imports(tree: ast.AST, module: str, *, package: bool) -> Iterator[Problem]:
    """Refuse imports outside the allow-list; a clock's class may be imported, as a type."""
    for line, source, name in imports(tree, module, package=package):
        last = name.rpartition(".")[2]
        if RANDOM_MODULES & {source, name}:
            yield Problem(module, line, name, "its ordinary use draws randomness")
        elif source not in ALLOWED_MODULES and not is_in_allowed_tree(name):
            yield Problem(module, line, name, "not in the allow-list of pure imports")
        elif last in REFUSED_ATTRIBUTES or last == "*":
            yield Problem(module, line, name, "imports a name that is refused, or everything")


def refused_names(tree: ast.AST, module: str) -> Iterator[Problem]:
    """Refuse names and attributes that reach a file, a clock, randomness or the interpreter."""
    clocks = CLOCK_CLASSES | {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "datetime"
        for alias in node.names
        if alias.asname and alias.name in CLOCK_CLASSES
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in REFUSED_NAMES:
            yield Problem(module, node.lineno, node.id, "not for pure code")
        elif isinstance(node, ast.Attribute):
            if node.attr in REFUSED_ATTRIBUTES:
                yield Problem(module, node.lineno, f".{node.attr}", "not for pure code")
            elif node.attr in CLOCK_METHODS and _last_name(node.value) in clocks:
                yield Problem(module, node.lineno, f".{node.attr}", "time is an argument")
        elif isinstance(node, ast.Call):
            yield from _refused_call(node, module)


def _refused_call(node: ast.Call, module: str) -> Iterator[Problem]:
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in CLOCK_METHODS:
        if _last_name(function.value) not in CLOCK_CLASSES:  # those are met as attributes
            yield Problem(module, node.lineno, f".{function.attr}()", "time is an argument")
    elif isinstance(function, ast.Name) and function.id in {"getattr", "vars", "__getattribute__"}:
        for argument in node.args[1:2]:
            spelled = argument.value if isinstance(argument, ast.Constant) else None
            if spelled in REFUSED_ATTRIBUTES | CLOCK_METHODS:
                yield Problem(module, node.lineno, f"getattr {spelled!r}", "not for pure code")


def refused_certificate_checks(tree: ast.AST, module: str) -> Iterator[Problem]:
    """Refuse X.509 verification without a time: the library would read the clock."""
    builders = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _last_name(node.func) == "PolicyBuilder"
    ]
    timed = any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "time"
        for node in ast.walk(tree)
    )
    if not timed:
        for node in builders:
            yield Problem(module, node.lineno, "PolicyBuilder", "without .time() reads the clock")


def _last_name(node: ast.AST) -> str:
    """Return the last part of `a.b.c`, or an empty string for another kind of expression."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def check_source(source: str, module: str, *, package: bool = False) -> list[Problem]:
    """Return what is refused in one module's source, grants not yet applied, in line order."""
    tree = ast.parse(source)
    problems = [
        *refused_imports(tree, module, package=package),
        *refused_names(tree, module),
        *refused_certificate_checks(tree, module),
    ]
    return sorted(set(problems), key=lambda problem: (problem.line, problem.what))


def check_tree(src: Path, grants: dict[tuple[str, str], str]) -> list[Problem]:
    """Return what is refused in the pure packages under `src`, and grants that nothing uses."""
    problems: list[Problem] = []
    used: set[tuple[str, str]] = set()
    for package in PURE:
        directory = src.joinpath(*package.split("."))
        if not (directory / "__init__.py").is_file():
            problems.append(Problem(package, 0, "absent", "a pure package has to be there"))
        for path in sorted(directory.rglob("*.py")):
            parts = list(path.relative_to(src).with_suffix("").parts)
            is_package = parts[-1] == "__init__"
            module = ".".join(parts[:-1] if is_package else parts)
            for problem in check_source(path.read_text("utf-8"), module, package=is_package):
                key = (module, problem.what)
                if key in grants:
                    used.add(key)
                else:
                    problems.append(problem)
    for module, what in sorted(grants.keys() - used):
        problems.append(Problem(module, 0, what, "granted in tools/check_purity.py, and not used"))
    return problems


def main(arguments: list[str]) -> int:
    """Check the tree named, or `src`; print what is refused."""
    problems = check_tree(Path(arguments[0] if arguments else "src"), GRANTS)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"pure: {', '.join(PURE)}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
