"""Predictions against published measurements: the command, the report, the targets, the fit."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from mlsysim import Engine, Models, Systems, cli, measured_runs
from mlsysim.accuracy import Bands
from mlsysim.calibration import FittedConstants, fits, fitted, trial
from mlsysim.validation import Case, Report, Score, Unpredictable, bands, results, roofs, validate
from mlsysim.validation.datacentre import cases
from mlsysim.validation.fitting import Fit

MEASUREMENTS = Path(__file__).parent / "measurements"
FIELDS = {
    "rows", "unpredicted", "median", "mean_of_group_medians", "p90", "within_20", "bias",
    "interval_coverage",
}  # fmt: skip


@pytest.fixture(scope="session")
def report():
    return validate(MEASUREMENTS)


@pytest.fixture(scope="session")
def totals(report):
    return report.to_dict()["totals"]


def case(measured=1.0, predicted=1.0, **fields):
    def predict():
        if isinstance(predicted, Exception):
            raise predicted
        return predicted

    given = {"name": "row", "family": "perf", "group": "group", "band": "decode", **fields}
    return Case(measured=measured, predict=predict, **given)


def summary(*cases_of_a_group):
    return Report(tuple(Score.of(one) for one in cases_of_a_group)).to_dict()


# The report


def test_errors_are_summed_up_by_hand():
    found = summary(*(case(predicted=value) for value in (0.5, 0.9, 1.0, 1.1, 1.3)))
    total = found["totals"]["perf"]
    assert total["rows"] == 5
    assert total["median"] == pytest.approx(0.1)
    assert total["p90"] == pytest.approx(np.quantile([0.5, 0.1, 0.0, 0.1, 0.3], 0.9))
    assert total["bias"] == pytest.approx(0.0)
    assert total["within_20"] == pytest.approx(3 / 5)
    width = Bands["decode"].log_half_width
    inside = sum(abs(math.log(value)) <= width for value in (0.5, 0.9, 1.0, 1.1, 1.3))
    assert total["interval_coverage"] == pytest.approx(inside / 5)


def test_groups_count_alike_in_their_mean():
    found = summary(
        case(predicted=1.1),
        case(predicted=1.1),
        case(predicted=1.1),
        case(predicted=1.3, group="b"),
    )
    assert found["totals"]["perf"]["mean_of_group_medians"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (case(predicted=Unpredictable("no law for tea")), "no law for tea"),
        (case(predicted=math.nan), "the prediction is nan"),
        (case(measured=math.nan), "the measurement is nan"),
    ],
)
def test_a_row_that_cannot_be_done_is_counted_with_its_reason(one, reason):
    found = summary(case(), one)
    assert found["totals"]["perf"]["rows"] == 1
    assert found["totals"]["perf"]["unpredicted"] == 1
    assert found["unpredicted"] == [{"id": "row", "reason": reason}]
    assert reason in Report((Score.of(one),)).to_text()


def test_rows_kept_apart_are_reported_and_not_scored():
    found = summary(case(), case(predicted=9.0, group="odd_suspect", apart="skipped work"))
    assert found["totals"]["perf"]["rows"] == 1
    assert found["apart"]["perf/odd_suspect"]["reason"] == "skipped work"


def test_bands_hold_four_of_five_rows():
    scores = [Score.of(case(predicted=math.exp(i / 10), band="x")) for i in range(11)]
    (band,) = json.loads(bands.text(Report(tuple(scores)))).values()
    assert (band["rows"], band["log_half_width"]) == (11, 0.8)


# The command


def test_validate_prints_groups_totals_and_reasons(capsys, tmp_path):
    file = tmp_path / "report.json"
    assert cli.main(["validate", str(MEASUREMENTS), "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    for words in ("serving_static_ft", "Kept apart", "Not predicted", "mean of group medians"):
        assert words in printed
    found = json.loads(file.read_text(encoding="utf-8"))
    assert set(found["totals"]["perf"]) == FIELDS
    assert {"perf", "tiny", "edge", "energy", "reliability"} <= set(found["totals"])
    assert set(found) >= {"totals", "groups", "unpredicted"}


def test_validate_refuses_a_folder_without_measurements(capsys, tmp_path):
    assert cli.main(["validate", str(tmp_path)]) == 2
    assert "perf_measured.csv" in capsys.readouterr().err


def test_validate_does_other_rows_with_names_nobody_has_seen(tmp_path):
    """New software, an unknown chip described in the file, and a model that is not described."""
    for name in ("perf_models", "perf_hardware", "perf_measured"):
        _copy(name, tmp_path, {"perf_hardware": _unknown_chip, "perf_measured": _unseen}.get(name))
    found = {score.case.name: score for score in validate(tmp_path).scores}
    assert found["new-software"].predicted > 0
    assert found["new-chip"].predicted > 0
    assert "no description of the model" in found["new-model"].reason


def _copy(name, folder, change):
    with (MEASUREMENTS / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(change(rows) if change else rows)


def _unknown_chip(rows):
    chip = next(row for row in rows if row["hardware"] == "L40S")
    return [*rows, {**chip, "hardware": "Abacus 9000"}]


def _unseen(rows):
    row = next(row for row in rows if row["group"] == "decode_llamacpp")
    return [
        {**row, "id": "new-software", "software": "AbacusServe 0.1"},
        {**row, "id": "new-chip", "hardware": "Abacus 9000"},
        {**row, "id": "new-model", "model": "Abacus 9B"},
    ]


_FILES = ("perf_measured", "tiny_measured", "energy_measured", "reliability_measured")


@pytest.mark.parametrize("file", _FILES)
@pytest.mark.parametrize("junk", ["", "abacus", "-1", "nan"])
def test_no_cell_however_odd_stops_a_validation(file, junk, tmp_path):
    """One row of each kind, with each of its cells spoiled in turn: counted, never raised."""
    for name in ("perf_models", "perf_hardware"):
        _copy(name, tmp_path, None)
    spoiled = []

    def spoil(rows):
        kinds = {(row.get("group"), row.get("kind"), row.get("task")): row for row in rows}
        for row in list(kinds.values())[:40]:
            spoiled.extend({**row, column: junk} for column in row)
        return spoiled

    _copy(file, tmp_path, spoil)
    scores = validate(tmp_path).scores
    assert len(scores) >= len(spoiled)


# The targets


def test_datacentre_times_meet_their_targets(report, totals):
    perf = totals["perf"]
    assert perf["mean_of_group_medians"] <= 0.10
    assert perf["p90"] <= 0.25
    assert perf["unpredicted"] <= 0.05 * (perf["rows"] + perf["unpredicted"])
    groups = {k: v for k, v in report.to_dict()["groups"].items() if k.startswith("perf/")}
    assert max(group["median"] for group in groups.values()) <= 0.20


def test_small_and_edge_devices_meet_their_targets(report, totals):
    assert totals["tiny"]["median"] <= 0.22
    errors = [abs(math.log1p(s.error)) for s in report.of_family("tiny") if s.predicted]
    assert np.mean(np.array(errors) <= math.log(2)) >= 0.9
    assert totals["tiny_energy"]["median"] <= 0.10
    assert totals["edge"]["median"] <= 0.30


def test_energy_hours_and_failures_meet_their_targets(report, totals):
    by_band = {}
    for score in report.of_family("energy"):
        if score.predicted is not None:
            by_band.setdefault(score.case.band, []).append(abs(score.error))
    assert np.median(by_band["energy of serving"]) <= 0.30
    assert np.median(by_band["energy of training"]) <= 0.25
    assert np.median(by_band["training hours"]) <= 0.25
    assert totals["reliability"]["median"] <= 0.35


@pytest.mark.parametrize("band", list(Bands))
def test_stated_intervals_cover_four_of_five_rows(report, band):
    scores = [s for s in report.scored if s.case.band == band and s.predicted is not None]
    inside = np.mean([score.inside for score in scores])
    # One row more or less is all that a small band can be off.
    slack = max(0.05, 1.0 / len(scores))
    assert 0.80 - slack <= inside <= 0.80 + slack


# The fit


def test_few_constants_decide_datacentre_times_each_with_unit_meaning_and_bounds():
    constants = [c for c in FittedConstants.values() if c.family == "perf"]
    assert 0 < len(constants) <= 40
    for constant in FittedConstants.values():
        assert constant.meaning.endswith(".")
        assert constant.unit
        assert constant.lower <= constant.value <= constant.upper
        assert constant.lower < constant.upper
    assert fits()["perf"]["mean_left_out"] <= 0.13


@pytest.mark.slow
def test_the_stored_constants_are_where_the_fit_settles():
    """Another step of the fit from where they stand moves none of them by much."""
    fit = Fit(list(cases(MEASUREMENTS)))
    further = fit.solve(start=fit.fitted, most_steps=1)
    assert np.abs((further - fit.fitted) / fit.scale).max() < 0.1
    before, after = (np.mean(list(fit.group_medians(p).values())) for p in (fit.fitted, further))
    assert after == pytest.approx(before, abs=0.002)


def test_a_fit_finds_a_constant_that_made_the_rows():
    """Rows made with another kernel latency bring a fit to it."""
    truth = {c.name: c.value for c in FittedConstants.values()} | {"kernel_latency_s": 6e-6}
    some = [one for one in cases(MEASUREMENTS) if one.group == "decode_gptfast"]
    with trial(truth):
        made = [
            Case(one.name, one.family, one.group, one.band, one.predict(), one.predict)
            for one in some
        ]
    fit = Fit(made)
    found = fit.values(fit.solve(start=fit.fitted))
    assert np.abs(fit.log_ratios(np.array([found[n] for n in fit.names]))).max() < 0.02
    assert fitted("kernel_latency_s") == FittedConstants["kernel_latency_s"].value


def test_the_stored_report_is_what_the_engine_predicts(report):
    stored = {(row["family"], row["name"]): row["predicted"] for row in results.load()["rows"]}
    found = {
        (s.case.family, s.case.name): s.predicted for s in report.scores if s.predicted is not None
    }
    assert stored.keys() == found.keys()
    assert all(stored[key] == pytest.approx(found[key], rel=2e-3) for key in stored)


def test_the_stored_runs_below_roofs_are_those_of_this_engine(report, monkeypatch, tmp_path):
    stored = measured_runs.FILE.read_text(encoding="utf-8")
    monkeypatch.setattr(measured_runs, "FILE", tmp_path / "runs.csv")
    roofs.write(report.scored)
    assert measured_runs.FILE.read_text(encoding="utf-8") == stored, "run mlsysim validate --write"


def test_published_runs_lie_below_their_roof():
    runs = [run.flop_rate / roof_of(run) for run in measured_runs.stored()]
    assert len(runs) > 800
    # A few servers read less than the weights each step, with prompts kept from before.
    assert sum(share > 1.0 for share in runs) <= 5
    assert max(runs) < 1.2


def roof_of(run):
    rising = run.peak_flop_rate * run.arithmetic_intensity / run.ridge_point
    return min(run.peak_flop_rate, rising)


def test_a_roof_shows_only_runs_of_its_own_hardware_and_format():
    run = Engine.solve(Models["Llama-3.1 70B"], Systems["H100 node"], phase="training")
    about = [each.about for each in measured_runs.below(run)]
    assert len(about) > 20
    assert all("H100" in words for words in about)
    tiny = Engine.solve(Models["ResNet-50"], Systems["H100 node"], precision="int8")
    assert not set(about) & {each.about for each in measured_runs.below(tiny)}
