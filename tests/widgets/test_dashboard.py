"""The dashboard without a browser: state in, one evaluation, ledger or error out."""

from __future__ import annotations

import itertools
import json

import pytest
from mlsysim_widgets import Dashboard

from mlsysim import (
    Applications,
    BaseSimulation,
    CompressionSimulation,
    InvalidInput,
    NumberChoice,
    OptionChoice,
    Performance,
    Personas,
    ReliabilitySimulation,
    ResourceSimulation,
    ServingSimulation,
    SystemLedger,
)
from mlsysim.errors import UnknownName
from mlsysim.simulations import SIMULATIONS

HOSTILE = "<img src=x onerror=alert(1)>'\"&\u202e"
EVERYBODY = [
    (simulation, application, persona)
    for simulation in SIMULATIONS
    for application, persona in itertools.product(simulation.applications(), Personas)
]


class Queue(BaseSimulation):
    """Two declared choices, as a teaching assistant would write them."""

    choices = (
        NumberChoice(
            name="load", label="Load", help="Share busy.", unit="dimensionless",
            minimum=0.0, maximum=1.0, default=0.5,
        ),
        OptionChoice(
            name="policy", label="Policy", help="Who is next.", options=("fifo", "fair"),
            default="fifo",
        ),
    )  # fmt: skip
    evaluations = 0

    def evaluate(self, choice):
        type(self).evaluations += 1
        if choice["load"] == 1.0:
            raise RuntimeError(HOSTILE)
        slow = 2.0 if choice["policy"] == "fair" else 1.0
        return SystemLedger(performance=Performance(latency=slow / (1.0 - choice["load"])))


@pytest.fixture
def queue():
    Queue.evaluations = 0
    return Dashboard(Queue)


def choose_as_browser(dashboard, *, draft=False, **choice):
    """Set the state the way a message from the page does."""
    state = dashboard.state
    dashboard.state = {**state, "choice": {**state["choice"], **choice}, "draft": draft}


def shown(dashboard):
    """Every metric text of the cards, by path."""
    cards = dashboard.view["cards"]
    everything = {m["path"]: m["text"] for card in cards for m in card["all"]}
    first = {m["path"]: m["text"] for card in cards for m in card["metrics"]}
    assert first.items() <= everything.items()
    return everything


def test_two_choices_make_a_dashboard_with_one_line(queue):
    assert [control["name"] for control in queue.spec["controls"]] == ["load", "policy"]
    assert queue.ledger.performance.latency_s == 2.0
    assert shown(queue) == {"performance.latency": "2 s"}
    queue.choose(policy="fair", load=0.75)
    assert queue.ledger.performance.latency_s == 8.0
    assert shown(queue) == {"performance.latency": "8 s"}
    assert "8 s" in queue.view["sentence"]


def test_one_change_is_one_evaluation_and_one_view(queue):
    views = []
    queue.observe(lambda change: views.append(change["new"]["sequence"]), "view")
    assert Queue.evaluations == 1
    choose_as_browser(queue, load=0.6)
    assert (Queue.evaluations, views) == (2, [2])
    queue.choose(load="70 %", policy="fair")
    assert (Queue.evaluations, views) == (3, [2, 3])
    queue.persona = "CloudTitan"
    assert (Queue.evaluations, views) == (4, [2, 3, 4])


def test_quantities_and_text_with_units_become_plain_numbers():
    dashboard = Dashboard(ResourceSimulation)
    dashboard.choose(duration_days="36 hour")
    assert dashboard.state["choice"]["duration_days"] == 1.5
    assert dashboard.view["state"]["choice"]["duration_days"] == 1.5
    assert json.loads(json.dumps(dashboard.state)) == dashboard.state


