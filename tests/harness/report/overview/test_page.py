"""The page without a browser: what is on it, what others wrote on it, and what it may ask for."""

import base64
import hashlib
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from harness.report.overview.facts import BandFacts
from harness.report.overview.gather import Wanted, gather
from harness.report.overview.text import text
from harness.verdict import Verdict
from tests.harness import made
from tests.harness.report.overview.places import lay_out, lay_out_records

pytest.importorskip("jinja2")

from harness.report.overview.page import page

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>'
VOID = {"meta", "link", "input", "br"}


class Reader(HTMLParser):
    """The elements of a page, its text, and the tags that were never closed."""

    def __init__(self, content):
        super().__init__()
        self.elements, self.words, self.open, self.ids = [], [], [], []
        self.feed(content.decode())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, words):
        self.words.append(words)

    def values(self, name):
        return [attributes[name] for _, attributes in self.elements if name in attributes]


def gathered(tmp_path, *workspaces, records=(), **more):
    lay_out_records(tmp_path / "results", *records)
    places = tuple(tmp_path / name for name in workspaces or ("workspace",))
    return gather(
        Wanted(workspaces=places, results=tmp_path / "results", beside=tmp_path / "workspace", **more)
    )


def dated(day, *rates, **more):
    return made.record(
        rates=rates, started=f"2026-03-0{day}T10:00:00Z", bench=f"2026030{day}T100000Z-0000", **more
    )


@pytest.fixture
def whole(tmp_path):
    lay_out(tmp_path / "workspace")
    return gathered(tmp_path, records=[dated(1, 30.0, 31.0), dated(2, 20.0, 21.0)])


def test_a_page_is_well_formed_and_its_links_lead_to_sections(whole):
    found = Reader(page(whole))
    assert found.open == []
    assert len(set(found.ids)) == len(found.ids)
    targets = [value[1:] for value in found.values("href") if value.startswith("#")]
    assert targets
    assert set(targets) <= set(found.ids)


