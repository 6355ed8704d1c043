"""Models: what is derived from architecture against what was published about them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsysim import models
from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.models import (
    KINDS,
    Decoder,
    Graph,
    LatentAttention,
    MixtureOfExperts,
    Models,
    Network,
    Operator,
    OperatorTable,
)
from mlsysim.models.operators import merge_identical
from mlsysim.sources import Sources

PUBLISHED = list(
    csv.DictReader((Path(__file__).parent / "published_models.csv").read_text().splitlines())
)
DECODERS = [name for name, model in Models.items() if isinstance(model, Decoder)]
PAIRS = [(name, phase) for name, model in Models.items() for phase in model.phases]
SMALL = {
    "name": "small", "family": "example", "task": "language modelling", "year": 2024,
    "default_precision": "bf16", "source": "project-estimate", "layers": 2, "hidden": 64,
    "heads": 4, "feed_forward": 256, "vocabulary": 1000, "max_context": 128,
}  # fmt: skip


def derived(row):
    model = Models[row["name"]]
    if row["quantity"] in {"parameters", "active_parameters"}:
        return getattr(model, row["quantity"])
    if row["quantity"] == "peak_activation_elements":
        return model.peak_activation_elements(row["phase"])
    table = model.operators(row["phase"])
    if row["quantity"] == "flops_per_context_token":
        return (table.at(1000).total("flops") - table.at(0).total("flops")) / 1000
    columns = table.at(float(row["length"]) if row["length"] else None)
    counted = np.array(
        [in_scope(row["scope"], *op) for op in zip(table.names, table.kinds, strict=True)]
    )
    return float((columns.flops * columns.count)[counted].sum())


def in_scope(scope, name, kind):
    return {
        "": True,
        "encoder": name.startswith("encoder"),
        "encoder without convolutions": name.startswith("encoder") and kind != "convolution",
        "without attention products": kind != "attention",
    }[scope]


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: f"{row['name']} {row['quantity']}")
def test_derived_count_is_the_published_one(row):
    assert derived(row) == pytest.approx(float(row["published"]), rel=float(row["tolerance"]))


def test_every_model_has_a_published_parameter_count():
    counted = {row["name"] for row in PUBLISHED if row["quantity"] == "parameters"}
    assert counted == set(Models)


def test_only_figures_printed_to_two_digits_have_a_wider_tolerance():
    wide = {row["name"] for row in PUBLISHED if float(row["tolerance"]) > 0.01}
    assert wide == {
        "Mixtral 8x7B", "DeepSeek-V3", "Qwen3 30B-A3B", "Qwen3 235B-A22B",
        "DLRM (MLPerf v1, Criteo 1TB)",
    }  # fmt: skip


@pytest.mark.parametrize("name", Models)
def test_every_model_names_a_source(name):
    assert Models[name].source in Sources


@pytest.mark.parametrize(("name", "phase"), PAIRS)
def test_every_operator_is_finite_and_of_a_known_kind(name, phase):
    table = Models[name].operators(phase)
    assert set(table.kinds) <= set(KINDS)
    assert len(set(table.names)) == len(table)
    columns = table.at(512)
    for column in columns.__slots__:
        values = getattr(columns, column)
        assert values.shape == (len(table),)
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    assert (columns.count >= 1).all()
    assert (columns.experts_per_token <= columns.experts).all()


@pytest.mark.parametrize(("name", "phase"), PAIRS)
def test_arrays_of_lengths_give_the_same_as_single_lengths(name, phase):
    table = Models[name].operators(phase)
    lengths = np.array([1.0, 130.0, 4096.0])
    many = table.at(lengths)
    for index, length in enumerate(lengths):
        one = table.at(length)
        for column in one.__slots__:
            values = np.broadcast_to(getattr(many, column), (len(table), lengths.size))
            np.testing.assert_array_equal(values[:, index], getattr(one, column))


@pytest.mark.parametrize("name", DECODERS)
def test_prefill_of_one_token_does_the_work_of_decode_with_one_token_in_the_cache(name):
    model = Models[name]
    prefill, decode = model.operators("prefill").at(1), model.operators("decode").at(1)
    if model.latent is None:
        assert prefill.total("flops") == decode.total("flops")
    assert prefill.total("parameters") == decode.total("parameters")


@pytest.mark.parametrize("name", DECODERS)
def test_training_puts_every_token_through_the_head_and_prefill_only_the_last(name):
    model = Models[name]
    difference = model.operators("training").at(100).total("flops") - model.operators("prefill").at(
        100
    ).total("flops")
    assert difference == 99 * 2 * model.hidden * model.vocabulary


@pytest.mark.parametrize(
    ("name", "elements"),
    [
        ("Llama-3.1 8B", 2 * 32 * 8 * 128),
        ("Llama-3.1 405B", 2 * 126 * 8 * 128),
        ("GPT-3 175B", 2 * 96 * 96 * 128),
        ("StarCoderBase 15.5B", 2 * 40 * 128),
        ("DeepSeek-V3", 61 * 576),
        ("BERT-Base", 0),
        ("ResNet-50", 0),
    ],
)
def test_one_token_leaves_its_keys_and_values_in_the_cache(name, elements):
    assert Models[name].kv_cache_elements_per_token == elements


@pytest.mark.parametrize("name", DECODERS)
def test_decode_reads_the_whole_cache_once(name):
    model = Models[name]
    read = model.operators("decode").at(777).total("cache_elements")
    assert read == 777 * model.kv_cache_elements_per_token


def test_latent_attention_expands_over_a_sequence_and_absorbs_in_decode():
    model = Models["DeepSeek-V3"]
    decode, prefill = model.operators("decode"), model.operators("prefill")
    per_token = decode.at(1).total("flops") - decode.at(0).total("flops")
    assert per_token == 61 * 2 * 128 * (576 + 512)
    first, second, third = (prefill.at(n).total("flops") for n in (1, 2, 3))
    assert third - 2 * second + first == 61 * 2 * 128 * (192 + 128)


def test_activations_read_and_written_by_a_decoder_are_those_counted_by_hand():
    model = Decoder(**SMALL, key_value_heads=2, gated=True)
    one = model.operators("decode").at(10)
    # Norms, query-key-value, attention, output, gate and up, activation, down, residuals.
    layer_reads = 2 * 64 + 64 + 64 + 64 + 64 + 512 + 256 + 2 * 128
    layer_writes = 2 * 64 + 128 + 64 + 64 + 512 + 256 + 64 + 2 * 64
    # Final norm and head; two embeddings are written.
    assert one.total("input_elements") == 2 * layer_reads + 64 + 64
    assert one.total("output_elements") == 2 * layer_writes + 2 * 64 + 64 + 1000
    table = model.operators("prefill")
    attention = table.names.index("layer.attention.scores_and_values")
    assert table.at(10).input_elements[attention] == 10 * (64 + 64)


def test_activations_of_experts_are_those_of_the_chosen_ones():
    table = Models["Mixtral 8x7B"].operators("decode")
    columns = table.at(1)
    reads = {
        name: columns.input_elements[table.names.index(f"layer.mixture.{name}")]
        for name in ("router", "experts.up", "experts.activation", "experts.down", "experts.sum")
    }
    inner = 2 * 14336
    assert list(reads.values()) == [4096, 2 * 4096, 2 * inner, inner, 2 * 4096]
    assert columns.output_elements[table.names.index("layer.mixture.experts.up")] == 2 * inner


def test_activations_of_a_convolution_are_its_input_and_output():
    columns = Models["ResNet-50"].operators("inference").at()
    assert columns.input_elements[0] == 224 * 224 * 3
    assert columns.output_elements[0] == 112 * 112 * 64


def test_causal_attention_counts_the_pairs_that_are_used():
    table = Models["GPT-2 124M"].operators("prefill")
    attention = table.names.index("layer.attention.scores_and_values")
    assert table.at(10).flops[attention] == 4 * 768 * 10 * 11 / 2


def test_an_encoder_attends_to_the_full_square():
    table = Models["BERT-Base"].operators("inference")
    attention = table.names.index("layer.attention.scores_and_values")
    assert table.at(10).flops[attention] == 4 * 768 * 10**2


def test_experts_are_stored_in_full_and_computed_in_part():
    table = Models["Mixtral 8x7B"].operators("decode")
    up = table.names.index("layer.mixture.experts.up")
    columns = table.at(1)
    assert columns.parameters[up] == 8 * 4096 * 2 * 14336
    assert columns.flops[up] == 2 * 2 * 4096 * 2 * 14336
    assert (columns.experts[up], columns.experts_per_token[up]) == (8, 2)


def test_a_tied_head_reads_weights_that_are_stored_once():
    tied, untied = Decoder(**SMALL, tied=True), Decoder(**SMALL)
    assert untied.parameters - tied.parameters == 64 * 1000
    for phase in tied.phases:
        columns = [model.operators(phase).at(5) for model in (tied, untied)]
        assert columns[0].total("parameters") == columns[1].total("parameters")


def test_an_embedding_reads_one_row_for_each_token():
    table = Models["Llama-3.1 8B"].operators("prefill")
    row = table.names.index("embedding.tokens")
    columns = table.at(7)
    assert (columns.experts[row], columns.experts_per_token[row]) == (128256, 1)
    assert columns.output_elements[row] == 7 * 4096
    assert columns.flops[row] == 0


def test_a_network_stores_the_same_weights_in_both_phases_unless_a_part_is_only_trained():
    differing = {
        name
        for name, model in Models.items()
        if isinstance(model, Network)
        and model.operators("inference").parameters != model.operators("training").parameters
    }
    assert differing == {"Inception-v3"}


def test_normalization_and_activation_are_folded_for_inference_only():
    kinds = {
        phase: Models["ResNet-50"].operators(phase).kinds for phase in ("inference", "training")
    }
    assert "normalization" not in kinds["inference"]
    assert "normalization" in kinds["training"]
    model = Models["ResNet-50"]
    flops = [model.operators(phase).at().total("flops") for phase in model.phases]
    assert flops[0] == flops[1]


def test_a_residual_is_alive_until_it_is_added():
    def residual(graph, image):
        graph.add(image, graph.convolution(graph.convolution(image, 4, 1), 4, 1))

    def chain(graph, image):
        graph.convolution(graph.convolution(image, 4, 1), 4, 1)

    sizes = {}
    for architecture in (residual, chain):
        graph = Graph()
        architecture(graph, graph.input(5, 5, 4))
        sizes[architecture] = graph.peak_elements()
    assert sizes == {residual: 300, chain: 200}


def test_a_view_takes_no_memory():
    graph = Graph()
    image = graph.input(2, 2, 8)
    graph.convolution(graph.slice(image, 4), 4, 1)
    assert graph.peak_elements() == 32 + 16


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), [
    (3, 2, "same", 113), (3, 2, "valid", 112), (3, 1, 0, 223), (7, 2, 3, 113), (1, 2, "same", 113),
])  # fmt: skip
def test_convolution_sizes(kernel, stride, padding, size):
    graph = Graph()
    out = graph.convolution(graph.input(225, 225, 3), 4, kernel, stride=stride, padding=padding)
    assert (out.height, out.width, out.channels) == (size, size, 4)


def test_identical_operators_are_one_that_runs_more_often():
    names = ["a", "b", "c"]
    operators = [Operator(name, "linear", 1.0, count=2) for name in names]
    merged = merge_identical([*operators, Operator("d", "linear", 2.0)])
    assert [(operator.name, operator.count) for operator in merged] == [("a", 6), ("d", 1)]


@settings(max_examples=50)
@given(st.lists(st.integers(0, 10**5), min_size=3, max_size=3), st.integers(0, 10**6))
def test_a_table_evaluates_its_polynomials_exactly(coefficients, length):
    constant, slope, square = coefficients

    def describe(n):
        return [Operator("x", "attention", constant + slope * n + square * n * n, count=2)]

    table = OperatorTable(describe, "sequence_length")
    expected = 2 * (constant + slope * length + square * length**2)
    assert table.at(length).total("flops") == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    "length",
    [None, -1, float("nan"), float("inf"), True, "eight", np.array([1.0, -2.0]), np.ones((2, 2))],
    ids=str,
)
def test_a_bad_length_is_refused_by_name(length):
    with pytest.raises(InvalidInput, match="context_length: received"):
        Models["Llama-3.1 8B"].operators("decode").at(length)


@pytest.mark.parametrize(
    ("name", "phase"), [("Llama-3.1 8B", "inference"), ("ResNet-50", "decode"), ("DLRM", None)]
)
def test_an_unknown_phase_is_refused_with_those_there_are(name, phase):
    model = Models[name]
    for ask in (model.operators, model.peak_activation_elements):
        with pytest.raises(UnknownName, match=f"accepted: {model.phases[0]}, "):
            ask(phase)


@pytest.mark.parametrize(
    "change",
    [
        {"layers": 0},
        {"hidden": -64},
        {"heads": 2.5},
        {"vocabulary": True},
        {"key_value_heads": 0},
        {"key_value_heads": 3},
        {"head_width": 0},
        {"biases": "some"},
        {"positions": "absolute"},
    ],
    ids=str,
)
def test_a_decoder_refuses_impossible_widths(change):
    field = next(iter(change))
    with pytest.raises(InvalidInput, match=f"{field} of small: received"):
        Decoder(**{**SMALL, **change})


def test_models_offers_exactly_the_names_it_lists():
    assert {"Decoder", "Network", "Models"} <= set(dir(models))
    assert all(getattr(models, name) is not None for name in models.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Decodr'"):
        models.Decodr  # noqa: B018


def test_parts_refuse_impossible_widths():
    with pytest.raises(InvalidInput, match="experts_per_token: received 9"):
        MixtureOfExperts(experts=8, experts_per_token=9, feed_forward=64)
    with pytest.raises(InvalidInput, match="query_rank: received 0"):
        LatentAttention(query_rank=0, key_value_rank=1, rotary_width=1, head_width=1)
    with pytest.raises(InvalidInput, match="input_shape of DS-CNN: received 0"):
        Network(
            name="DS-CNN", family="example", task="keyword spotting", default_precision="int8",
            year=2021, source="project-estimate", input_shape=(0, 10, 1), architecture=print,
        )  # fmt: skip
    with pytest.raises(UnknownName, match="Did you mean 'convolution'"):
        Operator("x", "convolutio", 1.0)