def test_class_instance_and_starting_choices_are_accepted_and_nothing_else():
    own = ResourceSimulation(Applications.AutoDrive, Personas.EdgeGuardian)
    assert Dashboard(own).simulation is own
    assert Dashboard(own, region="Norway").state["choice"]["region"] == "Norway"
    assert Dashboard(ResourceSimulation, persona=Personas.CloudTitan).persona == "CloudTitan"
    with pytest.raises(InvalidInput, match="simulation: received 'Resource'"):
        Dashboard("Resource")
    with pytest.raises(InvalidInput, match="simulation"):
        Dashboard(int)


def test_unknown_keyword_raises_with_the_nearest_name(queue):
    with pytest.raises(UnknownName, match="Did you mean 'policy'"):
        queue.choose(polcy="fair")
    with pytest.raises(UnknownName, match="Did you mean 'policy'"):
        Dashboard(Queue, polcy="fair")
    assert Queue.evaluations == 1


def test_first_selectors_are_persona_application_and_region():
    spec = Dashboard(ResourceSimulation).spec
    assert [s["name"] for s in spec["selectors"]] == ["persona", "application", "region"]
    declared = {choice.name for choice in ResourceSimulation.choices}
    assert {c["name"] for c in spec["controls"]} == declared - {"region"}
    listed = {option["value"] for option in spec["selectors"][1]["options"]}
    assert listed == set(Applications)
    assert all(option["help"] for option in spec["selectors"][0]["options"])


@pytest.mark.parametrize(("simulation", "application", "persona"), EVERYBODY)
def test_every_view_of_every_application_and_persona_has_data(simulation, application, persona):
    dashboard = Dashboard(simulation, application=application, persona=persona)
    assert dashboard.error == ""
    expected = simulation(application, persona).evaluate({})
    assert dashboard.ledger == expected
    assert dashboard.view["figures"]
    for figure in dashboard.view["figures"]:
        assert figure["title"]
        assert figure["alt"]
        assert len(figure["series"]) > 1
        assert len(figure["table"]["rows"]) > 1
        assert all(axis["label"] and axis["unit"] for axis in figure["axes"].values())
        assert all(entry["text"] not in ("", "–") for entry in figure["series"])
    assert shown(dashboard) == {
        f"{name}.{metric}": getattr(expected, name).text(metric)
        for name in expected.groups
        for metric in getattr(expected, name)
    }
    assert len(dashboard.view["verdicts"]) == len(expected.verdicts)
    json.dumps([dashboard.spec, dashboard.view], allow_nan=False)


ENDS = [
    (simulation, choice.name, end)
    for simulation in SIMULATIONS
    for choice in simulation().choices
    if isinstance(choice, NumberChoice)
    for end in (choice.minimum, choice.maximum)
]


@pytest.mark.parametrize(("simulation", "name", "end"), ENDS)
def test_number_controls_work_at_both_ends_and_refuse_what_lies_outside(simulation, name, end):
    dashboard = Dashboard(simulation)
    control = next(c for c in dashboard.spec["controls"] if c["name"] == name)
    assert end in (control["minimum"], control["maximum"])
    choose_as_browser(dashboard, **{name: end})
    assert dashboard.error == ""
    assert dashboard.state["choice"][name] == end
    good = dashboard.ledger
    outside = end - 1 if end == control["minimum"] else end * 2
    choose_as_browser(dashboard, **{name: outside})
    assert dashboard.view["problem"]["field"] == name
    assert dashboard.view["problem"]["accepted"] == control["accepted"]
    assert dashboard.view["stale"] is True
    assert dashboard.ledger is good


OPTIONS = [
    (simulation, choice.name)
    for simulation in SIMULATIONS
    for choice in simulation().choices
    if isinstance(choice, OptionChoice)
]


@pytest.mark.parametrize(("simulation", "name"), OPTIONS)
def test_option_controls_offer_what_works_and_refuse_the_rest(simulation, name):
    dashboard = Dashboard(simulation)
    controls = [*dashboard.spec["selectors"], *dashboard.spec["controls"]]
    options = next(c for c in controls if c["name"] == name)["options"]
    for option in (options[0]["value"], options[-1]["value"]):
        choose_as_browser(dashboard, **{name: option})
        assert dashboard.error == ""
        assert dashboard.state["choice"][name] == option
    choose_as_browser(dashboard, **{name: HOSTILE})
    assert dashboard.view["problem"]["field"] == name


