"""Logs from elsewhere: their lines, their checksums, and what of them goes into the log, under which numbers."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import redis

from producer.errors import WalUnavailable
from producer.importing.importer import Importer
from producer.importing.line import BadLine, Importable, OtherType, compact, object_of, read_line
from producer.importing.log_file import LogFile
from producer.operations import OUTPUT_BYTES, TEXT_BYTES, decode
from tests.support.foreign_log import COMPLETED, OTHER, STARTED, add, entries, line

# Its checksum was computed bit by bit, without zlib.
KNOWN = (
    b'{"sequence":0,"timestamp_micros":1790000000000000,"machine_id":"m-1","operation":{"type":"cleanup_executed",'
    b'"scanner_id":"stale-locks","resource_id":"lock:deploy","action":"release","success":true,'
    b'"executed_at":1790000000000},"checksum":%d}'
)


def read(raw: bytes) -> Importable | OtherType | BadLine:
    return read_line(raw, by="file", seq=99)


def reason_of(raw: bytes) -> str:
    found = read(raw)
    assert isinstance(found, BadLine)
    return found.reason


# -- compact JSON and its checksum --


def test_the_checksum_is_crc_32_iso_hdlc() -> None:
    assert zlib.crc32(b"123456789") == 0xCBF43926  # the check value of the catalogue of CRCs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{ "a" : [ 1 , 2 ] }', '{"a":[1,2]}'),
        ('"a  b"', '"a  b"'),
        (r'"\u00e9\/\u2028"', '"é/\u2028"'),
        (r'"\u0001\u000a\u0022\u005c\u001F"', r'"\u0001\n\"\\\u001f"'),
        (r'"\ud83d\ude00"', '"😀"'),
        ("[1.50, 1e3, -0, 12345678901234567890]", "[1.50,1e3,-0,12345678901234567890]"),
        ('{"b":1, "a":2}', '{"b":1,"a":2}'),
    ],
)
def test_compact_json_is_what_serde_json_writes(text: str, expected: str) -> None:
    assert compact(object_of(f'{{ "value": {text} }}'.encode())) == f'{{"value":{expected}}}'.encode()


@pytest.mark.parametrize("text", ['{"b":{"x":[1.50,"}"]},"a":"é"}', "{}"])
def test_a_compact_object_is_written_again_as_it_stands(text: str) -> None:
    assert compact(object_of(text.encode())) == text.encode()


@pytest.mark.parametrize("text", ["[]", "1", '{"a":1,"a":2}', '{"a":1}x', '{"a":1,}', '{"a"}', "{1:2}", '{"a":NaN}'])
def test_what_is_no_object_is_bad(text: str) -> None:
    assert reason_of(text.encode()).startswith("expected a JSON object in UTF-8, found ")


# -- a line --


def test_a_line_of_the_rust_engine_gives_machine_sequence_and_the_operation_as_it_stands() -> None:
    op = (
        b'{"type":"cleanup_executed","scanner_id":"stale-locks","resource_id":"lock:deploy",'
        b'"action":"release","success":true,"executed_at":1790000000000}'
    )
    assert read(KNOWN % 0xA71CEA2D) == Importable("m-1", 1, op)


@pytest.mark.parametrize("operation", [STARTED, COMPLETED])
def test_blanks_and_escapes_in_the_line_change_neither_checksum_nor_operation(operation: dict[str, Any]) -> None:
    expected = read(line(7, operation))
    assert isinstance(expected, Importable)
    assert (expected.by, expected.seq) == ("m-1", 8)
    assert read(json.dumps(json.loads(line(7, operation))).encode()) == expected
    assert json.loads(expected.op) == operation


def test_the_order_of_fields_is_the_lines() -> None:
    turned = dict(reversed(STARTED.items()))
    found = read(line(0, turned))
    assert isinstance(found, Importable)
    assert list(json.loads(found.op)) == list(turned)


def test_a_line_of_json_lines_takes_the_number_it_is_given() -> None:
    found = read(json.dumps(STARTED).encode())
    assert isinstance(found, Importable)
    assert (found.by, found.seq) == ("file", 99)
    assert decode(found.op) == decode(json.dumps(STARTED).encode())


def test_an_operation_of_another_type_is_told_by_its_type_and_has_a_number_all_the_same() -> None:
    assert read(line(3, OTHER)) == OtherType("key_value_set", "m-1", 4)
    assert read(json.dumps(OTHER).encode()) == OtherType("key_value_set", "file", 99)


def test_dropping_from_the_quarantine_of_another_log_is_none_of_ours() -> None:
    found = read(b'{"type":"quarantine_dropped","entry_id":"1-1","dropped_at":1}')
    assert isinstance(found, OtherType)
    assert found.type == "quarantine_dropped"


def test_every_flipped_bit_of_an_operation_is_noticed() -> None:
    raw = line(5, STARTED)
    start = raw.index(b'"operation":') + len(b'"operation":')
    end = raw.index(b',"checksum"')
    for at in range(start, end):
        for bit in range(8):
            flipped = bytearray(raw)
            flipped[at] ^= 1 << bit
            found = read(bytes(flipped))
            assert isinstance(found, BadLine), (at, bit, found)


def test_a_wrong_checksum_is_told_with_both() -> None:
    assert reason_of(line(5, STARTED, checksum=1)).startswith("checksum: expected 1, as the line says, found ")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"no json", "expected a JSON object in UTF-8, found no JSON"),
        (b"[]", "found another value"),
        (b'{"a":1 2}', "found no JSON"),
        (b"\xff\xfe\xff", "found no JSON"),
        (b"[" * 100_000, "found no JSON"),
        (b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", "found no JSON"),
        (b'{"type":"x","a":Infinity}', "found no JSON"),
        ('{"type":"x"}'.encode("utf-16-le"), "found no JSON"),
        (b"{}", "sequence: expected it"),
        (line(5, STARTED).replace(b'"sequence":5', b'"sequence":-1'), "sequence: expected an integer"),
        (line(5, STARTED).replace(b'"sequence":5', b'"sequence":"5"'), "sequence: expected an integer"),
        (line(10**16, STARTED), "sequence: expected an integer"),
        (line(5, STARTED, machine_id=""), "machine_id: expected"),
        (line(5, STARTED, machine_id="é" * 129), "machine_id: expected"),
        (line(5, {**STARTED, "action_id": ""}), "action_id: expected a string of 1 to 256 bytes"),
        (line(5, {**STARTED, "started_at": 1.5}), "started_at: expected an integer"),
        (line(5, {"action_id": "a"}), "operation: expected an object with a type"),
        (b'{"type":"cleanup_executed","type":"x"}', "found one with a field twice"),
        (b'{"type":7}', "type: expected a string"),
        (rb'{"type":"key_value_set","x":"\ud800"}', "found no JSON"),
    ],
)
def test_a_bad_line_is_told_why(raw: bytes, said: str) -> None:
    assert said in reason_of(raw)


def test_texts_that_are_too_long_are_cut_as_a_producer_does() -> None:
    long = {"output": "o" * 20_000 + "end", "error": "e" * 5000, "labels": {"host": "db1"}}
    found = read(line(5, {**COMPLETED, **long}))
    assert isinstance(found, Importable)
    fields = json.loads(found.op)
    assert fields["labels"] == {"host": "db1"}
    assert OUTPUT_BYTES - 2 <= len(fields["output"]) <= OUTPUT_BYTES
    assert fields["output"].endswith("end")
    assert TEXT_BYTES - 2 <= len(fields["error"]) <= TEXT_BYTES


def test_who_and_what_are_imported_as_they_stand_and_bad_labels_are_told() -> None:
    start = {
        "type": "action_execution_started",
        "labels": {"zone": "b", "host": "db1"},  # neither the order of fields nor that of labels is a producer's
        "command": "make " + "c" * 4097,
        "attempt": 2,
        "action_id": "deploy",
        "source": "manual",
        "execution_type": "command",
        "started_at": 1_790_000_000_000,
    }
    found = read(line(5, start))
    assert isinstance(found, Importable)
    assert (operation := decode(found.op)).labels == start["labels"]  # type: ignore[union-attr]
    assert operation.attempt == 2  # type: ignore[union-attr]
    assert operation.command.startswith("make ccc")  # type: ignore[union-attr]
    assert operation.command.endswith(" bytes cut]")  # type: ignore[union-attr]
    assert "labels: expected an object" in reason_of(line(5, {**start, "labels": {"a b": "c"}}))


# -- a file --


@pytest.fixture
def client() -> Any:
    return fakeredis.FakeRedis()


def test_operations_keep_their_numbers_and_claim_all_below(client: Any, tmp_path: Path) -> None:
    summary = add(client, tmp_path / "w", line(0, STARTED), line(1, OTHER), line(2, OTHER), line(3, COMPLETED))
    assert entries(client) == [("m-1", 1, 0), ("m-1", 4, 3)]
    assert (summary.lines, summary.appended, summary.duplicates) == (4, 2, 0)
    assert summary.skipped == {"key_value_set": 2}
    assert summary.bad == {}


def test_bad_lines_and_a_torn_one_are_told_by_number_and_the_rest_goes_on(client: Any, tmp_path: Path) -> None:
    summary = add(
        client,
        tmp_path / "w",
        line(0, STARTED),
        line(1, STARTED, checksum=1),
        b"",
        line(2, STARTED),
        tail=line(3, STARTED)[:40],
    )
    assert [seq for _, seq, _ in entries(client)] == [1, 3]
    assert list(summary.bad) == [2, 5]
    assert summary.bad[5] == "torn: the file ends within it"


def test_a_last_line_that_is_whole_but_for_its_end_counts(client: Any, tmp_path: Path) -> None:
    assert add(client, tmp_path / "w", tail=line(0, STARTED)).appended == 1


def test_a_second_import_is_all_duplicates_and_a_longer_copy_is_not(client: Any, tmp_path: Path) -> None:
    first = add(client, tmp_path / "w", line(0, STARTED), line(1, COMPLETED))
    again = add(client, tmp_path / "w", line(0, STARTED), line(1, COMPLETED))
    longer = add(client, tmp_path / "w", line(0, STARTED), line(1, COMPLETED), line(2, STARTED))
    assert [(one.duplicates, one.only_duplicates) for one in (first, again, longer)] == [
        (0, False),
        (2, True),
        (2, False),
    ]


def test_what_the_projection_knows_is_known_though_the_log_is_trimmed(client: Any, tmp_path: Path) -> None:
    client.hset("{otters}:producers", "m-1", json.dumps({"seq": 9, "gaps": [[3, 4]], "closed": 0, "entry_id": "1-1"}))
    summary = add(client, tmp_path / "w", *(line(sequence, STARTED) for sequence in range(10)))
    assert summary.duplicates == 7  # 3 and 4 fill the gap, 10 is new


def test_where_nobody_may_ask_duplicates_are_not_known(client: Any, tmp_path: Path) -> None:
    client.set("{otters}:producers", "of another type, as a refusal would be an error")
    assert add(client, tmp_path / "w", line(0, STARTED)).duplicates is None


def test_a_dry_run_writes_nothing(client: Any, tmp_path: Path) -> None:
    summary = add(client, tmp_path / "w", line(0, STARTED), line(1, STARTED), dry_run=True)
    assert (summary.operations, summary.appended) == (2, 0)
    assert not client.keys("*")


def test_a_line_without_end_is_bad_and_does_not_fill_the_memory(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("producer.importing.log_file._LONGEST", 1000)
    summary = add(client, tmp_path / "w", b"x" * 5500, line(0, STARTED), b"y" * 1001)
    assert list(summary.bad) == [1, 3]
    assert summary.appended == 1


def test_files_are_placed_by_the_first_operation_that_they_hold(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(line(7, OTHER) + b"\n" + line(8, STARTED) + b"\n")
    (tmp_path / "empty").write_bytes(b"")
    assert LogFile(tmp_path / "w").place() == ("m-1", 9)
    assert LogFile(tmp_path / "empty").place() == ("", 0)


# -- the way to the server --


class Flaky(fakeredis.FakeRedis):
    """Loses the replies to the first transactions, some of which have landed."""

    landed_and_lost = 0
    attempts = 0

    def pipeline(self, *arguments: Any, **options: Any) -> Any:
        pipeline = super().pipeline(*arguments, **options)
        execute = pipeline.execute

        def lose(*more: Any) -> Any:
            self.attempts += 1
            if self.landed_and_lost:
                self.landed_and_lost -= 1
                execute(*more)
                raise redis.ConnectionError("the reply was lost")
            return execute(*more)

        pipeline.execute = lose  # type: ignore[method-assign, assignment]
        return pipeline


def test_a_batch_whose_reply_was_lost_is_sent_again_under_the_same_numbers(tmp_path: Path) -> None:
    client = Flaky()
    client.landed_and_lost = 2
    (tmp_path / "w").write_bytes(line(0, STARTED) + b"\n" + line(1, COMPLETED) + b"\n")
    waits: list[float] = []
    summary = Importer(client, "otters", sleep=waits.append).add(LogFile(tmp_path / "w"))
    assert [seq for _, seq, _ in entries(client)] == [1, 2] * 3
    assert summary.appended == 2
    assert waits == [0.05, 0.1]


def test_without_an_answer_for_long_the_first_operation_that_was_not_acknowledged_is_told(tmp_path: Path) -> None:
    server = fakeredis.FakeServer()
    server.connected = False
    (tmp_path / "w").write_bytes(line(41, STARTED) + b"\n")
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    importer = Importer(
        fakeredis.FakeRedis(server=server), "otters", patience=5.0, monotonic=lambda: now[0], sleep=sleep
    )
    with pytest.raises(WalUnavailable) as caught:
        importer.add(LogFile(tmp_path / "w"))
    assert (caught.value.receipt.by, caught.value.receipt.seq, caught.value.acked) == ("m-1", 42, 41)
    assert 4.0 <= now[0] <= 5.0
