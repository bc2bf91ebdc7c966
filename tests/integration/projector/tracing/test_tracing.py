"""`projector run --otlp`: each ended run is a span at the collector, under the same ids however often it is sent."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from producer import Producer
from projector.archive.archive import Archive
from projector.archive.archiver import Archiver
from projector.bounds import Bounds
from projector.records import ActionExecutionRecord
from projector.tracing import collector as module
from projector.tracing import companion
from projector.tracing.companion import Tracing
from projector.tracing.span import span_of
from projector.verification import verify
from tests.support.collector import Collector, attributes
from tests.support.commands import PROJECTOR, environment
from tests.support.projecting import running
from tests.support.projection import Log, completed, orphaned, resolved, started
from tests.support.servers import eventually

pytestmark = pytest.mark.server

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
LABELS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "team": "blue"}


@pytest.fixture
def collector() -> Collector:
    return Collector()


@contextmanager
def projecting(log: Log, collector: Collector) -> Iterator[None]:
    """`projector run --otlp` at work, killed at the end."""
    command = [*PROJECTOR, "run", "--url", log.url, "--namespace", log.namespace, "--otlp", collector.url]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def traced(log: Log) -> str:
    found: bytes | None = log.client.get(log.key("traced"))  # type: ignore[assignment]
    return (found or b"").decode()


def test_a_run_is_a_child_of_the_span_that_started_it_and_a_replay_after_a_kill_makes_no_second_one(
    log: Log, collector: Collector
) -> None:
    with collector.listening():
        with projecting(log, collector):
            eventually(lambda: traced(log), what="the position")
            with Producer(log.url, log.namespace) as producer:
                with producer.execution("backup", source="manual", attempt=2, labels=LABELS):
                    pass
                with pytest.raises(ValueError, match="no"), producer.execution("deploy", source="cron:nightly"):
                    raise ValueError("no")
            before = {span.name: span for span in collector.wait_for(2)}
        log.client.set(log.key("traced"), "0-0")  # as if it had been killed before it wrote the position down
        with Tracing(log.url, log.namespace, endpoint=f"{collector.url}/v1/traces"):
            collector.wait_for(4)
            eventually(lambda: traced(log) == log.checkpoint("last_id"), what="the position at the end")
    again = {span.name: span for span in collector.spans[2:]}
    assert again == before
    child, alone = before["backup"], before["deploy"]
    assert (child.trace_id.hex(), child.parent_span_id.hex()) == (TRACE, PARENT)
    assert attributes(child)["attempt"] == 2
    assert attributes(child)["label.team"] == "blue"
    assert attributes(child)["namespace"] == log.namespace
    assert alone.parent_span_id == b""
    assert (alone.status.code, alone.status.message) == (2, "ValueError: no")
    assert collector.services == {"execution-wal"}
    assert {path for path, _ in collector.asked} == {"/v1/traces"}


def test_while_the_collector_is_away_the_projector_goes_on_and_all_spans_since_the_start_come_later(
    log: Log, collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.5)
    caplog.set_level(logging.INFO, "projector")
    log.add_completions(2, "before")
    log.drain()
    begin = log.checkpoint("last_id")
    with running(log.projector(beside=Tracing(log.url, log.namespace, endpoint=f"{collector.url}/v1/traces"))):
        eventually(lambda: traced(log) == begin, what="the position, where the projection stands")
        log.add_completions(3)
        eventually(lambda: "exporting spans has stopped" in caplog.text)
        log.add_completions(4)
        eventually(lambda: log.entries() == 9)
        assert traced(log) == begin
        with collector.listening():
            collector.wait_for(7)
            eventually(lambda: traced(log) == log.checkpoint("last_id"))
        assert {span.name for span in collector.spans} == {"a"}
        assert len({span.span_id for span in collector.spans}) == len(collector.spans) == 7
    told = [record.message for record in caplog.records if "exporting spans" in record.message]
    assert [text.split(":")[0] for text in told] == [
        "exporting spans has stopped, and goes on when it can",
        "exporting spans goes on",
    ]
    assert f"{collector.url}/v1/traces: Connection refused" in told[0]


def test_what_the_projection_has_pushed_out_of_its_list_comes_from_the_log_with_its_start_and_a_rebuild_adds_none(
    log: Log, collector: Collector
) -> None:
    log.bounds = Bounds(max_entries=2)
    log.add(started("a", "lost", labels=LABELS))
    log.add(orphaned("a", "lost", "silence", 1_790_000_000_004))
    log.add(started("a", "gone"))
    log.add(orphaned("a", "gone", "silence", 1_790_000_000_004))
    log.add(resolved("a", "gone", "I looked", 1_790_000_000_006, by="me", success=True))
    log.add(completed("a", execution_id="lost", exit_code=0))
    log.add(completed("startless"))
    log.add_completions(3, "last")
    log.drain()
    log.client.set(log.key("traced"), "0-0")
    collector.most = 3
    with collector.listening(), Tracing(log.url, log.namespace, endpoint=f"{collector.url}/v1/traces"):
        spans = list(collector.wait_for(8))
        eventually(lambda: traced(log) == log.checkpoint("last_id"))
    assert [count for _, count in collector.asked][:2] == [8, 4]  # too many for it, and then fewer
    assert [span.name for span in spans] == ["a", "a", "a", "a", "startless", "last", "last", "last"]
    lost, gone, decided, after_all, startless, *_ = spans
    assert {span.trace_id.hex() for span in (lost, after_all)} == {TRACE}
    assert {span.parent_span_id.hex() for span in (lost, after_all)} == {PARENT}
    assert lost.span_id != after_all.span_id
    assert attributes(lost)["orphaned"] is True
    assert (lost.status.code, lost.status.message, after_all.status.code) == (2, "silence", 0)
    assert gone.trace_id == decided.trace_id != startless.trace_id
    assert attributes(decided)["resolved"] is True
    assert lost.start_time_unix_nano == 1_790_000_000_000 * 10**6
    assert startless.end_time_unix_nano - startless.start_time_unix_nano == 5 * 10**6
    stands = traced(log)
    log.rebuild()
    assert traced(log) == stands
    assert verify(log.client, log.namespace).differences == ()


def test_what_was_trimmed_before_the_collector_was_back_comes_from_the_archive_and_without_one_its_lack_is_logged(
    log: Log, collector: Collector, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log.bounds = Bounds(max_entries=1)
    log.add(started("a", "x", labels={"team": "blue"}))
    log.add(completed("a", execution_id="x"))
    log.drain()
    Archiver(log.client, Archive.at(str(tmp_path), log.namespace)).once()
    log.add_completions(2, "b")
    log.drain()
    log.client.xtrim(log.key("wal"), minid=log.checkpoint("archive_last_id"), approximate=False)
    log.client.set(log.key("traced"), "0-0")
    endpoint = f"{collector.url}/v1/traces"
    with collector.listening():
        with Tracing(log.url, log.namespace, endpoint=endpoint):
            eventually(lambda: traced(log) == log.checkpoint("last_id"), what="the position at the end")
        assert "label.team" not in attributes(collector.spans[0])  # its start is gone
        assert caplog.text.count("no spans of what was trimmed behind entry 0-0") == 1
        collector.spans.clear()
        log.client.set(log.key("traced"), "0-0")
        with Tracing(log.url, log.namespace, endpoint=endpoint, archive=str(tmp_path)):
            spans = collector.wait_for(3)
    assert caplog.text.count("no spans of") == 1
    assert [span.name for span in spans] == ["a", "b", "b"]
    assert attributes(spans[0])["label.team"] == "blue"


def test_a_position_that_nobody_wrote_is_named_with_its_cure(
    log: Log, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    log.client.set(log.key("traced"), "yesterday")
    with Tracing(log.url, log.namespace, endpoint=f"{collector.url}/v1/traces"):
        eventually(lambda: f"redis-cli DEL '{log.key('traced')}'" in caplog.text)


def test_what_the_collector_has_acknowledged_is_not_sent_again_after_a_stop(
    log: Log, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companion, "BATCH", 2)
    ids = [log.add(completed("a")) for _ in range(6)]
    log.drain()
    log.client.set(log.key("traced"), "0-0")
    stood: list[str] = []
    tracing = Tracing(log.url, log.namespace, endpoint=f"{collector.url}/v1/traces")

    def take(path: str, body: bytes) -> int:
        stood.append(traced(log))
        if len(stood) == 2:
            tracing.__exit__()
        return collect(path, body)

    collect = collector.take
    monkeypatch.setattr(collector, "take", take)
    with collector.listening():
        with tracing:
            eventually(lambda: traced(log) == ids[3], what="the position behind the last request")
        with tracing:
            eventually(lambda: traced(log) == ids[5], what="the position at the end")
    assert stood == ["0-0", ids[1], ids[3]]
    assert [count for _, count in collector.asked] == [2, 2, 2]


def test_a_single_run_of_which_no_span_can_be_made_or_is_taken_is_left_out_with_its_name(
    log: Log, collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    takes, collect = False, collector.take
    ids = {name: log.add(completed(name)) for name in ("a", "refused", "b", "odd", "c")}
    log.drain()
    log.client.set(log.key("traced"), "0-0")

    def take(path: str, body: bytes) -> int:
        return collect(path, body) if takes and b"refused" not in body else 400

    def made(record: ActionExecutionRecord) -> ReadableSpan:
        if record.action_id == "odd":
            raise ValueError("odd")
        return span_of(record)

    monkeypatch.setattr(collector, "take", take)
    monkeypatch.setattr(module, "span_of", made)
    with collector.listening(), Tracing(log.url, log.namespace, endpoint=f"{collector.url}/v1/traces"):
        eventually(lambda: "exporting spans has stopped" in caplog.text)
        assert "left out" not in caplog.text  # nothing is taken at all
        takes = True
        eventually(lambda: traced(log) == ids["c"], what="the position at the end")
    assert [span.name for span in collector.spans] == ["a", "b", "c"]
    left_out = [record.message for record in caplog.records if "left out" in record.message]
    assert [text.split(" ")[4] for text in left_out] == [ids["refused"], ids["odd"]]
    assert ["400" in left_out[0], "ValueError: odd" in left_out[1]] == [True, True]


def test_a_redirection_is_no_acknowledgement_and_what_is_left_out_of_a_request_is_logged(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with collector.listening(), closing(module.Collector(f"{collector.url}/v1/traces")) as ours:
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(collector, "take", lambda *_: 302)  # to where one logs in
            assert ("it answered 302" in ours.take(()), ours.refuses) == (True, False)
        assert (ours.take(()), caplog.messages) == ("", [])
        collector.rejected = 3
        assert ours.take(()) == ""
        assert caplog.messages == [f"{collector.url}/v1/traces has taken some spans, and left out 3: 'too old'"]


def test_a_certificate_that_is_not_there_is_named_whatever_other_one_requests_knows(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(tmp_path / "ours.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    with closing(module.Collector(f"https://127.0.0.1:{collector.port}/v1/traces")) as ours:
        assert str(tmp_path / "ours.pem") in ours.take(())
        assert not ours.refuses