def test_problem_says_field_received_accepted_and_suggestion():
    dashboard = Dashboard(ResourceSimulation, region="Quebec")
    good = dashboard.view
    dashboard.choose(region="Quebecc")
    problem = dashboard.view["problem"]
    assert problem["title"] == "Region: this cannot be used"
    assert problem["received"] == "'Quebecc'"
    assert "Quebec" in problem["suggestion"]
    assert dashboard.error.startswith("region: received 'Quebecc'")
    assert dashboard.view["cards"] == good["cards"]
    assert dashboard.state["choice"]["region"] == "Quebecc"
    dashboard.choose(region="Norway")
    assert (dashboard.error, dashboard.view["problem"], dashboard.view["stale"]) == (
        "",
        None,
        False,
    )


@pytest.mark.parametrize(
    "junk",
    [float("nan"), float("inf"), True, None, [], {}, HOSTILE, "eight", b"8", 1e400, object],
    ids=repr,
)
@pytest.mark.parametrize("name", ["load", "policy", "persona", "application"])
def test_junk_is_shown_in_place_and_travels_as_json(queue, name, junk):
    good = queue.ledger
    queue.choose(**{name: junk})
    assert queue.error
    assert queue.view["problem"]["title"]
    assert queue.ledger is good
    json.dumps([queue.spec, queue.state, queue.view], allow_nan=False)


@pytest.mark.parametrize("state", [{}, {"choice": 7}, {"persona": [], "choice": {"x": {}}}])
def test_broken_state_from_outside_is_an_error_in_place(queue, state):
    queue.state = state
    assert queue.view["stale"]
    queue.reset()
    assert (queue.error, queue.state["choice"]["load"]) == ("", 0.5)


def test_error_of_a_simulation_is_shown_in_plain_words(queue):
    queue.choose(load=1.0)
    assert queue.view["problem"]["title"] == "Queue could not be evaluated"
    assert queue.view["problem"]["detail"] == f"RuntimeError: {HOSTILE}"
    assert queue.view["cards"]
    queue.undo()
    assert queue.error == ""


def test_simulation_that_never_works_still_shows_its_controls():
    class Broken(Queue):
        def evaluate(self, choice):
            raise ZeroDivisionError(choice)

    dashboard = Dashboard(Broken)
    assert dashboard.ledger is None
    assert dashboard.view["cards"] == []
    assert len(dashboard.spec["controls"]) == 2
    assert "Broken could not be evaluated" in dashboard.view["problem"]["title"]


def test_undo_and_reset_walk_over_settled_states_only(queue):
    assert queue.view["undo"] is False
    for load in (0.1, 0.2, 0.3):
        choose_as_browser(queue, draft=True, load=load)
    choose_as_browser(queue, load=0.3)
    queue.choose(policy="fair")
    assert queue.view["undo"] is True
    queue.undo()
    assert queue.state["choice"] == {"load": 0.3, "policy": "fifo"}
    queue.undo()
    assert queue.state["choice"] == {"load": 0.5, "policy": "fifo"}
    assert queue.view["undo"] is False
    queue.undo()
    queue.choose(load=0.9)
    queue.reset()
    assert queue.state["choice"]["load"] == 0.5
    queue.undo()
    assert queue.state["choice"]["load"] == 0.9


def test_end_of_a_drag_is_not_evaluated_twice(queue):
    choose_as_browser(queue, draft=True, load=0.3)
    choose_as_browser(queue, draft=False, load=0.3)
    assert Queue.evaluations == 2


