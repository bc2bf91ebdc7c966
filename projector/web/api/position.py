"""How far a stream of entries has come, as the id of its events tells, so that it can go on there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from projector.answers.parameter import WrongParameter
from projector.entry_id import is_entry_id, last_before, milliseconds_of, order_of
from projector.query.arguments import checked_moment

Order = tuple[int, int]
"""An entry id in numbers."""


@dataclass(frozen=True, slots=True)
class Position:
    """Behind the entry `base`, and in some namespaces behind a later one.

    As text `<entry id>`, behind which `;<namespace>=<entry id>` stands for each of several namespaces from which
    something came: their entries come in the order of their ids only one by one.
    """

    base: Order = (0, 0)
    later: Mapping[str, Order] = field(default_factory=dict)

    @classmethod
    def of_text(cls, text: str) -> Position:
        """Raises WrongParameter."""
        base, *rest = text.split(";")
        later = {name: entry_id for name, _, entry_id in (each.partition("=") for each in rest)}
        try:
            if not all(map(is_entry_id, (base, *later.values()))):
                raise ValueError(text)
            for entry_id in (base, *later.values()):
                checked_moment("since", milliseconds_of(entry_id))
        except ValueError as error:
            raise WrongParameter("Last-Event-ID", f"expected the id of an event, found {text[:100]!r}") from error
        return cls(order_of(base), {name: order_of(entry_id) for name, entry_id in later.items()})

    @classmethod
    def at(cls, moment: int) -> Position:
        """Before all that was written from `moment` (epoch ms) on."""
        return cls(order_of(last_before(moment)))

    @property
    def since(self) -> int:
        """Nothing that was written before then (epoch ms) is wanted."""
        return self.base[0]

    @property
    def since_of(self) -> Mapping[str, int]:
        """The same of the namespaces from which something came."""
        return {name: order[0] for name, order in self.later.items()}

    def is_before(self, order: Order, namespace: str) -> bool:
        """Whether that entry of `namespace` comes after it."""
        return order > self.later.get(namespace, self.base)

    def after(self, order: Order, namespace: str, *, alone: bool) -> Position:
        """Behind that entry of `namespace`; `alone`: there is no other one."""
        return Position(order) if alone else Position(self.base, {**self.later, namespace: order})

    def __str__(self) -> str:
        milliseconds, number = self.base
        later = (f";{name}={order[0]}-{order[1]}" for name, order in self.later.items())
        return f"{milliseconds}-{number}{''.join(later)}"
