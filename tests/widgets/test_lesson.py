"""The parts of a lesson without a browser: predict, gate, reveal, decide, greet, hand in."""

from __future__ import annotations

import html.parser
import json

import ipywidgets
import pytest
from mlsysim_widgets import (
    Cast,
    Dashboard,
    Decision,
    Gate,
    Greeting,
    Journal,
    Prediction,
    Question,
    Report,
    Reveal,
    store,
)

from mlsysim import NodeSimulation, ResourceSimulation
from mlsysim.errors import InvalidInput, MLSysimError, UnknownName
from mlsysim.units import quantity

HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>'\"&"
OPTIONS = {"compute": "Arithmetic is not what it waits for.", "memory": "Every weight is read."}


@pytest.fixture(autouse=True)
def _folder(monkeypatch, tmp_path):
    monkeypatch.setenv(store.FOLDER, str(tmp_path))


@pytest.fixture
def journal():
    return opened()


def opened(lab="vol1-02", student="Ada"):
    """Return the journal of a page that was opened."""
    journal = Journal(lab)
    journal.load(student)
    return journal


def ask(part, action, value=None):
    """Press a button as a page does."""
    part._on_message(part, {"action": action, "value": value}, [])


def test_a_cast_asks_which_design_is_best_for_the_persona_that_plays(journal):
    stories = {"CloudTitan": ("Inference", "A node."), "MobileNomad": ("Assistant", "Phones.")}
    place = {"region": "Quebec"}
    offers = {
        "CloudTitan": {"place": place, "time": {"replacement_years": 10}},
        "MobileNomad": {"place": place, "years": {"replacement_years": 6}},
    }
    cast = Cast(journal, ResourceSimulation, stories)
    best = cast.best("sustainability.carbon", offers)
    assert best() == "place"
    cast.play("MobileNomad")
    assert best() == "years"


def limit(journal, kind=Prediction, **more):
    return kind(journal, "limit", "What binds?", answer="memory", options=OPTIONS, **more)


def latency(journal, answer=84.0, **more):
    return Prediction(
        journal,
        "latency",
        "How long does a picture take?",
        answer=answer,
        minimum=1,
        maximum=1000,
        unit="millisecond",
        low="You counted arithmetic alone.",
        high="You took the frame time.",
        **more,
    )


# ── Predictions ─────────────────────────────────────────────────────────────────────────────


def test_a_committed_answer_is_locked_and_kept(journal):
    prediction = limit(journal)
    assert (prediction.committed, prediction.view["locked"]) == (False, False)
    assert prediction.view["told"] is None
    assert [button["action"] for button in prediction.view["buttons"]] == ["commit"]
    ask(prediction, "commit", "0")
    assert (prediction.given, prediction.right, prediction.committed) == ("compute", False, True)
    assert (prediction.view["value"], prediction.view["locked"]) == ("0", True)
    assert prediction.view["buttons"] == []
    ask(prediction, "commit", "1")
    assert prediction.given == "compute"
    assert "one answer, given before" in prediction.view["problem"]
    assert len(journal.history("limit")) == 1


def test_nothing_gives_the_answer_away_before_it_is_committed(journal):
    prediction, question = latency(journal), limit(journal, Question)
    reveal = Reveal(prediction)
    for part in (prediction, question, reveal):
        shown = json.dumps(part.view)
        for telling in ("84", "Every weight", "Arithmetic", "counted"):
            assert telling not in shown, part
    with pytest.raises(InvalidInput, match="a committed prediction first"):
        reveal.reveal()


def test_a_prediction_that_was_kept_is_locked_in_a_new_kernel(journal):
    limit(journal).commit("compute")
    before = Journal("vol1-02")
    prediction = limit(before)
    assert not prediction.committed, "no page is open yet"
    before.load("Ada")
    assert (prediction.given, prediction.view["value"]) == ("compute", "0")


def test_starting_over_opens_a_prediction_again_and_stays_in_the_history(journal):
    prediction = limit(journal)
    prediction.commit("compute")
    journal.restart()
    assert (prediction.committed, prediction.given, prediction.right) == (False, None, None)
    prediction.commit("memory")
    assert prediction.right
    given = [record.data and record.data["given"] for record in journal.history("limit")]
    assert given == ["compute", None, "memory"]


@pytest.mark.parametrize("given", ["gpu", "", None, 3, HOSTILE])
def test_an_option_that_is_not_offered_is_refused(journal, given):
    prediction = limit(journal)
    with pytest.raises(UnknownName, match="limit: received"):
        prediction.commit(given)
    ask(prediction, "commit", given)
    assert "one of the answers above" in prediction.view["problem"]
    assert not prediction.committed


