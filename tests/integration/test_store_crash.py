"""kill -9 of a process that commits blocks: nothing acknowledged is lost, and the chain is whole."""

import subprocess
import sys
import time
from pathlib import Path

from adyton.host.store import SEALED_HEAD, SEALED_ROOT, Store
from tests.host_kit import ROOT, Chain, verify_whole

ROUNDS = 10

CHILD = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from adyton.host.store import SEALED_HEAD, SEALED_ROOT, Store
from tests.host_kit import Chain

store = Store(Path(sys.argv[1]))
chain = Chain(store.meta(SEALED_ROOT), store.meta(SEALED_HEAD))
store.keep_root(chain.genesis, chain.genesis)
transactions = [chain.start_entry()]
while True:
    count = store.height % 7
    transactions += [chain.envelope(b"%d" % i + bytes(200)) for i in range(count)]
    name = (store.height % 50).to_bytes(32, "big")
    value = None if store.height % 3 == 0 else b"%d" % (store.height + 1)
    store.commit_block(chain.block(*transactions, writes=((name, value),)))
    print(store.height, flush=True)
    transactions = []
"""


def run_and_kill(path: Path, after: float) -> int:
    """Run the child until `after` seconds past its first block; return the last height it acknowledged."""
    code = CHILD.format(paths=[str(ROOT / "src"), str(ROOT)])
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    acknowledged = int(child.stdout.readline())
    time.sleep(after)  # the moment of the kill is what is tested
    child.kill()
    for line in child.stdout.read().split(b"\n")[:-1]:
        acknowledged = int(line)
    child.stdout.close()
    child.wait()
    return acknowledged


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    last = 0
    for round_ in range(ROUNDS):
        acknowledged = run_and_kill(path, 0.013 * round_)
        store = Store(path)
        assert store.height >= acknowledged > last
        assert store.height <= acknowledged + 1  # one block may be stored and not yet told
        root, head = store.meta(SEALED_ROOT), store.meta(SEALED_HEAD)
        assert root is not None
        assert head is not None
        # The head is of the very block that is last: it was written with it.
        assert int.from_bytes(head[:8], "big") == store.height
        chain = Chain(root)
        assert verify_whole(store, chain.chain_id) == store.tree.size > 0
        chain.close()
        check_state(store)
        last = store.height
        store.close()


def check_state(store: Store) -> None:
    """The state is what the stored blocks have written, no more and no less."""
    expected: dict[bytes, bytes] = {}
    for height in range(store.height):
        name = (height % 50).to_bytes(32, "big")
        if height % 3 == 0:
            expected.pop(name, None)
        else:
            expected[name] = b"%d" % (height + 1)
    assert dict(store.scan(None, 1000)) == expected