@pytest.mark.parametrize("again", [False, True])
def test_an_action_that_overtakes_the_end_of_a_drag_comes_after_it_all_the_same(queue, again):
    """The browser keeps back states while an answer is on its way, and messages never."""

    def dragged(load, moment, draft=True):
        choice = {**start["choice"], "load": load}
        return {**start, "choice": choice, "draft": draft, "moved": "load", "moment": moment}

    start = queue.state
    queue.set_state({"state": dragged(0.1, 1)})
    assert queue.view["moment"] == 1
    kept_back = dragged(0.9, 2, draft=False)
    if again:
        queue._handle_custom_msg({"action": "reset", "state": kept_back}, [])
    queue._handle_custom_msg({"action": "undo", "state": kept_back}, [])
    queue.set_state({"state": kept_back})
    assert queue.state["choice"]["load"] == queue.view["state"]["choice"]["load"]
    assert queue.state["choice"]["load"] == (0.9 if again else 0.5)
    queue.set_state({"state": dragged(0.9, 3, draft=False)})
    assert queue.view["state"]["choice"]["load"] == 0.9


def test_undo_and_reset_come_as_messages(queue):
    queue.choose(load=0.7)
    queue._handle_custom_msg({"action": "undo"}, [])
    assert queue.state["choice"]["load"] == 0.5
    for junk in ({"action": "_simulation"}, {"action": []}, "undo", None):
        queue._handle_custom_msg(junk, [])
    assert queue.error == ""


def test_another_application_keeps_what_was_set_and_renews_defaults():
    dashboard = Dashboard(ResourceSimulation)
    doorbell = dashboard.state["choice"]
    dashboard.choose(region="Norway", duration_days=30)
    dashboard.application = "Recommendation"
    choice = dashboard.state["choice"]
    assert (choice["region"], choice["duration_days"]) == ("Norway", 30)
    defaults = ResourceSimulation("Recommendation", "TinyPioneer").defaults
    assert {k: choice[k] for k in ("batch_size", "facility")} == {
        k: defaults[k] for k in ("batch_size", "facility")
    }
    assert defaults["facility"] != doorbell["facility"]
    assert dashboard.spec["title"] == ResourceSimulation.title
    dashboard.undo()
    assert dashboard.application == "Doorbell"
    assert dashboard.state["choice"] == {**doorbell, "region": "Norway", "duration_days": 30}


def test_undo_restores_what_was_set_even_where_it_is_the_default_of_another_application():
    dashboard = Dashboard(ResourceSimulation)
    for_ads = ResourceSimulation("Recommendation").defaults["facility"]
    assert for_ads != dashboard.state["choice"]["facility"]
    dashboard.choose(facility=for_ads)
    dashboard.application = "Recommendation"
    dashboard.undo()
    assert (dashboard.application, dashboard.state["choice"]["facility"]) == ("Doorbell", for_ads)


def test_number_without_an_upper_bound_has_none_in_the_page():
    class Unbounded(Queue):
        choices = (
            NumberChoice(
                name="load", label="Load", help="", unit="device", minimum=1.0,
                maximum=float("inf"), default=2.0,
            ),
        )  # fmt: skip

        def evaluate(self, choice):
            return SystemLedger(performance=Performance(latency=choice["load"]))

    dashboard = Dashboard(Unbounded)
    assert dashboard.spec["controls"][0]["maximum"] is None
    json.dumps(dashboard.spec, allow_nan=False)
    dashboard.choose(load=1e9)
    assert dashboard.error == ""


def test_choice_that_no_longer_fits_falls_back_to_the_new_default():
    dashboard = Dashboard(ResourceSimulation, application="Frontier")
    control = next(c for c in dashboard.spec["controls"] if c["name"] == "batch_size")
    dashboard.choose(batch_size=control["maximum"])
    dashboard.application = "Doorbell"
    assert dashboard.error == ""
    assert dashboard.state["choice"]["batch_size"] == Applications.Doorbell.batch_size