@pytest.mark.parametrize("given", ["0.5", "1001", "ten", "", "3 kg", "NaN", None, HOSTILE])
def test_a_number_out_of_bounds_is_told_in_place(journal, given):
    prediction = latency(journal)
    ask(prediction, "commit", given)
    assert prediction.view["problem"].startswith("latency: received")
    assert not prediction.committed
    ask(prediction, "commit", "0.03 second")
    assert (prediction.given, prediction.view["problem"]) == (30.0, "")


@pytest.mark.parametrize(
    ("given", "right", "words", "feedback"),
    [
        (84, True, "You predicted exactly that.", ""),
        (100, True, "Your prediction is 1.19 × higher than that.", ""),
        (30, False, "Your prediction is 2.8 × lower than that.", "You counted arithmetic alone."),
        (840, False, "Your prediction is 10 × higher than that.", "You took the frame time."),
    ],
)
def test_a_number_is_held_against_the_outcome_by_ratio(journal, given, right, words, feedback):
    prediction = latency(journal, answer=quantity(0.084, "second"))
    prediction.commit(given)
    assert prediction.right is right
    assert prediction.outcome == words
    assert prediction.feedback == feedback


def test_options_that_are_numbers_are_right_when_they_are_nearest_by_ratio(journal):
    times = {2: "Linear.", 20: "Yes.", 200: "Squared twice."}
    prediction = Prediction(journal, "times", "How many times?", answer=7.0, options=times)
    assert prediction.answer == 20, "7 is 2.9 times below 20, and 3.5 times above 2"
    labels = [option["label"] for option in prediction.view["field"]["options"]]
    assert labels == ["2 ×", "20 ×", "200 ×"]
    ask(prediction, "commit", "0")
    assert (prediction.right, prediction.feedback) == (False, "Linear.")
    assert prediction.outcome == "Your prediction is 10 × lower than that."


def test_a_key_that_is_no_option_is_the_authors_mistake(journal):
    with pytest.raises(UnknownName, match="Did you mean 'memory'"):
        Prediction(journal, "limit", "What binds?", answer="memry", options=OPTIONS)
    with pytest.raises(InvalidInput, match="options, or a minimum and a maximum"):
        Prediction(journal, "limit", "What binds?", answer=1.0)


def test_a_question_tells_at_once(journal):
    question = limit(journal, Question)
    ask(question, "commit", "0")
    assert question.view["told"]["title"] == "Not what happens"
    assert question.view["told"]["lines"] == ["What happens: memory.", OPTIONS["compute"]]


def test_every_button_is_answered_even_if_nothing_changes(journal):
    prediction, sent = limit(journal), []
    prediction.send = lambda message, **_buffers: sent.append(message)
    for _ in range(2):
        ask(prediction, "commit", "7")
    journal.send = lambda message, **_buffers: sent.append(message)
    journal._on_message(journal, {"action": "switch", "student": "Ada"}, [])
    assert [message["answered"] for message in sent] == ["commit", "commit", "switch"]


# ── Reveal and gate ─────────────────────────────────────────────────────────────────────────


def test_a_reveal_waits_for_the_answer_and_then_for_the_student(journal):
    prediction = latency(journal)
    reveal = Reveal(prediction, because="t = bytes / bandwidth")
    assert reveal.view["closed"]
    prediction.commit(30)
    assert not reveal.view["closed"]
    assert reveal.view["told"] is None
    ask(reveal, "reveal")
    told = reveal.view["told"]
    assert [bar["text"] for bar in told["bars"]] == ["30 ms", "84 ms"]
    assert "You counted arithmetic alone." in told["lines"]
    assert told["code"] == "t = bytes / bandwidth"
    journal.restart()
    assert reveal.view["closed"]
    prediction.commit(84)
    assert reveal.view["told"] is None


def test_a_gate_makes_what_it_holds_when_it_opens_and_once(journal):
    made = []

    def make(*arguments, **options):
        made.append((arguments, options))
        return ipywidgets.HTML()

    prediction = limit(journal)
    gate = Gate(prediction, make, 1, region="Quebec")
    assert made == []
    assert gate.part is None
    assert "What binds?" in gate.children[0].view["lines"][0]
    prediction.commit("compute")
    assert made == [((1,), {"region": "Quebec"})]
    assert gate.children == (gate.part,)
    journal.write("other", "prediction", dict(journal.entry("limit")))
    assert len(made) == 1


