"""The metrics as delimited protobuf, which alone can carry Prometheus' native histograms.

The messages are those of io/prometheus/client/metrics.proto, whose fields' numbers stand below. Seven small messages
that are only written need no protobuf library, whose classes somebody would have to generate.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import ceil, log2

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from projector.metrics.reading import Durations

CONTENT_TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
SCHEMA = 3
"""Eight buckets to a power of two: each is 9 % wide, and one of ours 3 %."""
_NOTHING = 2.0**-128
"""Up to which a value counts as 0, as Prometheus' own libraries have it."""
_TYPES = {"counter": 0, "gauge": 1, "histogram": 4}
_OURS = 32

Native = Mapping[tuple[str, str], Durations]
"""By namespace and action."""


def is_asked_for(accept: str) -> bool:
    """Whether the header prefers this format to all others; of those that are preferred alike the first counts."""
    best, found = 0.0, False
    for media in accept.lower().replace(" ", "").split(","):
        kind, *parameters = media.split(";")
        told = dict(parameter.partition("=")[::2] for parameter in parameters)
        try:
            quality = float(told.get("q", "1"))
        except ValueError:
            continue
        if quality > best:
            delimited = (
                told.get("encoding") == "delimited" and told.get("proto") == "io.prometheus.client.metricfamily"
            )
            best, found = quality, kind == "application/vnd.google.protobuf" and delimited
    return found


def encode(families: Iterable[Metric], durations: Native) -> bytes:
    """All families; histograms with classic buckets, and those of executions with native ones as well."""
    return b"".join(_message(_family(family, durations)) for family in families if family.samples)


def _family(family: Metric, durations: Native) -> bytes:
    total = "_total" if family.type == "counter" else ""
    metrics = (
        _histograms(family, durations) if family.type == "histogram" else map(_scalar(family.type), family.samples)
    )
    return b"".join(
        (
            _text(1, f"{family.name}{total}"),
            _text(2, family.documentation),
            _number(3, _TYPES[family.type]),
            *(_nested(4, metric) for metric in metrics),
        )
    )


def _scalar(kind: str) -> Callable[[Sample], bytes]:
    """A Metric with a Gauge or a Counter, whose value is field 1 in both."""
    field = {"gauge": 2, "counter": 3}[kind]
    return lambda sample: _labels(sample.labels) + _nested(field, _double(1, sample.value))


def _histograms(family: Metric, durations: Native) -> Iterator[bytes]:
    """A Metric for each set of labels, whose samples follow each other: buckets, then the count, then the sum."""
    buckets: list[bytes] = []
    for sample in family.samples:
        match sample.name.removeprefix(family.name):
            case "_bucket":
                bound = float(sample.labels["le"])
                buckets.append(_nested(3, _number(1, int(sample.value)) + _double(2, bound)))
            case "_count":
                buckets.insert(0, _number(1, int(sample.value)))
            case _:
                labels = sample.labels
                native = durations.get((labels["namespace"], labels.get("action", "")))
                body = (_double(2, sample.value), *buckets, *(_native(native) if native else ()))
                yield _labels(labels) + _nested(7, b"".join(body))
                buckets = []


def _native(durations: Durations) -> Iterator[bytes]:
    """The fields of a native histogram: runs of buckets that follow each other, and how the counts differ."""
    counts: dict[int, int] = {}
    for bound, count in durations.histogram.buckets.items():
        if bound:
            index = index_of(bound)
            counts[index] = counts.get(index, 0) + count
    yield _number(5, _zigzag(SCHEMA)) + _double(6, _NOTHING)
    yield _number(7, durations.histogram.buckets.get(0, 0))
    spans: list[list[int]] = []  # the distance to the span before, and the length
    deltas = []
    last, before = -1, 0
    for index, count in sorted(counts.items()):
        if spans and index == last + 1:
            spans[-1][1] += 1
        else:
            spans.append([index if not spans else index - last - 1, 1])
        deltas.append(count - before)
        last, before = index, count
    for offset, length in spans:
        yield _nested(12, _number(1, _zigzag(offset)) + _number(2, length))
    for delta in deltas:
        yield _number(13, _zigzag(delta))


def index_of(bound: int) -> int:
    """The native bucket that the middle of our bucket up to `bound` (ms) falls into: index i reaches to 2^(i/8) s."""
    width = max(1, (1 << bound.bit_length() >> 1) // _OURS)
    return ceil(log2((bound - width // 2) / 1000) * (1 << SCHEMA))


def _labels(labels: Mapping[str, str]) -> bytes:
    pairs = sorted((name, value) for name, value in labels.items() if name != "le")
    return b"".join(_nested(1, _text(1, name) + _text(2, value)) for name, value in pairs)


def _zigzag(value: int) -> int:
    return (value << 1) ^ (value >> 63)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _nested(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | 2) + _message(body)


def _text(field: int, value: str) -> bytes:
    return _nested(field, value.encode())


def _message(body: bytes) -> bytes:
    return _varint(len(body)) + body
