"""Resource limits, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import adyton

_CODE = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
from adyton.sandbox import rlimits
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
limits = dict(cpu_s=7, memory_bytes=1 << 30, file_bytes=5000, open_files=int(sys.argv[2]), processes=9)
rlimits.apply(limits, memory_capped=sys.argv[3] == "1", own_user=sys.argv[3] == "1")
names = "CORE CPU FSIZE NOFILE NPROC AS MEMLOCK MSGQUEUE".split()
print(json.dumps({n: resource.getrlimit(getattr(resource, "RLIMIT_" + n)) for n in names}))
"""


def _applied(open_files: int, *, capped: bool) -> dict[str, list[int]]:
    place = str(Path(adyton.__file__).parents[1])
    command = [sys.executable, "-I", "-c", _CODE, place, str(open_files), str(int(capped))]
    found: dict[str, list[int]] = json.loads(subprocess.check_output(command))
    return found


def test_limits_of_a_guest() -> None:
    found = _applied(40, capped=True)
    assert found["CORE"] == [1, 1]
    assert found["CPU"] == [7, 8]
    assert found["FSIZE"] == [5000, 5000]
    assert found["NOFILE"] == [40, 40]
    assert found["NPROC"] == [9, 9]
    assert found["MEMLOCK"] == found["MSGQUEUE"] == [0, 0]
    assert found["AS"][0] != 1 << 30


def test_without_a_cgroup_the_address_space_is_limited() -> None:
    assert _applied(40, capped=False)["AS"] == [1 << 30, 1 << 30]


def test_what_was_inherited_is_not_raised() -> None:
    assert _applied(500, capped=True)["NOFILE"] == [100, 100]
