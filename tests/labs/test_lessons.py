"""The labs as lessons: short, the same beats, every key computed, every number a true one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
from mlsysim_widgets import Cast, Decision, Journal, Prediction, Question, Report, Reveal

from mlsysim import (
    Applications,
    CompressionSimulation,
    DataSimulation,
    Hardware,
    NodeSimulation,
    Personas,
    PlacementSimulation,
    Regions,
    ReliabilitySimulation,
    ServingSimulation,
    SystemLedger,
    TrainingSimulation,
)
from mlsysim.constants import SECONDS_PER_DAY
from mlsysim.engine.serving import TAIL
from mlsysim.failure_rates import FailureRates
from mlsysim.optimizers import Optimizers
from mlsysim.precisions import Precisions
from mlsysim.storage import Routes

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATE = REPOSITORY / "labs" / "template.ipynb"
LABS = [TEMPLATE, *sorted((REPOSITORY / "labs").glob("vol*/*.ipynb"))]
LESSONS = [lab for lab in LABS if "Prediction(" in lab.read_text(encoding="utf-8")]
MOST_WORDS = 900
BEATS = ("Predict", "Act", "Break it", "Reveal", "Decide", "Does it transfer?", "Hand in")


def chosen(application, **choice):
    """Return what a simulation of one node makes of some choices."""
    complete = NodeSimulation(application).complete(choice)
    return [complete[name] for name in choice]


def outgrows_memory(application, model):
    """Return whether a model is larger than the memory that an application has."""
    broken = NodeSimulation(application).evaluate({"model": model}).violations
    return "Fits in memory" in [verdict.constraint for verdict in broken]


DATA = "04_data_engineering"
ORIENTATION = ("Inference", "AutoDrive", "Assistant", "KeywordSpotting")


# What stands behind each number of a story: as it is written, and where the project has it.
CLAIMS = {
    "00_orientation": {
        "ten million": lambda: (Personas.TinyPioneer.scale_factor, 10_000_000),
        "ten thousand": lambda: (Personas.EdgeGuardian.scale_factor, 10_000),
        "hundred million": lambda: (Personas.MobileNomad.scale_factor, 100_000_000),
        "four cards": lambda: (len(SystemLedger().groups), 4),
        "four groups": lambda: (len(SystemLedger().groups), 4),
        "eight GPUs": lambda: (Applications.Inference.system.devices, 8),
        "half the hours": lambda: (
            [Applications[name].duty_cycle / 2 for name in ORIENTATION],
            [0.5, 0.025, 0.01, 0.05],
        ),
        "twice the years": lambda: (
            [Applications[name].lifetime_years * 2 for name in ORIENTATION],
            [10, 20, 6, 10],
        ),
    },
    "01_introduction": {
        "eight GPUs": lambda: (Applications.Inference.system.devices, 8),
        "64 conversations": lambda: (Applications.Inference.batch_size, 64),
        "256 conversations": lambda: (chosen("Inference", batch_size=256), [256]),
        "two cameras": lambda: (chosen("AutoDrive", batch_size=2), [2]),
        "two pictures": lambda: (chosen("Doorbell", batch_size=2), [2]),
        "two sounds": lambda: (chosen("KeywordSpotting", batch_size=2), [2]),
        "512 tokens": lambda: (chosen("Assistant", sequence_length=512), [512]),
        "2,048": lambda: (Applications.Assistant.sequence_length, 2048),
        "3.1 70B": lambda: (Applications.Inference.model.name, "Llama-3.1 70B"),
        "3.1 8B": lambda: (Applications.Assistant.model.name, "Llama-3.1 8B"),
        "3.2 3B": lambda: (chosen("Assistant", model="Llama-3.2 3B"), ["Llama-3.2 3B"]),
        "3.1 405B": lambda: (outgrows_memory("Inference", "Llama-3.1 405B"), True),
        "5 32B": lambda: (outgrows_memory("Assistant", "Qwen2.5 32B"), True),
        "FLUX.1-dev": lambda: (outgrows_memory("AutoDrive", "FLUX.1-dev"), True),
        "VGG-16": lambda: (outgrows_memory("Doorbell", "VGG-16"), True),
        "twice the price": lambda: (
            Hardware["Arm Ethos-U55-256"].price_usd / Hardware["ESP32-S3"].price_usd,
            2,
        ),
    },
    "02_ml_systems": {
        "ten milliseconds": lambda: (Applications.AutoDrive.deadline_s, 0.010),
        "500 kilometers": lambda: (PlacementSimulation().complete({})["distance_km"], 500),
    },
    "04_data_engineering": {
        "eight GPUs": lambda: (Applications.Recommendation.system.devices, 8),
        "10 terabytes": lambda: (begins(DATA, "CloudTitan", "dataset_tb"), 10),
        "one more each day": lambda: (begins(DATA, "CloudTitan", "new_tb_per_day"), 1),
        "a day old": lambda: (begins(DATA, "CloudTitan", "oldest_hours"), 24),
        "10 gigabits": lambda: (
            [begins(DATA, name, "link_gbit_per_s") for name in ("CloudTitan", "MobileNomad")],
            [10, 10],
        ),
        "5,000 terabytes": lambda: (begins(DATA, "EdgeGuardian", "dataset_tb"), 5000),
        "128 nodes": lambda: (Applications.Training.system.nodes, 128),
        "30 days": lambda: (begins(DATA, "EdgeGuardian", "duration_days"), 30),
        "a fifth of that": lambda: (round(times_read("EdgeGuardian"), 1), 0.2),
        "100 gigabits": lambda: (
            [
                begins(DATA, "EdgeGuardian", "link_gbit_per_s"),
                DataSimulation("Training").defaults["link_gbit_per_s"],
            ],
            [100, 100],
        ),
        "90 days": lambda: (begins(DATA, "MobileNomad", "duration_days"), 90),
        "300 terabytes": lambda: (begins(DATA, "MobileNomad", "dataset_tb"), 300),
        "three times": lambda: (round(times_read("MobileNomad")), 3),
        "2,000 terabytes": lambda: (begins(DATA, "TinyPioneer", "dataset_tb"), 2000),
        "again and again": lambda: (times_read("TinyPioneer") > 2, True),
        "single gigabit": lambda: (begins(DATA, "TinyPioneer", "link_gbit_per_s"), 1),
        "ten days": lambda: (Routes["shipped"].handling_s / SECONDS_PER_DAY, 10),
        "at least twice": lambda: (
            min(Regions[name].price_usd_per_kwh for name in ("Germany", "Ireland", "Japan"))
            > 2 * Regions["US_Avg"].price_usd_per_kwh,
            True,
        ),
        "nine cents": lambda: (Routes["other_cloud"].price_usd_per_gb, 0.09),
        "100,000 dollars": lambda: (begins(DATA, "CloudTitan", "transfer_budget_usd"), 100_000),
        "a tenth of its time": lambda: (longest_wait("EdgeGuardian"), 0.1),
        "thousand terabytes": lambda: (
            DataSimulation("Training").complete({"dataset_tb": 1000})["dataset_tb"],
            1000,
        ),
    },
    "10_compression": {
        "16 bits": lambda: (8 * Precisions.fp16.bytes_per_value, 16),
        "32 bits": lambda: (8 * Precisions.fp32.bytes_per_value, 32),
        "eight bits": lambda: (8 * Precisions.int8.bytes_per_value, 8),
        "four bits": lambda: (8 * Precisions.int4.bytes_per_value, 4),
        "sixteen frames": lambda: (
            CompressionSimulation("AutoDrive").complete({"batch_size": 16})["batch_size"],
            16,
        ),
    },
    "10_inference_at_scale": {
        "eight GPUs": lambda: (Applications.Inference.system.devices_per_node, 8),
        "900 requests": lambda: (
            begins("10_inference_at_scale", "CloudTitan", "request_rate"),
            900,
        ),
        "120 replicas": lambda: (begins("10_inference_at_scale", "CloudTitan", "replicas"), 120),
        "300 requests": lambda: (
            begins("10_inference_at_scale", "MobileNomad", "request_rate"),
            300,
        ),
        "30 replicas": lambda: (begins("10_inference_at_scale", "MobileNomad", "replicas"), 30),
        "20 requests": lambda: (begins("10_inference_at_scale", "TinyPioneer", "request_rate"), 20),
        "six replicas": lambda: (begins("10_inference_at_scale", "TinyPioneer", "replicas"), 6),
    },
    "08_training": {
        "1,024 GPUs": lambda: (Applications.Training.system.devices, 1024),
        "eight GPUs": lambda: (Applications.Inference.system.devices, 8),
        "32 sequences": lambda: (
            TrainingSimulation("Inference").complete({"microbatch_size": 32})["microbatch_size"],
            32,
        ),
        "two more": lambda: (
            Optimizers["Adam"].moment_bytes / Precisions["fp32"].bytes_per_value,
            2,
        ),
    },
    "05_distributed_training": {
        "16,384 devices": lambda: (Applications.Frontier.system.devices, 16_384),
        "16,384 GPUs": lambda: (Applications.Frontier.system.devices, 16_384),
        "1,024 GPUs": lambda: (Applications.Training.system.devices, 1024),
        "eight GPUs": lambda: (Applications.Frontier.system.devices_per_node, 8),
        "64 parts": lambda: (TrainingSimulation("Frontier").complete({"tensor": 64})["tensor"], 64),
    },
    "11_acceleration": {
        "64 conversations": lambda: (Applications.Inference.batch_size, 64),
        "eight GPUs": lambda: (Applications.Inference.system.devices, 8),
        "ten milliseconds": lambda: (Applications.AutoDrive.deadline_s, 0.010),
        "five pictures": lambda: (1 / Applications.Doorbell.deadline_s, 5),
        "single conversation": lambda: (1, 1),
        "sixteen frames": lambda: (
            NodeSimulation("AutoDrive").complete({"batch_size": 16})["batch_size"],
            16,
        ),
    },
    "07_fault_tolerance": {
        "ten minutes": lambda: (
            begins("07_fault_tolerance", "CloudTitan", "checkpoint_interval_minutes"),
            10,
        ),
        "2,048 nodes": lambda: (Applications.Frontier.system.nodes, 2048),
        "eight GPUs": lambda: (Applications.Frontier.system.devices_per_node, 8),
        "ten seconds": lambda: (
            begins("07_fault_tolerance", "CloudTitan", "checkpoint_cost_s"),
            10,
        ),
        "128 nodes": lambda: (Applications.Training.system.nodes, 128),
        "128 rented": lambda: (Applications.Training.system.nodes, 128),
        "two minutes": lambda: (
            begins("07_fault_tolerance", "EdgeGuardian", "checkpoint_cost_s"),
            120,
        ),
        "four times": lambda: (
            round(
                FailureRates["opt_cluster"].failures_per_node_second
                / Applications.Frontier.failure_rate.failures_per_node_second
            ),
            4,
        ),
        "30 minutes": lambda: (
            ReliabilitySimulation("Frontier").complete({"restart_minutes": 30})["restart_minutes"],
            30,
        ),
        "10,000 cars": lambda: (Personas.EdgeGuardian.scale_factor, 10_000),
    },
    "15_sustainable_ai": {
        "eight GPUs": lambda: (Applications.Inference.system.devices, 8),
        "10,000 cars": lambda: (Personas.EdgeGuardian.scale_factor, 10_000),
        "100 million": lambda: (Personas.MobileNomad.scale_factor, 100e6),
        "three years": lambda: (Applications.Assistant.lifetime_years, 3),
        "10 million": lambda: (Personas.TinyPioneer.scale_factor, 10e6),
        "five years": lambda: (Applications.Doorbell.lifetime_years, 5),
        "twice as long": lambda: (
            list(offered("time", "replacement_years", "lifetime_years")),
            [2, 2, 2, 2],
        ),
        "half the hours": lambda: (
            list(offered("efficiency", "duty_cycle", "duty_cycle")),
            [0.5, 0.5, 0.5, 0.5],
        ),
    },
    "13_serving": {
        "eight GPUs": lambda: (Applications.Inference.system.devices, 8),
        "64 conversations": lambda: (Applications.Inference.batch_size, 64),
        "eight operators": lambda: (
            cast_of("13_serving")._begins["EdgeGuardian"]["batch_limit"],
            8,
        ),
        "hundred requests": lambda: (TAIL, 99 / 100),
        "half busy": lambda: (loads("13_serving"), [0.5] * 4),
        "400 conversations": lambda: (
            ServingSimulation("Inference").evaluate({"batch_limit": 400}).violations,
            (),
        ),
        "eight conversations": lambda: (load_of_chat(batch_limit=8, request_rate=1.11), 0.5),
    },
}
NUMBER = re.compile(
    r"\b(?:\d[\d,.]*|two|three|four|five|six|seven|eight|nine|ten|sixteen|twenty|hundred|thousand"
    r"|million|billion)\b (?!things|limits|other|parts)\w+"
)


def cells(lab, kind):
    return [cell for cell in nbformat.read(lab, as_version=4).cells if cell.cell_type == kind]


def played(lab):
    """Run the code of a lab as its kernel does; return what cells show and what they name."""
    names, shown = {}, []
    for cell in cells(lab, "code"):
        tree = ast.parse(cell.source)
        last = (
            ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
        )
        exec(compile(tree, lab.name, "exec"), names)  # noqa: S102
        if last:
            shown.append(eval(compile(last, lab.name, "eval"), names))  # noqa: S307
    return [*shown, *names.values()]


def cast_of(name):
    """Return who plays in the lab of that name."""
    (cast,) = of(played(next(lab for lab in LABS if lab.stem == name)), Cast)
    return cast


def begins(name, persona, choice):
    """Return the choice with which a persona begins the lab of that name."""
    cast = cast_of(name)
    cast.play(persona)
    return {**cast.simulation.defaults, **cast.start}[choice]


def times_read(persona):
    """Return how often a persona of the lab on data reads the whole of it."""
    cast = cast_of(DATA)
    cast.play(persona)
    wanted = cast.ledger().si("performance.input_demand")
    whole = begins(DATA, persona, "dataset_tb") * 1e12
    return wanted * begins(DATA, persona, "duration_days") * SECONDS_PER_DAY / whole


def longest_wait(persona):
    """Return which share of its time a job of the lab on data may wait for its data."""
    cast = cast_of(DATA)
    cast.play(persona)
    limits = {verdict.constraint: verdict.limit for verdict in cast.ledger().verdicts}
    seconds = begins(DATA, persona, "duration_days") * SECONDS_PER_DAY
    return limits["Arrives early"] / seconds


def offered(offer, choice, field):
    """Return what an offer against carbon makes of a choice, over what each application has."""
    parts = played(next(lab for lab in LABS if lab.stem == "15_sustainable_ai"))
    (offers,) = (each for each in parts if isinstance(each, dict) and set(each) == set(Personas))
    (cast,) = of(parts, Cast)
    for persona in Personas:
        cast.play(persona)
        yield offers[persona][offer][choice] / getattr(cast.simulation.scenario, field)


def loads(name):
    """Return how busy the system of each persona is when the lab begins."""
    cast, found = cast_of(name), []
    for persona in Personas:
        cast.play(persona)
        found.append(round(cast.ledger().si("performance.offered_load"), 2))
    return found


def load_of_chat(**choice):
    """Return how busy the chat node is."""
    return round(ServingSimulation("Inference").evaluate(choice).si("performance.offered_load"), 2)


def of(parts, kind):
    """Return the parts of a kind, each once; a question is no prediction here."""
    found = {id(part): part for part in parts if isinstance(part, kind)}.values()
    return [part for part in found if kind is Question or not isinstance(part, Question)]


@pytest.fixture(params=LESSONS, ids=lambda lab: lab.stem)
def lab(request, monkeypatch):
    monkeypatch.setenv("MLSYSIM_JOURNAL", "")
    # A kernel finds what lies beside its notebook.
    monkeypatch.syspath_prepend(request.param.parent)
    return request.param


def test_a_lab_is_short_and_has_its_beats(lab):
    prose = "\n".join(cell.source for cell in cells(lab, "markdown"))
    assert len(re.findall(r"[\w'’-]+", prose)) <= MOST_WORDS
    headings = re.findall(r"^## (.+)$", prose, re.MULTILINE)
    assert [heading for heading in headings if heading in BEATS] == list(BEATS)
    assert "Afterwards you can explain" in prose


def test_every_part_of_a_lab_is_there(lab):
    parts = played(lab)
    for kind in (Journal, Cast, Decision, Report):
        assert len(of(parts, kind)) == 1, kind.__name__
    assert len(of(parts, Question)) == 3
    assert of(parts, Prediction)
    revealed = [id(reveal.prediction) for reveal in of(parts, Reveal)]
    assert sorted(revealed) == sorted(map(id, of(parts, Prediction)))


def test_every_key_is_computed_and_every_wrong_answer_is_explained_for_every_persona(lab):
    parts = played(lab)
    (cast,) = of(parts, Cast)
    assert set(cast._stories) == set(Personas)
    answers = set()
    for persona in Personas:
        cast.play(persona)
        for prediction in of(parts, Prediction):
            key = prediction.answer
            answers.add((prediction._name, key))
            if not prediction._options:
                assert prediction._number.minimum < key < prediction._number.maximum
                assert all(prediction._hints.values())
                continue
            for option in prediction._options:
                said = prediction._feedback(option)
                assert len(said) > 40
                other = prediction._options[option][
                    0 if said == prediction._options[option][1] else 1
                ]
                assert said != other
    # The law is the same for all, and what it comes to is not.
    for prediction in of(parts, Prediction):
        assert len({key for name, key in answers if name == prediction._name}) > 1
    for question in of(parts, Question):
        assert question.answer in question._options


def test_a_lab_can_be_walked_from_the_first_beat_to_the_report(lab):
    parts = played(lab)
    (cast,), (decision,), (report,) = (of(parts, kind) for kind in (Cast, Decision, Report))
    for persona in Personas:
        cast.play(persona)
        assert decision.dashboard is None
        for prediction in of(parts, Prediction):
            wrong = [option for option in prediction._options if option != prediction.answer]
            prediction.commit(wrong[0] if wrong else prediction._number.maximum)
            assert prediction.right is False
        assert decision.dashboard.persona == persona
        assert decision.dashboard.error == ""
        for reveal in of(parts, Reveal):
            reveal.reveal()
            assert reveal.view["told"]["lines"]
            assert "=" in reveal.view["told"]["code"]
        decision.decide(decision.reasons[0])
    for question in of(parts, Question):
        question.commit(question.answer)
        assert question.right
    page = report.page()
    for persona in Personas:
        assert f".{persona.lower()}" in page


def test_what_break_it_names_turns_a_verdict_for_everybody_and_undo_mends_it(lab):
    prose = "\n".join(cell.source for cell in cells(lab, "markdown"))
    named = re.findall(r"\*\*(.+?)\*\*", prose.split("\n## Break it\n")[1].split("\n## ")[0])
    parts = played(lab)
    (cast,), (decision,) = of(parts, Cast), of(parts, Decision)
    for persona in Personas:
        cast.play(persona)
        for prediction in of(parts, Prediction):
            prediction.commit(prediction.answer)
        dashboard = decision.dashboard
        controls = [c for c in dashboard.spec["controls"] if c["label"] in named]
        assert any(turns_a_verdict(dashboard, control) for control in controls), persona


def test_the_chapter_page_of_a_lab_offers_what_its_text_names(lab):
    axes = nbformat.read(lab, as_version=4).metadata["chapter_page"]
    prose = "\n".join(cell.source for cell in cells(lab, "markdown"))
    beats = prose.split("\n## Act\n")[1].split("\n## Reveal\n")[0]
    (decision,) = of(played(lab), Decision)
    labels = {choice.name: choice.label for choice in decision.first_dashboard().simulation.choices}
    assert 2 <= len(axes) <= 3
    assert [name for name in axes if f"**{labels[name]}**" not in beats] == []


def turns_a_verdict(dashboard, control):
    """Say whether a verdict changes over what a control can be set to, undoing each change."""
    before = dashboard.ledger.violations
    found = {frozenset(verdict.constraint for verdict in before)}
    values = [each["value"] for each in control.get("options", ())]
    for value in values or (control["minimum"], control["maximum"]):
        dashboard.choose(**{control["name"]: value})
        found.add(frozenset(verdict.constraint for verdict in dashboard.ledger.violations))
        dashboard.undo()
        assert dashboard.ledger.violations == before
    return len(found) > 1


def test_every_number_of_a_story_stands_in_the_project(lab):
    prose = "\n".join(cell.source for cell in cells(lab, "markdown"))
    told = "\n".join(
        str(text) for part in of(played(lab), Cast) for _, text in part._stories.values()
    )
    asked = "\n".join(part.question for part in of(played(lab), Question))
    claims = CLAIMS.get(lab.stem, {})
    body = re.sub(r"^# .*$", "", prose, flags=re.MULTILINE)
    found = set(NUMBER.findall(f"{body}\n{told}\n{asked}"))
    assert found - set(claims) == set(), "a number that nothing stands behind"
    for words, claim in claims.items():
        stands, written = claim()
        assert stands == pytest.approx(written), words