def test_a_gate_opens_by_itself_after_a_reload_and_closes_with_the_lab(journal):
    limit(journal).commit("memory")
    again = Journal("vol1-02")
    gate = Gate(limit(again), Dashboard, ResourceSimulation)
    assert gate.part is None
    again.load("Ada")
    assert isinstance(gate.part, Dashboard)
    again.switch("Bob")
    assert gate.part is None
    assert gate.children[0].view["closed"]


def test_a_gate_holds_a_finished_widget_too_and_tells_what_fails(journal):
    prediction = limit(journal)
    finished = ipywidgets.HTML()
    whole = Gate(prediction, finished)
    failing = Gate(prediction, Dashboard, ResourceSimulation, nonsense=1)
    prediction.commit("memory")
    assert whole.part is finished
    assert failing.part is None
    assert failing.children[0].view["problem"].startswith("choice: received 'nonsense'")


# ── Decisions and greetings ─────────────────────────────────────────────────────────────────

REASONS = ["It costs least", "It emits least"]


def decide(journal, source):
    return Decision(journal, "region", source, "Where do you build?", reasons=REASONS)


def test_a_decision_keeps_the_design_its_numbers_and_the_reason(journal):
    dashboard = Dashboard(ResourceSimulation, region="Quebec")
    dashboard.pin()
    pinned = dashboard.view["sentence"]
    dashboard.choose(region="Poland", persona="CloudTitan")
    decision = decide(journal, dashboard)
    ask(decision, "decide", "1")
    entry = journal.entry("region")
    design = entry["design"]
    assert (entry["reason"], entry["against"]) == ("It emits least", pinned)
    assert (design["persona"], design["simulation"]) == ("CloudTitan", "ResourceSimulation")
    assert design["choice"] == dashboard.state["choice"]
    assert design["sentence"] == dashboard.view["sentence"]
    shown = {number["path"]: number for number in design["numbers"]}
    assert shown["economics.tco"]["value"] == dashboard.ledger.si("economics.tco")
    assert shown["economics.tco"]["text"] == dashboard.ledger.economics.text("tco")
    assert decision.view["told"]["lines"][0] == dashboard.view["sentence"]


def test_a_second_decision_is_a_new_version(journal):
    dashboard = Dashboard(ResourceSimulation, region="Quebec")
    decision = decide(journal, dashboard)
    decision.decide(REASONS[0])
    dashboard.choose(region="Poland")
    decision.decide(REASONS[1])
    kept = [version.data["design"]["choice"]["region"] for version in journal.history("region")]
    assert kept == ["Quebec", "Poland"]
    assert journal.choice("region", region="France") == {"region": "Poland"}
    assert decision.view["value"] == "1"


def test_a_decision_waits_for_its_gate_and_for_a_design_that_works(journal):
    prediction = limit(journal)
    gate = Gate(prediction, Dashboard, ResourceSimulation)
    decision = decide(journal, gate)
    assert decision.view["closed"]
    with pytest.raises(InvalidInput, match="once the instruments are open"):
        decision.decide(REASONS[0])
    prediction.commit("memory")
    assert not decision.view["closed"]
    gate.part.choose(region="Atlantis")
    ask(decision, "decide", "0")
    assert "Mend it on the dashboard first" in decision.view["problem"]
    gate.part.undo()
    for value in ("7", None, HOSTILE):
        ask(decision, "decide", value)
        assert "one of the reasons above" in decision.view["problem"]
    assert journal.entry("region") is None
    ask(decision, "decide", "0")
    assert journal.entry("region")["reason"] == REASONS[0]


def test_a_later_lab_begins_where_an_earlier_one_ended(journal):
    earlier = Dashboard(ResourceSimulation, region="Poland", persona="CloudTitan")
    decide(journal, earlier).decide(REASONS[0])
    later = Journal("vol1-03")
    greeting = Greeting(later, "vol1-02/region", region="Quebec", persona="TinyPioneer")
    gate = Gate(limit(later), Dashboard, ResourceSimulation, start=greeting, duration_days=30)
    assert "no decision from lab vol1-02" in greeting.view["lines"][0]
    later.load("Ada")
    assert greeting.view["told"]["lines"][:2] == [
        earlier.view["sentence"],
        "Because: It costs least",
    ]
    gate._closed.journal.write("limit", "prediction", prediction_data())
    begun = gate.part
    assert (begun.state["choice"]["region"], begun.persona) == ("Poland", "CloudTitan")
    assert begun.state["choice"]["duration_days"] == 30
    ask(greeting, "turn")
    assert (begun.state["choice"]["region"], begun.persona) == ("Quebec", "TinyPioneer")
    ask(greeting, "turn")
    assert begun.state["choice"]["region"] == "Poland"


