"""The set-up: it says in one line what is missing, and as root on Debian installs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A python3 that has no venv until `apt-get install` was called, then makes an empty environment.
PYTHON = """#!/bin/sh
case "$*" in
*"import ensurepip"*) test -e {root}/installed ;;
*sys.executable*) {version} ;;
*version_info*) echo 3.11 ;;
*"-m venv --clear"*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && echo made >> {root}/log ;;
*"-m pip"*) echo pip "$@" >> {root}/log ;;
-V) echo Python 3.9.2 ;;
esac
"""
APT = """#!/bin/sh
echo apt-get "$@" >> {root}/log
case "$*" in *install*) touch {root}/installed ;; esac
"""


def script(path: Path, text: str) -> None:
    """Put an executable at `path`, in place of what was there: never through a symbolic link."""
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Machine:
    """A tree to set up, and a PATH that holds only what the test puts on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tree = root / "tree"
        self.bin = root / "bin"
        self.bin.mkdir()
        for tool in (
            "sh",
            "cat",
            "cut",
            "dirname",
            "mkdir",
            "mv",
            "cp",
            "touch",
            "sha256sum",
        ):
            found = shutil.which(tool)
            assert found, tool
            (self.bin / tool).symlink_to(found)
        (self.tree / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "tools" / "bootstrap.sh", self.tree / "tools")
        shutil.copy(ROOT / "pyproject.toml", self.tree)
        (self.tree / "requirements").mkdir()
        for name in ("build", "dev", "debian"):
            (self.tree / "requirements" / f"{name}.txt").write_text("")

    def put_python(self, *, version: str = "echo /bin/python3", name: str = "python3") -> None:
        script(self.bin / name, PYTHON.format(root=self.root, version=version))

    def put_apt(self) -> None:
        script(self.bin / "apt-get", APT.format(root=self.root))

    def resolve_to_itself(self) -> None:
        """Let python3 answer with its own path, as a real one does."""
        self.put_python(version=f"echo {self.bin}/python3")

    def set_up(self, *arguments: str, uid: int = 1000) -> tuple[int, list[str]]:
        script(self.bin / "id", f"#!/bin/sh\necho {uid}\n")
        done = subprocess.run(
            [str(self.bin / "sh"), str(self.tree / "tools" / "bootstrap.sh"), *arguments],
            env={"PATH": str(self.bin)}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.returncode, (done.stdout + done.stderr).splitlines()

    @property
    def log(self) -> list[str]:
        path = self.root / "log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_user_without_python_is_told_in_one_line(machine: Machine) -> None:
    machine.put_apt()
    status, (line,) = machine.set_up()
    assert status == 1
    assert line.startswith(
        "set-up: no python3 here; as root: apt-get install python3 python3-venv ("
    )
    assert machine.log == []


def test_an_old_python_is_refused_in_one_line(machine: Machine) -> None:
    machine.put_python(version="exit 1")
    status, lines = machine.set_up(uid=0)
    assert status == 1
    assert lines == [
        "set-up: Python 3.11 or newer is needed, found Python 3.9.2; set PYTHON to a newer one"
    ]


def test_a_newer_python_beside_an_old_one_is_found(machine: Machine) -> None:
    machine.put_python(version="exit 1")
    machine.put_python(version=f"echo {machine.bin}/python3.12", name="python3.12")
    (machine.root / "installed").touch()
    status, lines = machine.set_up()
    assert status == 0
    assert lines == [f"set-up: making .venv with {machine.bin}/python3.12"]


def test_a_user_without_venv_is_told_in_one_line(machine: Machine) -> None:
    machine.resolve_to_itself()
    machine.put_apt()
    status, (line,) = machine.set_up()
    assert status == 1
    assert line.startswith(
        "set-up: python3.11 has no venv; as root: apt-get install python3.11-venv ("
    )
    assert machine.log == []


def test_root_on_debian_gets_venv_installed(machine: Machine) -> None:
    machine.resolve_to_itself()
    machine.put_apt()
    status, _ = machine.set_up(uid=0)
    assert status == 0
    assert machine.log[:3] == [
        "apt-get update -qq",
        "apt-get install -y -qq --no-install-recommends python3.11-venv",
        "made",
    ]
    assert "--require-hashes -r requirements/build.txt -r requirements/dev.txt" in machine.log[3]
    assert "--no-deps --no-build-isolation --no-index -e ." in machine.log[4]


def test_root_elsewhere_is_told_in_one_line(machine: Machine) -> None:
    machine.resolve_to_itself()
    status, lines = machine.set_up(uid=0)
    assert (status, len(lines)) == (1, 1)


def test_nothing_is_done_twice_and_changes_are_met(machine: Machine) -> None:
    machine.resolve_to_itself()
    (machine.root / "installed").touch()
    assert machine.set_up()[0] == 0
    done = machine.log
    assert machine.set_up() == (0, [])
    assert machine.log == done

    (machine.tree / "pyproject.toml").write_text("# changed\n")
    assert machine.set_up()[0] == 0
    assert len(machine.log) == len(done) + 1
    assert "-e ." in machine.log[-1]

    (machine.tree / "requirements" / "dev.txt").write_text("# changed\n")
    assert machine.set_up()[0] == 0
    assert machine.log.count("made") == 2


def test_a_moved_tree_gets_a_new_environment(machine: Machine) -> None:
    machine.resolve_to_itself()
    (machine.root / "installed").touch()
    assert machine.set_up()[0] == 0
    machine.tree = machine.tree.rename(machine.root / "moved")
    assert machine.set_up()[0] == 0
    assert machine.log.count("made") == 2


@pytest.mark.parametrize("stop_at", ["-m venv", "-m pip"])
def test_an_interrupted_set_up_starts_again(machine: Machine, stop_at: str) -> None:
    machine.resolve_to_itself()
    (machine.root / "installed").touch()
    python = machine.bin / "python3"
    whole = python.read_text()
    script(python, whole.replace("case", f'case "$*" in *"{stop_at}"*) exit 1 ;; esac\ncase', 1))
    assert machine.set_up()[0] == 1
    script(python, whole)
    assert machine.set_up()[0] == 0
    assert machine.log.count("made") >= 1


@pytest.mark.parametrize("uid", [0, 1000])
def test_commands_that_tests_need(machine: Machine, uid: int) -> None:
    machine.resolve_to_itself()
    machine.put_apt()
    (machine.root / "installed").touch()
    (machine.tree / "requirements" / "debian.txt").write_text(
        "# COMMAND PACKAGE\ncat coreutils\nno-such-command no-such-package\n"
    )
    status, lines = machine.set_up("--for-tests", uid=uid)
    assert status == 0
    installed = "apt-get install -y -qq --no-install-recommends no-such-package" in machine.log
    assert installed == (uid == 0)
    if uid:
        assert lines[0] == (
            "set-up: some tests will be skipped; as root: apt-get install no-such-package"
        )


def test_environments_without_the_package_are_for_tests_alone(machine: Machine) -> None:
    machine.resolve_to_itself()
    (machine.root / "installed").touch()
    requirements = machine.tree / "requirements"
    for name in ("oracle", "sdjwt", "web3"):
        (requirements / f"{name}.txt").write_text("")
    assert machine.set_up()[0] == 0
    assert machine.log.count("made") == 1
    status, lines = machine.set_up("--for-tests")
    made = [f"set-up: making .venv/{name}" for name in ("oracle", "sdjwt", "web3")]
    assert (status, lines) == (0, made)
    assert [line for line in machine.log if "-e ." in line] == machine.log[2:3]
    assert machine.set_up("--for-tests") == (0, [])

    (requirements / "web3.txt").write_text("# changed\n")
    assert machine.set_up("--for-tests") == (0, ["set-up: making .venv/web3"])
    assert "-r requirements/web3.txt" in machine.log[-1]


def test_the_real_environment_is_this_one() -> None:
    """What runs this suite is Python 3.11 or newer, by its real path, in an environment."""
    assert sys.version_info >= (3, 11)
    assert sys.prefix != sys.base_prefix
    assert os.path.realpath(sys.executable) != sys.executable