def test_sentence_tells_fleet_place_limit_carbon_and_judgement():
    dashboard = Dashboard(ResourceSimulation, region="Quebec")
    ledger, sentence = dashboard.ledger, dashboard.view["sentence"]
    assert sentence.startswith("10 million doorbells in Quebec")
    assert ledger.performance.text("latency") in sentence
    assert f"{ledger.sustainability.text('carbon')} over 365 days" in sentence
    assert f"bound by {ledger.performance.binding_limit}" in sentence
    assert sentence.endswith(f"meets all {len(ledger.verdicts)} constraints")
    dashboard.choose(duty_cycle=1.0)
    broken = [verdict.constraint for verdict in dashboard.ledger.violations]
    assert broken
    assert dashboard.view["sentence"].endswith(", ".join(broken))


def test_python_line_gives_the_same_ledger():
    dashboard = Dashboard(ResourceSimulation, region="Norway", persona="CloudTitan")
    line = dashboard.view["python"]
    assert line == "ResourceSimulation('Doorbell', 'CloudTitan').evaluate({'region': 'Norway'})"
    assert eval(line) == dashboard.ledger  # noqa: S307


def test_mission_of_ones_own_is_listed_and_used():
    from dataclasses import replace

    own = replace(Applications.Doorbell, name="Own", unit=HOSTILE, aliases=())
    dashboard = Dashboard(ReliabilitySimulation(own, Personas.EdgeGuardian))
    assert dashboard.application == "Own"
    assert HOSTILE in dashboard.view["sentence"]
    dashboard.application = "Training"
    dashboard.application = "Own"
    assert dashboard.simulation.scenario is own


def test_redo_goes_forward_again_until_something_else_is_chosen(queue):
    queue.choose(load=0.1)
    queue.choose(load=0.2)
    queue.undo()
    assert (queue.view["redo"], queue.state["choice"]["load"]) == (True, 0.1)
    queue.redo()
    assert (queue.view["redo"], queue.state["choice"]["load"]) == (False, 0.2)
    queue.redo()
    queue.undo()
    queue.choose(load=0.7)
    assert queue.view["redo"] is False
    queue.redo()
    assert queue.state["choice"]["load"] == 0.7
    queue.undo()
    assert queue.state["choice"]["load"] == 0.1


def test_a_pinned_design_stays_beside_the_present_one(queue):
    assert queue.view["comparison"] is None
    queue._handle_custom_msg({"action": "pin"}, [])
    pinned = queue.view["sentence"]
    queue.choose(load=0.75)
    compared = queue.view["comparison"]
    assert compared["sentence"] == pinned
    (row,) = compared["rows"]
    assert (row["before"], row["after"]) == ("2 s", "4 s")
    assert (row["words"], row["verdict"]) == ("2 × higher, worse", "worse")
    queue.restore()
    assert queue.state["choice"]["load"] == 0.5
    assert queue.view["comparison"]["rows"][0]["words"] == "the same"
    queue.undo()
    assert queue.state["choice"]["load"] == 0.75
    queue.unpin()
    assert queue.view["comparison"] is None
    assert queue.comparison is None


def test_what_cannot_be_evaluated_is_not_pinned(queue):
    queue.choose(load=1.0)
    queue.pin()
    assert queue.comparison is None


@pytest.mark.parametrize("simulation", SIMULATIONS)
def test_a_link_reproduces_the_whole_choice(simulation):
    from urllib.parse import parse_qsl

    first = Dashboard(simulation, persona=list(Personas)[1])
    for declared in first.simulation.choices:
        other = (
            declared.maximum
            if isinstance(declared, NumberChoice)
            else declared.listed()[-1].value
        )  # fmt: skip
        first.choose(**{declared.name: other})
        if first.error:
            first.undo()
    second = Dashboard(simulation)
    link = dict(parse_qsl(first.view["link"]))
    second._handle_custom_msg({"action": "follow", "link": link}, [])
    assert second.error == ""
    assert second.view["state"] == first.view["state"]
    assert second.ledger == first.ledger
    second.undo()
    assert second.state["choice"] == Dashboard(simulation).state["choice"]