def prediction_data():
    texts = {"question": "", "given": "memory", "text": "memory", "actual": "memory"}
    return {**texts, "right": True, "feedback": ""}


def test_those_who_start_in_the_middle_begin_from_the_experts_design(journal):
    greeting = Greeting(journal, "vol1-01/region", region="Quebec")
    prediction = limit(journal)
    gate = Gate(prediction, Dashboard, ResourceSimulation, start=greeting)
    prediction.commit("memory")
    assert gate.part.state["choice"]["region"] == "Quebec"


def test_an_old_choice_that_is_no_use_any_more_gives_way_to_the_preset(journal):
    dashboard = Dashboard(ResourceSimulation)
    decide(journal, dashboard).decide(REASONS[0])
    entry = json.loads(json.dumps(journal.entry("region")))
    entry["design"]["choice"]["region"] = HOSTILE
    journal.write("region", "decision", entry)
    greeting = Greeting(journal, "region", region="Quebec")
    part = greeting.begin(Dashboard, ResourceSimulation)
    assert (part.error, part.state["choice"]["region"]) == ("", "Quebec")


# ── Reports ─────────────────────────────────────────────────────────────────────────────────


class Tags(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.words = set(), set(), []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}

    def handle_data(self, data):
        self.words.append(data)


def test_a_report_says_everything_and_lets_nothing_through(journal):
    dashboard = Dashboard(ResourceSimulation, region="Quebec")
    prediction = Prediction(
        journal, "limit", HOSTILE, answer="memory", options={HOSTILE: HOSTILE, "memory": ""}
    )
    prediction.commit(HOSTILE)
    decision = Decision(journal, "region", dashboard, HOSTILE, reasons=[HOSTILE, "Clean"])
    decision.decide("Clean")
    decision.decide(HOSTILE)
    page = Tags(Report(journal).page())
    assert not page.tags & {"img", "script", "a", "iframe", "link"}
    assert page.attributes <= {"lang", "charset", "name", "content", "class"}
    said = " ".join(page.words)
    for words in (HOSTILE, "Clean", dashboard.view["sentence"], "Ada", "vol1-02", "wrong"):
        assert words in said
    assert "http" not in said


def test_the_data_of_a_report_is_a_journal_of_this_lab_alone(journal):
    limit(journal).commit("memory")
    other = opened("vol1-03")
    limit(other).commit("compute")
    student, records = store.journal_of(Report(other).data())
    assert student == "Ada"
    assert [record.id for record in records] == ["vol1-03/limit"]
    sent = []
    report = Report(other)
    report.send = lambda message, **_buffers: sent.extend([message.get("download")])
    ask(report, "page")
    ask(report, "data")
    sent = list(filter(None, sent))
    assert [file["type"] for file in sent] == ["text/html", "application/json"]
    assert [file["text"] for file in sent][1] == report.data()
    assert all(file["name"].startswith("report-vol1-03-ada-") for file in sent)


def test_a_report_counts_what_there_is(journal):
    report = Report(journal)
    assert report.view["lines"] == ["0 answers and 0 decisions so far."]
    limit(journal).commit("memory")
    assert report.view["lines"] == ["1 answer and 0 decisions so far."]
    journal.restart()
    assert report.view["lines"] == ["0 answers and 0 decisions so far."]
    assert "Taken back" in report.page()


@pytest.mark.parametrize("content", [None, 7, {}, {"action": "paint"}, {"action": ["commit"]}])
def test_a_strange_message_changes_nothing(journal, content):
    prediction = limit(journal)
    prediction._on_message(prediction, content, [])
    assert not prediction.committed


def test_every_error_is_of_the_one_family():
    assert issubclass(store.Unreadable, MLSysimError)


def test_each_persona_of_a_cast_has_its_own_best_offer(journal):
    stories = {"CloudTitan": ("Inference", "Chats."), "TinyPioneer": ("Doorbell", "Pictures.")}
    cast = Cast(journal, NodeSimulation, stories)
    more = {"now": {}, "more": {"batch_size": 2}}
    best = cast.best("performance.latency", {"CloudTitan": more, "TinyPioneer": {"alone": {}}})
    assert best() == "more"
    cast.play("TinyPioneer")
    assert best() == "alone"
