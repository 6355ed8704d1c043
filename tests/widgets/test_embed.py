"""The page without Python: the same numbers as `evaluate`, small, and nothing of a visitor's."""

from __future__ import annotations

import gzip
import itertools
import json
import re

import pytest
from mlsysim_widgets import Dashboard

from mlsysim import Applications, InvalidInput, Personas, ResourceSimulation
from mlsysim.errors import UnknownName

REGIONS = [option.value for option in ResourceSimulation.choices[0].listed()]
MOST_GZIPPED_BYTES = 300_000


def states_of(file):
    """Return what a page was given, read from its HTML."""
    pattern = r'<script type="application/json" id="states">(.*?)</script>'
    return json.loads(re.search(pattern, file.read_text("utf-8"), re.DOTALL).group(1))


def picture_of(states, index):
    """Put the picture of a state together again, from its shape and its columns."""
    table, row = states["states"][index]
    columns = states["tables"][table]["columns"]
    leaves = iter([each[row] if isinstance(each, list) else each for each in columns])

    def filled(shape):
        if isinstance(shape, dict):
            return {name: filled(part) for name, part in shape.items()}
        return [filled(part) for part in shape] if isinstance(shape, list) else next(leaves)

    return filled(states["tables"][table]["shape"])


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    file = tmp_path_factory.mktemp("embed") / "resource.html"
    dashboard = Dashboard(ResourceSimulation, region="Poland")
    regions = [*REGIONS[:19], "Poland"]
    line = dashboard.embed(file, region=regions)
    return file, line, states_of(file), regions


def test_every_state_has_the_numbers_of_evaluate(embedded):
    _, _, states, regions = embedded
    (part,) = states["parts"]
    axes = part["axes"]
    assert axes == {
        "persona": list(Personas), "application": list(Applications), "region": regions,
    }  # fmt: skip
    points = list(itertools.product(*axes.values()))
    assert len(states["states"]) == len(points) == 4 * 8 * 20
    for index, (persona, application, region) in enumerate(points):
        ledger = ResourceSimulation(application, persona).evaluate({"region": region})
        picture = picture_of(states, index)
        texts = {m["path"]: m["text"] for card in picture["cards"] for m in card["all"]}
        assert texts == {
            f"{name}.{metric}": getattr(ledger, name).text(metric)
            for name in ledger.groups
            for metric in getattr(ledger, name)
        }
        holds = {v["constraint"]: v["holds"] for v in picture["verdicts"]}
        assert holds == {v.constraint: v.holds for v in ledger.verdicts}
        assert eval(picture["python"]) == ledger  # noqa: S307


def test_a_page_of_640_states_is_small_and_asks_for_nothing(embedded):
    file, line, states, _ = embedded
    text = file.read_bytes()
    assert len(gzip.compress(text)) <= MOST_GZIPPED_BYTES
    assert not re.search(rb'(src|href)="|@import|url\(', text)
    assert line.startswith('<iframe src="resource.html" title="Resources of a deployment"')
    (part,) = states["parts"]
    assert part["start"]["choice"] == {"region": "Poland"}
    offered = [c["name"] for c in [*part["spec"]["selectors"], *part["spec"]["controls"]]]
    assert offered == ["persona", "application", "region"]


def test_numbers_become_options_and_the_rest_of_the_design_stays(tmp_path):
    dashboard = Dashboard(ResourceSimulation, region="Norway")
    file = tmp_path / "page.html"
    dashboard.embed(
        file, persona=["CloudTitan"], application=[Applications.Doorbell],
        duration_days=[30, "1 year"],
    )  # fmt: skip
    states = states_of(file)
    (part,) = states["parts"]
    assert part["spec"]["selectors"] == []
    (control,) = part["spec"]["controls"]
    assert [o["label"] for o in control["options"]] == ["30 days", "365.25 days"]
    assert "Norway" in picture_of(states, 1)["sentence"]
    assert "365.25 days" in picture_of(states, 1)["sentence"]


def test_hostile_words_cannot_leave_their_element(tmp_path):
    from dataclasses import replace

    evil = "</script><script>alert(1)</script><!--"
    own = replace(Applications.Doorbell, name="Own", unit=evil, mission=evil, aliases=())
    file = tmp_path / "page.html"
    Dashboard(ResourceSimulation(own)).embed(file, application=["Own"])
    assert file.read_text("utf-8").count("</script>") == 2
    assert evil in picture_of(states_of(file), 0)["sentence"]


def test_an_error_of_one_state_is_told_in_that_state(tmp_path):
    class Fragile(ResourceSimulation):
        def evaluate(self, choice):
            if choice["region"] == "Poland":
                raise RuntimeError("no power")
            return super().evaluate(choice)

    file = tmp_path / "page.html"
    Dashboard(Fragile).embed(
        file, persona=["CloudTitan"], application=["Doorbell"], region=["Norway", "Poland"]
    )
    states = states_of(file)
    assert picture_of(states, 0)["problem"] is None
    assert picture_of(states, 1)["problem"]["detail"] == "RuntimeError: no power"


@pytest.mark.parametrize(
    ("axes", "error", "words"),
    [
        ({"regoin": ["Norway"]}, UnknownName, "Did you mean 'region'"),
        ({"region": ["Norwy"]}, InvalidInput, "Did you mean 'Norway'"),
        ({"region": "Norway"}, InvalidInput, "a list of the values"),
        ({"region": []}, InvalidInput, "a list of the values"),
        ({"persona": ["Nobody"]}, UnknownName, "persona"),
        ({"region": REGIONS, "duration_days": range(1, 31)}, InvalidInput, "at most 20,000 states"),
    ],
)
def test_axes_that_cannot_be_used_are_refused_and_nothing_is_written(tmp_path, axes, error, words):
    file = tmp_path / "page.html"
    with pytest.raises(error, match=words):
        Dashboard(ResourceSimulation).embed(file, **axes)
    assert not file.exists()
