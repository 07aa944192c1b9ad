"""What the enclave has with an extra, in an interpreter that sees the image and the standard library alone."""

import subprocess
from pathlib import Path

import pytest

from adyton.client.range_check import verify_range_proof
from adyton.host.image import PYCACHE, Image, build_image
from adyton.protocol.credentials.range_proof import RangeProof, Statement

PROVE = """
import sys
stdlib = f"{sys.base_prefix}/{sys.platlibdir}/python{sys.version_info.major}.{sys.version_info.minor}"
sys.path[:] = [stdlib, f"{stdlib}/lib-dynload", sys.argv[1]]
from adyton.core.errors import UsageError
from adyton.enclave.range_prover import RangeProver
from adyton.protocol.credentials.range_proof import Statement
try:
    made = RangeProver(bytes(32)).prove(b"k" * 32, Statement(14000, bytes(32)), 11000)
except UsageError as refusal:
    print(refusal.code)
else:
    print(made.encode().hex())
"""


def said(image: Image) -> str:
    """Return what the program prints that is run as the enclave is, beside boot."""
    flags = ["-I", "-S", "-B", "-X", f"pycache_prefix={PYCACHE}"]
    done = subprocess.run(
        [str(image.interpreter), *flags, "-c", PROVE, str(image.path)],
        env={}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def writable(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)


@pytest.mark.parametrize("extras", [(), ("zk",)])
def test_an_image_proves_with_the_extra_alone(tmp_path: Path, extras: tuple[str, ...]) -> None:
    image = build_image(tmp_path / "images", extras=extras)
    try:
        printed = said(image)
    finally:
        writable(tmp_path)
    if extras:
        made = RangeProof.decode(bytes.fromhex(printed))
        verify_range_proof(made, Statement(14000, bytes(32)))
    else:
        assert printed == "zk_unavailable"
