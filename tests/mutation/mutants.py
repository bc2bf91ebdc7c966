"""The guards that the promise rests on, each with how it is taken out and the tests that notice."""

from __future__ import annotations

from tests.mutation.mutant import Mutant

__all__ = ["MUTANTS", "ORDINARY"]

ORDINARY = "tests/integration/projector/worker/test_cases.py::test_an_execution_is_recorded_and_found"
"""Passes without any of the guards: a mutant that it kills is merely broken, and shows nothing."""

_COMMIT = "projector/commit/commit.lua"
_INSPECT = "projector/commit/inspect.lua"
_FENCES = "tests/integration/projector/worker/test_fences.py"
_GUARDS = "tests/chaos/short/test_guards.py"

MUTANTS = (
    Mutant(
        "the comparison of the checkpoint",
        _COMMIT,
        {"if (stands[1] or '') ~= ARGV[3] or stands[2] then": "if stands[2] then"},
        (f"{_FENCES}::test_a_projector_with_an_old_checkpoint_commits_nothing_even_with_its_lease",),
    ),
    Mutant(
        "the neighbour fence",
        _COMMIT,
        {"if not next[2] or next[2][1] ~= ARGV[4] then": "if false then"},
        (f"{_FENCES}::test_entries_that_another_reader_took_are_noticed_by_the_next_commit",),
    ),
    Mutant(
        "the neighbour fence, before the first entry",
        _COMMIT,
        {"if not first or first[1] ~= ARGV[4] then": "if false then"},
        (f"{_GUARDS}::test_entries_taken_before_the_first_commit_are_noticed",),
    ),
    Mutant(
        "the lease check of the commit",
        _COMMIT,
        {"if holder ~= ARGV[1] then": "if false then"},
        (f"{_GUARDS}::test_a_zombie_commits_nothing_onto_a_projection_that_was_rebuilt_with_other_bounds",),
    ),
    Mutant(
        "the lease check of the group's reset",
        _INSPECT,
        {"if holder ~= ARGV[1] then": "if false then"},
        (f"{_GUARDS}::test_who_has_no_lease_does_not_reset_the_group",),
    ),
    Mutant(
        "the TYPE check",
        _COMMIT,
        {"refused = refuse_type(KEYS[k], types[k - 3])": "refused = nil"},
        (f"{_FENCES}::test_a_key_of_another_type_is_found_before_anything_is_written",),
    ),
    Mutant(
        "the trim of a list that has grown too long",
        _COMMIT,
        {"reply > bound then": "false then"},
        ("tests/integration/projector/worker/test_cases.py::test_the_history_is_bounded_to_the_newest_newest_first",),
    ),
    Mutant(
        "what changed of statistics, as far as the commit knows",
        "projector/fold/statistics.py",
        {"map(ne, values, self._written)": "map(lambda now, then: then is None is not now, values, self._written)"},
        ("tests/integration/projector/worker/test_cases.py::test_the_history_is_bounded_to_the_newest_newest_first",),
    ),
    Mutant(
        "torn, set before the first write",
        _COMMIT,
        {"redis.call('HSET', KEYS[3], 'torn', ARGV[4])\n": ""},
        (f"{_GUARDS}::test_a_commit_that_the_server_broke_off_stops_this_projector_and_the_next",),
    ),
    Mutant(
        "torn, looked for by a commit",
        _COMMIT,
        {"if (stands[1] or '') ~= ARGV[3] or stands[2] then": "if (stands[1] or '') ~= ARGV[3] then"},
        (f"{_GUARDS}::test_a_commit_that_was_broken_off_is_found_by_the_next_commit_too",),
    ),
    Mutant(
        "torn, looked for by a session that begins",
        _INSPECT,
        {"if (stands[1] or '') ~= ARGV[3] or stands[2] then": "if (stands[1] or '') ~= ARGV[3] then"},
        (f"{_GUARDS}::test_half_a_commit_is_found_though_nothing_follows_it",),
    ),
    Mutant(
        "the seq check",
        "projector/fold/sequence.py",
        {
            "return (UNDECIDABLE if seq <= self.closed else DUPLICATE), 0": "return _NEXT",
        },
        (
            "tests/integration/projector/worker/test_bad_input.py::"
            "test_a_bad_operation_still_uses_up_its_number_and_its_repetition_is_a_duplicate",
        ),
    ),
    Mutant(
        "the missing numbers of the seq check",
        "projector/fold/sequence.py",
        {"            if first < seq:\n                self._open(first, seq - 1, max_gaps)\n": ""},
        (f"{_GUARDS}::test_a_number_that_comes_late_counts_once",),
    ),
    Mutant(
        "the reset of the group, which is made only where there is none",
        _INSPECT,
        {
            "  if exists then redis.call('XGROUP', 'DESTROY', KEYS[1], ARGV[5]) end\n": "",
            "  redis.call('XGROUP', 'CREATE',": (
                "  if not exists or #redis.call('XINFO', 'GROUPS', KEYS[1]) == 0 then redis.call('XGROUP', 'CREATE',"
            ),
            "'MKSTREAM', 'ENTRIESREAD', ARGV[6])\n": "'MKSTREAM', 'ENTRIESREAD', ARGV[6]) end\n",
        },
        (f"{_GUARDS}::test_a_new_session_reads_from_the_checkpoint_wherever_the_group_stands",),
    ),
    Mutant(
        "the reset of the group when something was passed over",
        "projector/worker/session.py",
        {"            self._reset_group()\n        self._orphans": "            pass\n        self._orphans"},
        (f"{_FENCES}::test_entries_that_another_reader_took_are_projected_though_nothing_more_comes",),
    ),
    Mutant(
        "the identity of the log",
        _INSPECT,
        {"if added - length ~= tonumber(ARGV[4]) then": "if false then"},
        (f"{_FENCES}::test_an_entry_that_was_deleted_before_it_was_read_stops_the_projector",),
    ),
    Mutant(
        "what keeps an operation in its queue until it has arrived",
        "producer/delivery/sender.py",
        {
            "            if arrived:\n                self._remove(queue, batch[:arrived])\n": (
                "            self._remove(queue, batch)\n"
            ),
        },
        (
            "tests/integration/producer/spool/test_spool.py::"
            "test_a_connection_that_breaks_in_the_middle_of_a_batch_loses_and_doubles_nothing",
            "tests/chaos/short/test_spools.py::test_writers_that_are_killed_lose_nothing_whether_or_not_the_server_is_there",
        ),
    ),
)