def test_its_policy_forbids_every_request_and_allows_its_own_style_and_script_alone(whole):
    content = page(whole).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', content)[1].replace(
        "&#39;", "'"
    )
    for kind in ("style", "script"):
        inside = re.search(rf"<{kind}>(.*?)</{kind}>", content, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in content.replace("http-equiv", "")
    assert "https:" not in content


def test_it_has_neither_styles_nor_handlers_in_its_elements(whole):
    names = {name for _, attributes in Reader(page(whole)).elements for name in attributes}
    assert "style" not in names
    assert {name for name in names if name.startswith("on")} == set()


def test_the_links_of_a_record_lead_to_the_line_of_its_figure(whole, tmp_path):
    links = [value for value in Reader(page(whole)).values("href") if value.startswith("../results/")]
    path, _, line = next(link for link in links if "#L" in link).partition("#L")
    lines = (tmp_path / "workspace" / path).read_text().splitlines()
    assert '"name": "train_images_per_s"' in lines[int(line) - 1]


def test_the_links_of_tries_lead_to_their_logs(whole, tmp_path):
    links = {value for value in Reader(page(whole)).values("href") if value.endswith("console.log")}
    assert len(links) == 4
    assert all((tmp_path / "workspace" / link).is_file() for link in links)


def test_it_says_no_path_above_the_folder_it_is_in(whole, tmp_path):
    assert str(tmp_path) not in page(whole).decode()


def test_page_and_text_tell_the_same_figures(whole):
    told = " ".join(" ".join(Reader(page(whole)).words).split())
    for line in ("0.545 to 1.000", "at least", "interrupted", "2.0 of"):
        assert (line in told) == any(line in each for each in text(whole))
    for compared in whole.compared:
        assert compared.why in told
        assert compared.why in " ".join(" ".join(text(whole)).split())


def test_what_others_wrote_is_text_and_never_markup(tmp_path):
    lay_out(tmp_path / "workspace", name=EVIL)
    limit = made.record(
        "chain", rates=[1.0], reason=EVIL, status="failed", conditions={"recipe": EVIL, "engine": EVIL}
    )
    odd = dated(1, 30.0, machine=made.machine(cpu=EVIL))
    it = gathered(tmp_path, records=[limit, odd, dated(2, 20.0, machine=made.machine(cpu=EVIL))])
    found = Reader(page(it))
    assert found.open == []
    assert [tag for tag, _ in found.elements if tag in ("script", "img")] == ["script"]
    assert any(EVIL[:20] in words for words in found.words)


def test_a_folder_of_any_name_is_a_link_that_stays_a_path(tmp_path):
    lay_out(tmp_path / "javascript:alert(1)")
    (content,) = (page(gathered(tmp_path, "javascript:alert(1)")),)
    links = [value for value in Reader(content).values("href") if value.endswith(".log")]
    assert all(link.startswith("../javascript%3Aalert%281%29/.attempts/") for link in links)


def test_nothing_but_records_is_a_page(tmp_path):
    assert Reader(page(gathered(tmp_path, records=[dated(1, 30.0)]))).open == []


def test_half_a_run_and_nan_everywhere_is_a_page(tmp_path):
    lay_out(tmp_path / "workspace")
    nan = float("nan")
    (tmp_path / "workspace" / "experiment" / "metrics.json").write_text('{"AP": {"car": NaN}, "mAP": NaN}')
    (tmp_path / "workspace" / "experiment" / "yolov4_training_log_resnet10.csv").write_text(
        "epoch,loss\n1,nan\n"
    )
    found = Reader(page(gathered(tmp_path, records=[dated(1, nan, nan)])))
    assert found.open == []
    assert "mAP not recorded" in " ".join(found.words)


def test_a_tried_stage_alone_is_a_page(tmp_path):
    lay_out(tmp_path / "workspace")
    for path in (tmp_path / "workspace").iterdir():
        if path.name != ".attempts":
            __import__("shutil").rmtree(path)
    assert Reader(page(gathered(tmp_path))).open == []


def test_several_runs_have_their_own_sections_and_lines(tmp_path):
    lay_out(tmp_path / "workspace")
    lay_out(tmp_path / "other")
    found = Reader(page(gathered(tmp_path, "workspace", "other")))
    assert {"run-1", "run-2", "slower"} <= set(found.ids)
    assert sum(attributes.get("class") == "line b" for _, attributes in found.elements) >= 2


@pytest.mark.slow
def test_a_thousand_records_make_a_page_of_under_3_mb_in_ten_seconds(tmp_path):
    records = [
        made.record(
            rates=[30.0 + number % 7, 31.0, 32.0, 33.0, 34.0],
            started=f"2026-0{1 + number % 9}-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00Z",
            bench=f"20260301T{number:06}Z-0000",
            platform=f"site-{number % 5}",
            id=f"{number:04}-train",
        )
        for number in range(1000)
    ]
    lay_out_records(tmp_path / "results", *records)
    began_s = time.process_time()
    content = page(gather(Wanted(workspaces=(), results=tmp_path / "results", beside=tmp_path)))
    assert time.process_time() - began_s < 10
    assert len(content) < 3_000_000
    assert content.count(b"<tr>") > 1000


def banded(overview):
    bounds = {"loss": (8.0, 9.0), "AP car": (0.4, 0.6)}
    band = BandFacts(seeds=5, is_inside=Verdict.NO, why="mAP 0.5, expected 0.6 to 0.7", bounds=bounds)
    return replace(overview, runs=tuple(replace(run, band=band) for run in overview.runs))


def test_the_band_of_seeds_is_told_and_shaded_where_training_ends(whole):
    found = Reader(page(banded(whole)))
    told = " ".join(" ".join(found.words).split())
    assert "In the band of 5 seeds: no : mAP 0.5, expected 0.6 to 0.7" in told
    assert "other seeds: 0.400 to 0.600" in told
    bands = [attributes["d"] for _, attributes in found.elements if attributes.get("class") == "band"]
    # losses of 9.5 and 7.25: 9 lies 0.5 of 9.5 below the top
    assert "M940 5.3L1000 5.3L1000 15.8L940 15.8Z" in bands
    assert "other seeds end at a loss of 8 to 9" in " ".join(text(banded(whole)))


def test_a_recipe_without_a_band_says_nothing_of_one(whole):
    assert "band of" not in " ".join(Reader(page(whole)).words)
