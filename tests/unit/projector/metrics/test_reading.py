"""Reading several namespaces while a server does not answer."""

from __future__ import annotations

from projector.connection.exchange import drive
from projector.errors import ServerUnavailable
from projector.keys import Keys
from projector.metrics.reading import Ledgers, Reading, readings
from projector.query.questions.question import QuestionOf, Request


def asked_of_a_server_that_hangs_for(seconds: float) -> list[str]:
    """The namespaces that are asked for, of four."""
    now, asked = 0.0, []

    def answers(question_of: QuestionOf[Reading | None]) -> dict[str, Reading | None]:
        found: dict[str, Reading | None] = {}
        for namespace in "abcd":

            def answer(_request: Request, namespace: str = namespace) -> None:
                nonlocal now
                now += seconds
                asked.append(namespace)
                raise ServerUnavailable("no reply")

            question = question_of(Keys(namespace))
            assert question is not None
            found[namespace] = drive(question, answer)
        return found

    found = drive(readings(lambda _: Ledgers(1), monotonic=lambda: now), answers)
    assert found == dict.fromkeys("abcd")
    return asked


def test_time_outs_do_not_add_up_over_namespaces() -> None:
    assert asked_of_a_server_that_hangs_for(3.0) == ["a", "b"]
    assert asked_of_a_server_that_hangs_for(0.0) == ["a", "b", "c", "d"]
