"""The page as people see it: in a real browser, at three widths, light and dark, on paper, without a mouse.

Skipped where there is no Chromium (`apt install chromium`); axe-core is fetched by npm into a cache of tests.
"""

import base64
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from harness.report.overview.gather import Wanted, gather
from tests.harness import made
from tests.harness.report.overview.chromium import Chromium
from tests.harness.report.overview.places import lay_out, lay_out_records

pytest.importorskip("jinja2")

from harness.report.overview.page import page

pytestmark = pytest.mark.slow
WIDTHS = (390, 1024, 1920)
AXE = "axe-core@4.14.1"
EVIL = '<script>document.title="gone"</script>"\'><img src=x onerror=alert(1)>' + "차" * 40 + "x" * 200
OVERFLOW = """[...document.querySelectorAll("body *")].filter(one => {
  const box = one.getBoundingClientRect();
  return box.right > innerWidth + 1 && box.width && !one.closest(".scroll") && !one.closest("svg");
}).map(one => one.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on PATH")
    browser = Chromium(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def axe():
    """The source of axe-core."""
    folder = Path(tempfile.gettempdir(), "jamcam-test-axe")
    folder.mkdir(exist_ok=True)
    archives = list(folder.glob("axe-core-*.tgz"))
    if not archives:
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no npm to fetch axe-core with")
        done = subprocess.run([npm, "pack", AXE], cwd=folder, capture_output=True, text=True, check=False)
        archives = list(folder.glob("axe-core-*.tgz"))
        if done.returncode or not archives:
            pytest.skip(f"npm cannot fetch {AXE}")
    with tarfile.open(archives[0]) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


def write(folder, name="car", **more):
    """A page with everything on it, and a machine with GPUs."""
    lay_out(folder / "workspace", name=name)
    lay_out(folder / "other", name=name)
    records = [
        made.record(
            rates=[rate, rate + 1, rate + 2],
            started=f"2026-03-0{day}T10:00:00Z",
            bench=f"2026030{day}T100000Z-0000",
            machine=made.machine(gpus=2),
            **more,
        )
        for day, rate in ((1, 30.0), (2, 20.0), (3, 31.0))
    ]
    lay_out_records(folder / "results", *records)
    beside = folder / "workspace"
    it = gather(
        Wanted(
            workspaces=(beside, folder / "other"), results=folder / "results", beside=beside, power_w=250.0
        )
    )
    (beside / "report.html").write_bytes(page(it))
    return beside / "report.html"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return write(
        tmp_path_factory.mktemp("hostile"), EVIL, conditions={"recipe": EVIL, "engine": EVIL}, reason=EVIL
    )


@pytest.mark.parametrize("which", ["written", "hostile"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_asked_for_nothing_complains_and_nothing_overflows(chromium, request, which, width):
    for dark in (False, True):
        chromium.load(request.getfixturevalue(which), width=width, dark=dark)
        assert chromium.requests() == []
        assert chromium.errors() == []
        assert chromium.value("document.documentElement.scrollWidth") <= width
        assert chromium.value(OVERFLOW) == []
    assert chromium.value("document.title").startswith("JamCam report: ")
    assert chromium.value("document.images.length") == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(chromium, written, axe, dark):
    chromium.load(written, width=1024, dark=dark)
    chromium.value(f"{axe}; 0")
    told = json.loads(chromium.value("axe.run(document).then(told => JSON.stringify(told))"))
    serious = [one for one in told["violations"] if one["impact"] in ("serious", "critical")]
    assert {"color-contrast", "document-title", "svg-img-alt"} <= {one["id"] for one in told["passes"]}
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in serious] == []


def test_without_javascript_everything_is_there(chromium, written):
    texts = []
    for script in (True, False):
        chromium.load(written, width=1024, script=script)
        words = chromium.value("document.querySelector('main').innerText")
        texts.append({line.strip() for line in words.splitlines() if line.strip()})
        assert chromium.errors() == []
    with_script, without = texts
    assert with_script - without <= {"show rows with"}
    assert without - with_script == set()


def test_it_can_be_printed(chromium, written):
    chromium.load(written, width=1024)
    printed = base64.b64decode(chromium.ask("Page.printToPDF", printBackground=True)["data"])
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") >= 2


def test_rows_are_sorted_and_filtered_by_the_keyboard(chromium, written):
    chromium.load(written, width=1024)
    rows = "[...document.querySelectorAll('table.sorted tbody tr')]"
    dates = f"{rows}.filter(row => !row.hidden).map(row => row.cells[0].innerText)"
    assert chromium.value(dates) == ["2026-03-03", "2026-03-02", "2026-03-01"]
    chromium.value("document.querySelector('table.sorted th:nth-child(4) button').focus()")
    enter = {"key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}
    for kind in ("keyDown", "keyUp"):
        chromium.ask("Input.dispatchKeyEvent", type=kind, **enter)
    assert chromium.value(dates) == ["2026-03-02", "2026-03-01", "2026-03-03"]  # 20, 30 and 31 images/s
    chromium.value("document.querySelector('#tools input').focus()")
    chromium.ask("Input.insertText", text="2026-03-01 train")
    assert chromium.value(dates) == ["2026-03-01"]
    assert chromium.value("document.querySelector('#tools output').innerText") == "1 of 3 records"


def test_a_pointer_finds_values(chromium, written):
    chromium.load(written, width=1024)
    where = chromium.value(
        "(() => { const tip = document.querySelector('.history .tip');"
        " tip.scrollIntoView({block: 'center'});"
        " const box = tip.getBoundingClientRect();"
        " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
    chromium.ask("Input.dispatchMouseEvent", type="mouseMoved", x=where[0], y=where[1])
    told = chromium.value("document.querySelector('.history output').innerText")
    assert told.startswith("2026-03-01, commit 01234567: 30.99 images/s, ")


def test_every_link_and_button_can_be_reached_and_has_a_name(chromium, written):
    chromium.load(written, width=390)
    nameless = chromium.value(
        "[...document.querySelectorAll('a, button, input, summary')]"
        ".filter(one => !(one.innerText || one.ariaLabel || one.labels?.length)).length"
    )
    assert nameless == 0
    assert chromium.value("document.querySelectorAll('[tabindex]:not([tabindex=\"0\"])').length") == 0


def test_the_browser_sees_what_is_wrong_with_a_page(chromium, tmp_path):
    bad = tmp_path / "bad.html"
    wide = '<div style="width: 3000px">x</div>'
    bad.write_text(
        f'{wide}<img src="http://127.0.0.1:9/x.png"><script>console.error(1); throw Error("2")</script>'
    )
    chromium.load(bad, width=390)
    assert chromium.requests() == ["http://127.0.0.1:9/x.png"]
    assert len(chromium.errors()) >= 2
    assert len(chromium.value(OVERFLOW)) == 1
