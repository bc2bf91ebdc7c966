"""Who projects which namespace: a pure function, so that all workers come to the same answer from the same facts."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def shares_of(serving: Mapping[str, Collection[str]], holders: Mapping[str, str]) -> dict[str, str]:
    """The worker of each namespace that somebody serves. `serving`: by live worker the namespaces that it serves;
    `holders`: by namespace the worker that has it.

    Who has a namespace keeps it, as long as no worker that serves it, too, has two fewer. What nobody has goes to the
    worker that has least. Where all serve the same, none has more than one namespace above another.
    """
    serving = {worker: frozenset(names) for worker, names in serving.items()}
    having: dict[str, list[str]] = {worker: [] for worker in serving}
    candidates: dict[str, list[str]] = {}
    for worker in sorted(serving):
        for name in serving[worker]:
            candidates.setdefault(name, []).append(worker)
    free = []
    for name in sorted(candidates):
        holder = holders.get(name)
        if holder in candidates[name]:
            having[holder].append(name)
        else:
            free.append(name)
    for name in sorted(free, key=lambda name: (len(candidates[name]), name)):  # first those that can go to few
        having[min(candidates[name], key=lambda worker: (len(having[worker]), worker))].append(name)
    while _move(having, candidates):
        pass
    return {name: worker for worker, names in having.items() for name in names}


def _move(having: dict[str, list[str]], candidates: Mapping[str, list[str]]) -> bool:
    """Give one namespace of the worker that has most to one that has at least two fewer; whether there was one."""
    order = sorted(having, key=lambda worker: (len(having[worker]), worker))
    fewest = len(having[order[0]]) if order else 0
    for giver in reversed(order):
        count = len(having[giver])
        if count - fewest < 2:
            break
        for name in sorted(having[giver], reverse=True):
            taker = min(candidates[name], key=lambda worker: (len(having[worker]), worker))
            if count - len(having[taker]) > 1:
                having[giver].remove(name)
                having[taker].append(name)
                return True
    return False