@pytest.mark.parametrize(
    "link",
    [
        {"load": "lots"},
        {"laod": "0.5"},
        {"persona": HOSTILE},
        {"load": 3},
        7,
        None,
        {"load": "nan"},
    ],
)
def test_a_link_that_cannot_be_followed_says_so_and_loses_nothing(queue, link):
    good, state = queue.ledger, queue.view["state"]
    queue._handle_custom_msg({"action": "follow", "link": link}, [])
    assert queue.error
    assert queue.ledger is good
    json.dumps(queue.view, allow_nan=False)
    queue.reset()
    assert (queue.error, queue.view["state"]) == ("", state)


def test_a_number_is_explained_down_to_its_sources():
    dashboard = Dashboard(ResourceSimulation)
    sent = []
    dashboard.send = sent.append
    dashboard._handle_custom_msg({"action": "explain", "path": "sustainability.carbon"}, [])
    (answer,) = sent
    nodes = {node["id"]: node for node in answer["nodes"]}
    assert (answer["reply"], answer["problem"]) == ("explain", None)
    assert nodes[answer["root"]]["text"] == dashboard.ledger.sustainability.text("carbon")
    assert all(i["id"] in nodes for node in answer["nodes"] for i in node["inputs"])
    assert any(node["source"] and node["source"]["title"] for node in answer["nodes"])
    json.dumps(answer, allow_nan=False)
    for junk in ("sustainability.carbn", HOSTILE, None, 7, []):
        dashboard._handle_custom_msg({"action": "explain", "path": junk}, [])
        assert sent[-1]["problem"]
        assert sent[-1]["nodes"] == []


def test_a_surprise_breaks_or_mends_a_constraint_and_can_be_undone():
    dashboard = Dashboard(ResourceSimulation, surprises=True)
    assert "surprise" in dashboard.spec["actions"]
    assert "surprise" not in Dashboard(ResourceSimulation).spec["actions"]
    before = {verdict.constraint for verdict in dashboard.ledger.violations}
    start = dashboard.state["choice"]
    dashboard._handle_custom_msg({"action": "surprise"}, [])
    assert {verdict.constraint for verdict in dashboard.ledger.violations} != before
    dashboard.undo()
    assert dashboard.state["choice"] == start


def test_base_units_are_the_same_numbers():
    dashboard = Dashboard(ResourceSimulation)
    metrics = {m["path"]: m for card in dashboard.view["cards"] for m in card["all"]}
    latency = metrics["performance.latency"]["base"]
    assert latency.endswith(" s")
    seconds = dashboard.ledger.performance.latency_s
    assert float(latency.removesuffix(" s")) == pytest.approx(seconds, rel=5e-3)
    assert metrics["sustainability.carbon"]["base"].endswith("kg CO₂e")
    assert metrics["performance.binding_limit"]["base"] == ""


def move_as_browser(dashboard, name, value, **more):
    """Move a control the way the page does, which tells which one moved."""
    state = dashboard.state
    choice = {**state["choice"], name: value}
    dashboard.state = {**state, "choice": choice, "moved": name, "draft": True, **more}


def test_while_a_control_moves_the_curve_of_a_metric_it_moves_is_shown():
    dashboard = Dashboard(ResourceSimulation)
    assert dashboard.view["around"] is None
    move_as_browser(dashboard, "duration_days", 30)
    curve = dashboard.view["around"]
    assert dashboard.view["watched"] == "sustainability.carbon"
    assert curve["title"].startswith("Carbon")
    line, point = curve["series"][:2]
    assert (line["x"][0], line["x"][-1]) == (1, 3650)
    assert point["x"] == 30
    assert point["text"] == dashboard.ledger.sustainability.text("carbon")
    move_as_browser(dashboard, "batch_size", 2)
    assert dashboard.view["watched"] == "performance.latency"
    flips = [s for s in dashboard.view["around"]["series"] if s["role"] == "flip"]
    assert any(flip["name"] == "Deadline" for flip in flips)
    json.dumps(dashboard.view, allow_nan=False)


