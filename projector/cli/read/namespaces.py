"""`projector namespaces`: which there are, and where each stands."""

from __future__ import annotations

from projector.cli.addresses import EveryLog
from projector.cli.options import Rows
from projector.cli.read.answer import answer, open_query


def namespaces(*, log: EveryLog, view: Rows) -> None:
    """The namespaces of the server: who projects each, what waits, what is missing, the memory it takes.

    All of them, whatever WAL_NAMESPACE says, unless --namespace names some. The memory is what the server reckons.

    Example: projector namespaces --namespace 'team-*'
    """
    from projector.answers.standing import standings, standings_answer

    with open_query(log) as query:
        found = standings(query)
        answer(query, standings_answer(found), view, lambda report: report.standings(found))
