"""The command line: what a person types, what is printed, and the exit status."""

from __future__ import annotations

import json
import re

import pytest

from mlsysim import Regions, ReliabilitySimulation, ResourceSimulation, SystemLedger
from mlsysim.cli import labs, listing, main
from mlsysim.simulations import SIMULATIONS


def test_eval_prints_the_ledger_that_python_gets(capsys):
    assert main(["eval", "Doorbell", "TinyPioneer", "--region", "Quebec", "--json"]) == 0
    printed = SystemLedger.from_dict(json.loads(capsys.readouterr().out))
    expected = ResourceSimulation("Doorbell", "TinyPioneer").evaluate({"region": "Quebec"})
    assert printed == expected


def test_eval_as_text_says_what_was_asked_and_what_came_out(capsys):
    assert main(["eval", "Frontier", "--simulation", "Reliability", "--spares", "3"]) == 0
    printed = capsys.readouterr().out
    expected = ReliabilitySimulation("Frontier").evaluate({"spares": 3})
    assert "spares 3" in printed
    assert printed.endswith(f"{expected}\n")


@pytest.mark.parametrize("text", ["36 hour", "1.5", "1.5 day"])
def test_a_number_may_carry_a_unit(text, capsys):
    assert main(["eval", "--duration-days", text, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["context"]["choice"]["duration_days"] == 1.5


def _served(kind):
    served = list(kind.applications())
    return "Inference" if "Inference" in served else served[0]


@pytest.mark.parametrize("kind", SIMULATIONS)
def test_every_declared_choice_is_an_option_with_its_help(kind, capsys):
    name = kind.__name__.removesuffix("Simulation")
    application = _served(kind)
    assert main(["eval", application, "--simulation", name, "--help"]) == 0
    printed = re.sub(r"\s+", " ", capsys.readouterr().out)
    for choice in kind(application).choices:
        assert f"--{choice.name.replace('_', '-')} VALUE {choice.help}" in printed
        assert main(["eval", application, "--simulation", name,
                     f"--{choice.name.replace('_', '-')}", str(choice.default)]) == 0  # fmt: skip
        capsys.readouterr()


def test_strict_turns_a_broken_constraint_into_a_status(capsys):
    arguments = ["eval", "Doorbell", "TinyPioneer", "--duty-cycle", "1"]
    assert not ResourceSimulation("Doorbell").evaluate({"duty_cycle": 1}).feasible
    assert main(arguments) == 0
    assert main([*arguments, "--strict"]) == 1
    assert main(["eval", "Doorbell", "TinyPioneer", "--strict"]) == 0
    assert "✗" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evl"], ("command", "'evl'", "Did you mean 'eval'?")),
        (["eval", "Dorbell"], ("application", "Did you mean 'Doorbell'?")),
        (["eval", "Doorbell", "Tiny"], ("persona", "'Tiny'", "TinyPioneer")),
        (["eval", "--regoin", "Quebec"], ("option", "Did you mean '--region'?")),
        (["eval", "--region", "Quebecc"], ("region", "Did you mean 'Quebec'?")),
        (["eval", "--duration-days", "-30"], ("duration_days", "-30;", "from 1 to 3650")),
        (["eval", "--duration-days", "3 kg"], ("duration_days", "3 kg")),
        (["eval", "--batch-size", "1.5"], ("batch_size", "a whole number from 1")),
        (["eval", "--spares", "1"], ("choice", "'spares'")),
        (["eval", "--simulation", "Resources"], ("simulation", "Did you mean 'Resource'?")),
        (["sweep"], ("choices to vary", "at least one")),
        (["sweep", "--duration-days", "9:1"], ("duration_days", "a low end below")),
        (["sweep", "--duration-days", "1:9:x"], ("duration_days", "LOW:HIGH:COUNT")),
        (["sweep", "--region", "Quebec,Polnad"], ("region", "Did you mean 'Poland'?")),
        (["sweep", "--region", "all", "--metric", "economics.toc"], ("metric", "economics.tco")),
        (["optimize", "--region", "all"], ("minimize or maximize",)),
        (
            ["optimize", "--minimize", "economics.tco", "--region", "all", "--subject-to", "cheap"],
            ("--subject-to", "a bound such as"),
        ),
        (["list", "regoins"], ("kind", "Did you mean 'regions'?")),
    ],
)
def test_bad_input_is_status_two_and_a_sentence(arguments, words, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    for word in words:
        assert word in captured.err


@pytest.mark.parametrize("kind", listing._SHOWN)
def test_list_shows_every_record_of_a_kind(kind, capsys):
    assert main(["list", kind, "--json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert len(names) == len(set(names)) == len(listing.rows(kind))
    assert main(["list", kind]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("name")
    assert len(lines) == len(names) + 1
    assert all(line.startswith(name) for line, name in zip(lines[1:], names, strict=True))


def test_list_can_be_narrowed(capsys):
    assert main(["list", "regions", "quebec", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == [Regions["Quebec"].name]
    assert main(["list", "regions", "no such place"]) == 0
    assert capsys.readouterr().out == "Nothing contains 'no such place'.\n"


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    for name in ("eval", "list", "validate", "fit"):
        assert f"\n  {name} " in printed


def test_no_command_is_bad_input(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_sweep_prints_a_row_for_each_combination(capsys):
    assert main(["sweep", "Inference", "CloudTitan", "--region", "Quebec,Poland",
                 "--batch-size", "1:256:3", "--metric", "performance.latency"]) == 0  # fmt: skip
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["region", "batch_size", "performance.latency", "feasible"]
    assert [row.split()[:2] for row in rows] == [
        [region, size] for region in ("Quebec", "Poland") for size in ("1", "16", "256")
    ]
    latency = ResourceSimulation("Inference").evaluate({"batch_size": 16}).performance.latency_s
    assert float(rows[1].split()[2]) == pytest.approx(latency, rel=1e-4)


def test_sweep_prints_the_first_rows_and_writes_all_of_them(capsys, tmp_path):
    arguments = ["sweep", "--duration-days", "1:3650", "--region", "all"]
    assert main(arguments) == 0
    assert "more rows; --csv FILE writes all" in capsys.readouterr().out
    assert main([*arguments, "--csv", str(tmp_path / "all.csv")]) == 0
    rows = (tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 25 * len(Regions)


def test_optimize_finds_what_python_finds(capsys):
    arguments = ["optimize", "Inference", "CloudTitan", "--minimize", "sustainability.carbon",
                 "--subject-to", "performance.latency <= 20 ms", "--batch-size", "1,8,512",
                 "--region", "Quebec,Poland"]  # fmt: skip
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    best = ResourceSimulation("Inference", "CloudTitan").optimize(
        minimize="sustainability.carbon",
        subject_to={"performance.latency": "<= 20 ms"},
        batch_size=[1, 8, 512],
        region=["Quebec", "Poland"],
    )
    assert found["choice"] == best.choice
    assert found["value"] == best.value
    assert main(arguments) == 0
    assert "held back by" in capsys.readouterr().out


def test_optimize_without_a_solution_is_status_one_and_says_what_to_relax(capsys):
    assert main(["optimize", "Inference", "--minimize", "economics.tco", "--batch-size", "1,8",
                 "--subject-to", "performance.latency <= 1 ms"]) == 1  # fmt: skip
    assert "relax 'Latency at most 1 ms' to" in capsys.readouterr().out


def test_labs_that_are_not_there_are_a_sentence(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(labs, "_PLACES", (tmp_path,))
    assert main(["labs", "--no-browser"]) == 2
    assert "an installation with the labs in it" in capsys.readouterr().err