def test_another_metric_can_be_watched_without_another_evaluation(queue):
    move_as_browser(queue, "load", 0.6)
    count = Queue.evaluations
    before = queue.view["sequence"]
    queue.state = {**queue.state, "metric": "performance.latency"}
    assert queue.view["watched"] == "performance.latency"
    assert queue.view["sequence"] == before + 1
    assert Queue.evaluations == count + 1  # the sweep for the curve, no evaluation of the design
    for junk in (HOSTILE, 7, [], "performance.latencyy"):
        queue.state = {**queue.state, "metric": junk}
        assert queue.view["around"] is None
        json.dumps(queue.view, allow_nan=False)


def test_a_simulation_that_takes_no_arrays_shows_no_curve():
    class Scalar(Queue):
        def evaluate(self, choice):
            return SystemLedger(performance=Performance(latency=1.0 + int(choice["load"] > 0.3)))

    dashboard = Dashboard(Scalar)
    move_as_browser(dashboard, "load", 0.2)
    assert dashboard.error == ""
    assert dashboard.view["around"] is None
    move_as_browser(dashboard, HOSTILE, 0.2)
    assert dashboard.error
    assert dashboard.view["around"] is None


@pytest.fixture
def asked():
    """A dashboard with what it sends, and a way to ask it as the page does."""
    dashboard = Dashboard(ResourceSimulation)
    sent = []
    dashboard.send = lambda content, buffers=None: sent.append((content, buffers))

    def ask(**message):
        dashboard._handle_custom_msg(message, [])
        return sent[-1] if sent else (None, None)

    return dashboard, ask


def test_every_offered_exploration_is_answered_for_the_design_there_is(asked):
    dashboard, ask = asked
    dashboard.choose(region="Poland", duration_days=30)
    answer, _ = ask(action="offer")
    offered = [each["name"] for each in answer["offered"]]
    assert offered == ["tornado", "regions", "map", "front", "costs"]
    for name in offered:
        answer, _ = ask(action="explore", name=name)
        assert (answer["reply"], answer["name"], answer["problem"]) == ("explore", name, None)
        assert answer["figure"]["plotly"]["data"]
        json.dumps(answer, allow_nan=False)
    answer, _ = ask(action="explore", name="costs")
    assert "30 days" in answer["figure"]["title"]


@pytest.mark.parametrize("name", ["queue", HOSTILE, None, 7, [], {}])
def test_an_exploration_that_is_not_offered_is_refused_in_words(asked, name):
    _, ask = asked
    answer, _ = ask(action="explore", name=name)
    assert answer["figure"] is None
    assert answer["problem"]["title"]
    json.dumps(answer["problem"], allow_nan=False)


def test_there_is_nothing_to_explore_in_a_design_that_cannot_be_evaluated(asked):
    dashboard, ask = asked
    dashboard.choose(region="Nowhere")
    answer, _ = ask(action="explore", name="regions")
    assert "design" in answer["problem"]["title"].lower()
    assert answer["figure"] is None


def test_figures_in_sight_can_be_enlarged_and_the_library_comes_with_them(asked):
    dashboard, ask = asked
    for figure in dashboard.view["figures"]:
        answer, _ = ask(action="enlarge", name=figure["name"])
        assert (answer["reply"], answer["name"]) == ("enlarge", figure["name"])
        assert answer["plotly"]["data"]
    before = ask(action="enlarge", name=HOSTILE)
    assert before[0]["name"] == figure["name"], "an unknown figure is not answered"
    answer, buffers = ask(action="library")
    assert answer["reply"] == "library"
    assert b"plotly" in buffers[0][:200]


@pytest.mark.parametrize(
    ("simulation", "labels"),
    [
        (CompressionSimulation, {"Times smaller", "Times faster", "Quality kept"}),
        (ServingSimulation, {"Load", "First token, 99 %", "Cost per million tokens"}),
    ],
)
def test_cards_show_what_a_simulation_is_about(simulation, labels):
    cards = Dashboard(simulation).view["cards"]
    assert labels <= {metric["label"] for card in cards for metric in card["metrics"]}
