"""The metrics as protobuf, read by Google's library: native histograms have each run once, in the right bucket."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from projector.fold.histogram import bucket_of
from projector.metrics.families import buckets_of
from projector.metrics.native import encode, index_of, is_asked_for
from projector.metrics.reading import Durations
from projector.query import Histogram

MESSAGES = {  # a field is its number, its type, and whether it is repeated
    "LabelPair": {"name": (1, "string"), "value": (2, "string")},
    "Value": {"value": (1, "double")},
    "Bucket": {"cumulative_count": (1, "uint64"), "upper_bound": (2, "double")},
    "BucketSpan": {"offset": (1, "sint32"), "length": (2, "uint32")},
    "Histogram": {
        "sample_count": (1, "uint64"),
        "sample_sum": (2, "double"),
        "bucket": (3, "Bucket*"),
        "schema": (5, "sint32"),
        "zero_threshold": (6, "double"),
        "zero_count": (7, "uint64"),
        "positive_span": (12, "BucketSpan*"),
        "positive_delta": (13, "sint64*"),
    },
    "Metric": {
        "label": (1, "LabelPair*"),
        "gauge": (2, "Value"),
        "counter": (3, "Value"),
        "histogram": (7, "Histogram"),
    },
    "MetricFamily": {"name": (1, "string"), "help": (2, "string"), "type": (3, "int32"), "metric": (4, "Metric*")},
}


@pytest.fixture(scope="module")
def family_class() -> Any:
    """MetricFamily of metrics.proto, as far as it is used here."""
    descriptor: Any = import_module("google.protobuf.descriptor_pb2")
    pool: Any = import_module("google.protobuf.descriptor_pool").DescriptorPool()
    factory: Any = import_module("google.protobuf.message_factory")
    kinds = descriptor.FieldDescriptorProto
    file = descriptor.FileDescriptorProto(name="metrics.proto", package="p", syntax="proto2")
    for message, fields in MESSAGES.items():
        made = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            label = kinds.LABEL_REPEATED if kind.endswith("*") else kinds.LABEL_OPTIONAL
            field = made.field.add(name=name, number=number, label=label)
            if (of := kind.rstrip("*")) in MESSAGES:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".p.{of}"
            else:
                field.type = getattr(kinds, f"TYPE_{of.upper()}")
    pool.Add(file)
    return factory.GetMessageClass(pool.FindMessageTypeByName("p.MetricFamily"))


def families_in(body: bytes, family_class: Any) -> list[Any]:
    decode: Any = import_module("google.protobuf.internal.decoder")._DecodeVarint32
    found, at = [], 0
    while at < len(body):
        length, at = decode(body, at)
        found.append(family_class.FromString(body[at : at + length]))
        at += length
    return found


def labels_of(metric: Any) -> dict[str, str]:
    return {pair.name: pair.value for pair in metric.label}


def native_counts(histogram: Any) -> dict[int, int]:
    """By the indices of the buckets."""
    found, index, count, deltas = {}, 0, 0, list(histogram.positive_delta)
    for span in histogram.positive_span:
        index += span.offset
        for _ in range(span.length):
            count += deltas.pop(0)
            found[index] = count
            index += 1
    assert not deltas
    return found


def test_families_keep_their_names_labels_and_values(family_class: Any) -> None:
    gauge = GaugeMetricFamily("g", "How much.", labels=["namespace"])
    gauge.add_metric(["n"], -1.5)
    counter = CounterMetricFamily("c", "Ü", labels=["namespace", "action"])
    counter.add_metric(["n", 'ä"\n'], 2**53)
    empty = GaugeMetricFamily("empty", "", labels=["namespace"])
    first, second = families_in(encode([gauge, empty, counter], {}), family_class)
    assert (first.name, first.help, first.type, first.metric[0].gauge.value) == ("g", "How much.", 1, -1.5)
    assert labels_of(first.metric[0]) == {"namespace": "n"}
    assert (second.name, second.type, second.metric[0].counter.value) == ("c_total", 0, 2**53)
    assert labels_of(second.metric[0]) == {"namespace": "n", "action": 'ä"\n'}


@given(st.lists(st.one_of(st.integers(0, 5000), st.integers(0, 2**53 - 1)), max_size=50))
def test_each_run_is_in_one_native_bucket_which_is_within_ours(family_class: Any, durations: list[int]) -> None:
    buckets: dict[int, int] = {}
    for duration in durations:
        buckets[bucket_of(duration)] = buckets.get(bucket_of(duration), 0) + 1
        if duration:
            index = index_of(bucket_of(duration))
            lower, upper = 2 ** ((index - 1) / 8) * 1000, 2 ** (index / 8) * 1000
            assert lower * 0.984 <= duration <= upper * 1.016
    made = Durations(Histogram(buckets), sum(durations))
    family = HistogramMetricFamily("h", "", labels=["namespace", "action"])
    family.add_metric(["n", "a"], buckets_of(made), made.sum_ms / 1000)
    (found,) = families_in(encode([family], {("n", "a"): made}), family_class)
    histogram = found.metric[0].histogram
    assert labels_of(found.metric[0]) == {"namespace": "n", "action": "a"}
    assert (histogram.sample_count, histogram.schema) == (len(durations), 3)
    assert histogram.sample_sum == pytest.approx(sum(durations) / 1000)
    assert [bucket.cumulative_count for bucket in histogram.bucket] == [count for _, count in buckets_of(made)]
    counts = native_counts(histogram)
    assert histogram.zero_count == durations.count(0)
    assert histogram.zero_count + sum(counts.values()) == len(durations)
    assert set(counts) == {index_of(bound) for bound in buckets if bound}


PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"


@pytest.mark.parametrize(
    ("accept", "asked"),
    [
        (
            f"{PROTOBUF},application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            True,
        ),
        (f"application/openmetrics-text;version=1.0.0;q=0.6, {PROTOBUF};q=0.5", False),
        (f"text/plain, {PROTOBUF}", False),
        (PROTOBUF.replace("delimited", "text"), False),
        (f"{PROTOBUF};q=x", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_protobuf_is_for_whom_prefers_it(accept: str, asked: bool) -> None:
    assert is_asked_for(accept) is asked
