"""The cinema's pages in a browser: every button gives the expected answer, and no birthday is where it must not be."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from examples.cinema import check
from examples.cinema.buttons import BUTTONS, button
from examples.cinema.cinema import demonstration
from examples.cinema.people import ADULT_BORN, born_years_ago
from examples.cinema.server import Pages
from examples.cinema.world import World
from tests.browser import Browser, chromium

ROOT = Path(__file__).parents[2]
FORM = "application/x-www-form-urlencoded"
STAGES = ["request shown", "fetched", "answer received", "recorded at height", "verdict"]
# button: what is told, one after the other: answer or refusal, coarse word, checklist; and the step that failed
ANSWERS: dict[str, tuple[list[tuple[str, str, str]], str]] = {
    "adult": ([("yes", "", "all passed")], ""),
    "underage": ([("no", "policy", "22 under_age")], "22"),
    "expired": ([("no", "expired", "15 expired")], "15"),
    "revoked": ([("no", "revoked", "21 revoked")], "21"),
    "replayed": ([("yes", "", "all passed"), ("no", "wrong_request", "all passed")], ""),
    "wrong-audience": ([("no", "wrong_request", "17 audience")], "17"),
    "old-epoch": (
        [("refused: epoch_ended", "", "none kept"), ("yes", "", "all passed")],
        "",
    ),
    "forged-issuer": ([("no", "untrusted_issuer", "11 issuer_signature")], "11"),
}


@pytest.fixture(scope="module")
def shown() -> Iterator[tuple[World, Pages]]:
    with demonstration() as both:
        yield both


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


def test_every_button_is_tested() -> None:
    assert [one.name for one in BUTTONS] == list(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_button_gives_the_expected_answer(
    name: str, shown: tuple[World, Pages], browser: Browser
) -> None:
    world, served = shown
    told, failed = ANSWERS[name]
    browser.open(f"{served.url}/cinema")
    browser.press(f"#{name}")
    browser.await_(lambda: browser.texts("[data-done]"), "the end of the visit")

    answers = browser.texts(".told .answer")
    reasons, lines = browser.texts(".told .reason"), browser.texts(".told .line")
    assert list(zip(answers, reasons, lines, strict=True)) == told
    assert browser.texts("#problem") == []
    stages = browser.texts("ol.stages li.reached")
    assert [re.sub(r" \d+$", "", stage) for stage in stages] == STAGES
    marks = browser.texts("#checklist tr td:nth-child(2)")
    steps = browser.texts("#checklist th[scope=row]")
    assert [step for step, mark in zip(steps, marks, strict=True) if mark == "failed"] == (
        [failed] if failed else []
    )
    # What each side was given is on its pane, in full.
    visit = world.visits[-1]
    given, recorded = visit.given.hex(), [one.public.hex() for one in visit.recorded]
    assert browser.text("#cinema-sees pre") == given
    assert browser.texts("#operator-sees pre") == recorded
    assert len(recorded) == len(told)
    assert re.search(r"it is in 0 of them", browser.text("#searched"))
    require_no_birthday(browser.source, world)
    assert browser.complaints() == []


def require_no_birthday(source: str, world: World) -> None:
    born = [*world.birthdays(), born_years_ago(15, world.holder.session.now_ms())]
    for day in born:
        assert len(day) == 10
        for form in (day, day.replace("-", ""), day.encode().hex()):
            assert form not in source


def test_by_hand_from_card_to_verdict(shown: tuple[World, Pages], browser: Browser) -> None:
    world, served = shown
    hostile = "<b onclick=x>Zoë</b>"
    browser.open(f"{served.url}/issuer")
    browser.fill("[name=given_name]", hostile)
    browser.fill("[name=birthdate]", "1987-03-09")
    browser.press("#issue")
    browser.open(f"{served.url}/cinema")
    browser.press("#ask")
    browser.await_(lambda: browser.texts("ol.stages li.reached"), "the request")
    assert browser.texts("ol.stages li.reached") == STAGES[:1]
    visit = browser.url
    # The QR code is drawn: an image that did not load has no width.
    browser.await_(lambda: browser.run("return document.querySelector('.qr').naturalWidth"), "QR")

    # The wallet shows who asks for what, and the birthday, which is the holder's own to see.
    browser.open(f"{served.url}/holder")
    browser.await_(
        lambda: "Kino Nord asks: Late show: over 18" in browser.text("#asking"), "asking"
    )
    assert hostile in browser.texts("td")  # as text
    assert browser.texts("b") == []
    assert "1987-03-09" in browser.source
    assert "1987-03-09" in world.birthdays()
    browser.open(visit)
    assert browser.texts("ol.stages li.reached") == STAGES[:2]
    require_no_birthday(browser.source, world)

    browser.open(f"{served.url}/holder")
    card = world.holder.cards()[-1].name
    browser.press(f"form:has([value='{card}']) button")
    assert browser.url == visit
    browser.await_(lambda: browser.texts("[data-done]"), "the end of the visit")
    assert browser.texts(".told .answer") == ["yes"]
    assert len(browser.texts("ol.stages li.reached")) == len(STAGES)
    require_no_birthday(browser.source, world)

    browser.open(f"{served.url}/holder/uses")
    assert ["Kino Nord", "Late show: over 18", "yes", "DEMO Registry of Persons"] in [
        row.split(" | ") for row in uses_of(browser)
    ]
    assert browser.complaints() == []


def uses_of(browser: Browser) -> list[str]:
    script = (
        "return [...document.querySelectorAll('#seen tr')]"
        ".map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent).join(' | '))"
    )
    found: list[str] = browser.run(script)
    return found


def test_a_card_that_is_revoked_by_hand_is_refused(
    shown: tuple[World, Pages], browser: Browser
) -> None:
    world, served = shown
    world.issue("Ada", "1979-12-10")
    card = world.holder.cards()[-1].name
    browser.open(f"{served.url}/issuer")
    browser.press(f"form:has([value='{card}']) button")
    assert browser.text("table tr:last-child td:last-child") == "revoked"
    browser.open(f"{served.url}/cinema")
    browser.press("#ask")
    browser.open(f"{served.url}/holder")
    browser.press(f"form:has([value='{card}']) button")
    browser.await_(lambda: browser.texts("[data-done]"), "the end of the visit")
    assert (browser.text(".told .answer"), browser.text(".told .reason")) == ("no", "revoked")


def test_a_page_follows_its_visit_without_being_loaded_anew(
    shown: tuple[World, Pages], browser: Browser
) -> None:
    world, served = shown
    browser.open(f"{served.url}/cinema")
    with world.one_at_a_time:  # nobody acts yet
        browser.press("#adult")
        browser.run("window.wasHere = true")
        assert browser.texts("[data-done]") == []
        assert browser.texts("ol.stages li") == STAGES
        assert browser.texts("ol.stages li.reached") == []
    browser.await_(lambda: browser.texts("[data-done]"), "the end of the visit")
    assert len(browser.texts("ol.stages li.reached")) == len(STAGES)
    assert browser.run("return window.wasHere")


def test_the_cinema_knows_a_visitor_again(shown: tuple[World, Pages], browser: Browser) -> None:
    _, served = shown
    seen = []
    for _ in range(2):
        browser.open(f"{served.url}/cinema")
        browser.press("#adult")
        browser.await_(lambda: browser.texts("[data-done]"), "the end of the visit")
        rows = browser.texts("#cinema-sees tr")
        seen.append([row for row in rows if row.startswith("pseudonym")])
    assert seen[0] == seen[1]
    assert re.fullmatch(r"pseudonym\s+[0-9a-f]{64}", seen[0][0])


def test_the_search_of_the_operators_files_finds_what_is_there(
    shown: tuple[World, Pages],
) -> None:
    world, _ = shown
    public, (files, of) = "DEMO Registry of Persons", world.node.search(["1900-13-32"])
    assert files == 0
    assert of > 10
    assert world.node.search([public])[0] > 0
    left = world.node.data / "left-behind"
    try:
        for text in (ADULT_BORN, f"x{ADULT_BORN.encode().hex()}x"):
            left.write_text(text)
            assert world.node.search([ADULT_BORN])[0] == 1
    finally:
        left.unlink()


def test_without_a_browser_a_test_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(pytest.skip.Exception, match=r"^missing installable: chromium"),
        chromium(tmp_path),
    ):
        pass


# --- the pages' server, without a browser -------------------------------------------------------


def asked(
    served: Pages, method: str, path: str, body: str = "", **headers: str
) -> tuple[int, str, dict[str, str]]:
    host, _, port = served.host.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body.encode() or None, given)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


def pressed(served: Pages, token: str, **headers: str) -> int:
    body = urlencode({"token": token, "button": "adult"})
    return asked(served, "POST", "/press", body, **{"Content_Type": FORM, **headers})[0]


def test_a_form_without_the_pages_token_does_nothing(shown: tuple[World, Pages]) -> None:
    world, served = shown
    before = len(world.visits)
    assert pressed(served, "") == 403
    assert pressed(served, served.token[:-1]) == 403
    assert pressed(served, served.token, Origin="http://elsewhere.example") == 403
    assert pressed(served, served.token, Origin="null") == 403
    assert pressed(served, served.token, Host="rebound.example") == 421
    assert pressed(served, served.token, Content_Type="text/plain") == 415
    for path in ("/ask", "/issue", "/revoke", "/answer"):
        assert asked(served, "POST", path, "x=1", Content_Type=FORM)[0] == 403
    assert asked(served, "POST", "/press", "x" * 5000, Content_Type=FORM)[0] == 413
    assert asked(served, "GET", "/press")[0] == 404
    assert len(world.visits) == before


def test_pages_run_no_script_but_their_own_and_are_read_by_nobody_else(
    shown: tuple[World, Pages],
) -> None:
    _, served = shown
    for path in ("/cinema", "/holder", "/issuer", "/nothing"):
        status, source, headers = asked(served, "GET", path)
        assert status == (404 if path == "/nothing" else 200)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert re.findall(r"<script[^>]*>[^<]", source) == []
        assert re.findall(r"<[^>]*\s(?:on[a-z]+|style)=", source) == []
        assert re.findall(r"(?:src|href)=\"(?!/)", source) == []
        assert asked(served, "GET", path, Host="rebound.example")[0] == 421


def test_what_is_no_presentation_is_refused(shown: tuple[World, Pages]) -> None:
    _, served = shown
    status, said, _ = asked(served, "POST", "/present", "nothing", Content_Type="application/cbor")
    assert (status, "malformed" in said) == (400, True)
    assert asked(served, "POST", "/present", "nothing", Content_Type=FORM)[0] == 415


# --- without a browser --------------------------------------------------------------------------


def test_check_presses_every_button_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.cinema.cinema", "--check"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.endswith("  ok")]
    assert len(rows) == len(BUTTONS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_ended_and_leaves_nothing(
    ending: signal.Signals, tmp_path: Path
) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "examples.cinema.cinema"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert demo.stdout is not None
        said = [next(demo.stdout) for _ in range(5)]
        (url,) = (line.strip() for line in said if line.strip().endswith("/cinema"))
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert answer.status == 200
        demo.send_signal(ending)
        assert demo.wait(60) == 0
    finally:
        demo.kill()
        demo.wait()
        if demo.stdout is not None:
            demo.stdout.close()
    assert list(tmp_path.iterdir()) == []


def test_check_notices_another_answer(
    shown: tuple[World, Pages], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world, _ = shown
    wrong = replace(button("underage"), expected=button("adult").expected)
    monkeypatch.setattr(check, "BUTTONS", (button("adult"), wrong))
    assert not check.check(world)
    ok, differs = capsys.readouterr().out.splitlines()[1:]
    assert ok.endswith("  ok")
    assert differs.endswith("  DIFFERS")
