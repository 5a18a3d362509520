import json
from dataclasses import replace

from harness.errors import StageFailed
from harness.measure import matmul_rates
from harness.measure.matmul_rates import MatmulRates
from tests.harness.made import FACTS, record, run


def answering(monkeypatch, kpi):
    """Lets the engine answer with that kpi, or fail; gives what it was asked."""
    asked = []

    def ask(self, request, *, shown):
        asked.append(request.arguments[:2])
        if kpi is None:
            raise StageFailed("yolo_v4 matmul_rate ended with exit status 2", remedy="read the log")
        line = {"status": "SUCCESS", "kpi": kpi}
        (request.results / "status.json").write_text(json.dumps(line) + "\n")

    monkeypatch.setattr(matmul_rates.Attempt, "ask", ask)
    return asked


def made(number_format="bf16"):
    facts = {**FACTS, "number_format": number_format, "flops_per_image": 10**9}
    return record("train", runs=[run(1, {"train_images_per_s": [30.0]})], facts=facts)


def portable(monkeypatch):
    identity = type("Identity", (), {"name": "portable"})
    monkeypatch.setattr(matmul_rates, "resolve", lambda settings: type("Engine", (), {"identity": identity}))


def test_a_rate_is_measured_once_for_each_number_format(monkeypatch, settings):
    portable(monkeypatch)
    asked = answering(monkeypatch, {"flops_per_s": 1e11})
    rates = MatmulRates(settings(), print)

    found = [rates.applied_to(made(word)) for word in ("bf16", "fp32", "bf16")]

    assert asked == [("--format", "bf16"), ("--format", "fp32")]
    assert [one.facts["matmul_flops_per_s"] for one in found] == [1e11] * 3
    assert found[0].values("matmul_share_pct") == (30.0,)


def test_an_engine_that_cannot_measure_it_leaves_it_unread_and_the_record_whole(
    monkeypatch, settings, capsys
):
    portable(monkeypatch)
    answering(monkeypatch, None)

    found = MatmulRates(settings(), print).applied_to(made())

    assert found.facts["matmul_flops_per_s"] is None
    assert found.runs == made().runs
    assert "the rate of matrix products is not known: yolo_v4 matmul_rate ended" in capsys.readouterr().out


def test_other_engines_and_unknown_formats_are_not_asked(monkeypatch, settings):
    asked = answering(monkeypatch, {"flops_per_s": 1e11})
    assert MatmulRates(settings(), print).applied_to(made()).facts["matmul_flops_per_s"] is None
    portable(monkeypatch)
    assert MatmulRates(settings(), print).applied_to(made(None)).facts["matmul_flops_per_s"] is None
    assert asked == []


def test_cases_without_a_network_have_no_rate(monkeypatch, settings):
    portable(monkeypatch)
    plain = replace(made(), case="export")
    assert MatmulRates(settings(), print).applied_to(plain) == plain
