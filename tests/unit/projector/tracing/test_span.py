"""The span of a record: ids that never change, its parent, its times and its outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from producer.errors import InvalidSettings
from producer.operations import MAX_INTEGER
from projector.records import ActionExecutionRecord
from projector.tracing import tracing_to
from projector.tracing.collector import endpoint_of
from projector.tracing.span import span_of

RUN = ActionExecutionRecord(
    action_id="backup",
    source="manual",
    execution_type="command",
    success=True,
    duration_ms=40,
    error=None,
    timestamp=1_790_000_000_050,
    execution_id="r1",
    started_at=1_790_000_000_000,
    by="host:1:ab",
    entry_id="1790000000060-0",
    namespace="otters",
)


def ids(record: ActionExecutionRecord) -> tuple[str, str]:
    context = span_of(record).get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def test_the_ids_are_the_same_in_every_version() -> None:
    assert ids(RUN) == ("f3bd95064a33a1b67943d5d0c2455cdb", "c0c9b7dbd88b3a5b")


def test_records_of_one_run_share_a_trace_and_other_runs_and_namespaces_do_not() -> None:
    trace, span = ids(RUN)
    ended = ids(replace(RUN, entry_id="1790000000070-0"))
    assert ended[0] == trace
    assert ended[1] != span
    others = [{"execution_id": "r2"}, {"started_at": 1}, {"namespace": "stoats"}, {"action_id": "deploy"}]
    assert trace not in {ids(replace(RUN, **other))[0] for other in others}  # type: ignore[arg-type]


def test_a_label_that_names_no_span_is_no_parent() -> None:
    labelled = replace(RUN, labels={"traceparent": f"00-{'0' * 32}-{'1' * 16}-01"})
    assert span_of(labelled).parent is None
    assert ids(labelled) == ids(RUN)


@pytest.mark.parametrize(
    ("known", "began"),
    [({}, 0), ({"started_at": None}, 10), ({"started_at": None, "duration_ms": None}, 50), ({"timestamp": 7}, None)],
    ids=["its start", "its duration", "neither", "a clock behind the start's"],
)
def test_a_span_begins_where_the_run_did_as_far_as_is_known(known: dict[str, int | None], began: int | None) -> None:
    span = span_of(replace(RUN, **known))  # type: ignore[arg-type]
    expected = span.end_time if began is None else (1_790_000_000_000 + began) * 10**6
    assert span.start_time == expected


def test_the_latest_time_that_a_run_may_say_makes_a_span_that_can_be_sent() -> None:
    assert encode_spans([span_of(replace(RUN, timestamp=MAX_INTEGER, started_at=MAX_INTEGER))]).SerializeToString()


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("https://collector/", "https://collector/v1/traces"),
        ("http://collector/otlp/spans", "http://collector/otlp/spans"),
    ],
)
def test_an_endpoint_without_a_path_gets_the_usual_one(given: str, endpoint: str) -> None:
    assert endpoint_of(given) == endpoint


@pytest.mark.parametrize(
    "given", ["localhost:4318", "grpc://u:secret@collector", "http://", "http://a:x", "http://[1"]
)
def test_what_is_no_url_of_http_is_refused_without_a_word_of_it(given: str) -> None:
    with pytest.raises(InvalidSettings, match=r"otlp: expected a URL such as") as refused:
        tracing_to(given)
    assert "secret" not in str(refused.value)
