"""The guards that the promise rests on, each with how it is taken out and the tests that notice."""

from __future__ import annotations

from tests.mutation.mutant import Mutant

__all__ = ["MUTANTS", "ORDINARY"]

ORDINARY = "tests/integration/projector/worker/test_cases.py::test_an_execution_is_recorded_and_found"
"""Passes without any of the guards: a mutant that it kills is merely broken, and shows nothing."""

_COMMIT = "projector/commit/commit.lua"
_INSPECT = "projector/commit/inspect.lua"
_SHARED = "projector/commit/fences.lua"
_STANDS_ELSEWHERE = "((redis.call('HGET', checkpoint, 'last_id') or '') ~= last_id and {'checkpoint', '', ''})"
"""The fence of the checkpoint without its look for `torn`."""
_FENCES = "tests/integration/projector/worker/test_fences.py"
_LOSSES = "tests/integration/projector/repair/test_losses.py"
_TRIM = "projector/commit/trim.lua"
_TRIMMING = "tests/integration/projector/worker/test_trimming.py"
_EXAMINED = "tests/unit/projector/evidence/test_examination.py"
_ARCHIVER = "tests/integration/projector/archiving/test_archiver.py"
_TRAIL = "tests/unit/projector/trail/test_trail.py"
_SCAN = "tests/unit/projector/search/test_scan.py"
_JOINED = "tests/unit/projector/search/test_joined.py"
_SNAPSHOTS = "tests/unit/projector/snapshot/test_snapshots.py"
_REBUILT = "tests/integration/projector/repair/test_rebuild_archived.py"
_ROLLUPS = "tests/integration/projector/worker/test_rollups.py"
_GUARDS = "tests/chaos/short/test_guards.py"
_CARRIER = "projector/commit/carrier.py"
_CARRIED = "tests/integration/projector/worker/test_carrier.py"

MUTANTS = (
    Mutant(
        "the comparison of the checkpoint",
        _SHARED,
        {"if (stands[1] or '') ~= last_id or stands[2] then": "if stands[2] then"},
        (f"{_FENCES}::test_a_projector_with_an_old_checkpoint_commits_nothing_even_with_its_lease",),
    ),
    Mutant(
        "the neighbour fence",
        _SHARED,
        {"if after ~= first then": "if last_id == '' and after ~= first then"},
        (f"{_FENCES}::test_entries_that_another_reader_took_are_noticed_by_the_next_commit",),
    ),
    Mutant(
        "the neighbour fence, before the first entry",
        _SHARED,
        {"if after ~= first then": "if last_id ~= '' and after ~= first then"},
        (f"{_GUARDS}::test_entries_taken_before_the_first_commit_are_noticed",),
    ),
    Mutant(
        "the lease check of the commit",
        _SHARED,
        {"token ~= '' and refuse_lease(lease, token)": "nil"},
        (f"{_GUARDS}::test_a_zombie_commits_nothing_onto_a_projection_that_was_rebuilt_with_other_bounds",),
    ),
    Mutant(
        "the lease check of the group's reset",
        _INSPECT,
        {"refuse_lease(lease, ARGV[1])": "nil"},
        (f"{_GUARDS}::test_who_has_no_lease_does_not_reset_the_group",),
    ),
    Mutant(
        "the TYPE check",
        _COMMIT,
        {"refused = expected and refuse_type(KEYS[k], expected)": "refused = nil"},
        (f"{_FENCES}::test_a_key_of_another_type_is_found_before_anything_is_written",),
    ),
    Mutant(
        "the trim of a list that has grown too long",
        "projector/commit/plan.py",
        {'            self.commands.append(pack(("LTRIM", key, 0, bound - 1)))\n': ""},
        ("tests/integration/projector/worker/test_cases.py::test_the_history_is_bounded_to_the_newest_newest_first",),
    ),
    Mutant(
        "what changed of statistics, as far as the commit knows",
        "projector/fold/statistics.py",
        {"map(ne, seldom, self._written)": "map(lambda now, then: then is None is not now, seldom, self._written)"},
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
        _SHARED,
        {"or refuse_checkpoint(checkpoint, last_id)": f"or {_STANDS_ELSEWHERE}"},
        (f"{_GUARDS}::test_a_commit_that_was_broken_off_is_found_by_the_next_commit_too",),
    ),
    Mutant(
        "torn, looked for by a session that begins",
        _INSPECT,
        {"refuse_checkpoint(checkpoint, last_id)": _STANDS_ELSEWHERE},
        (f"{_GUARDS}::test_half_a_commit_is_found_though_nothing_follows_it",),
    ),
    Mutant(
        "the WATCH of a commit",
        "projector/commit/link.py",
        {'("WATCH", *watched)': '("PING",)'},
        (f"{_CARRIED}::test_what_another_has_committed_in_between_stands",),
    ),
    Mutant(
        "the lease among what a commit watches",
        _CARRIER,
        {"[keys.lease, keys.checkpoint] if": "[keys.checkpoint] if"},
        (f"{_CARRIED}::test_a_lease_that_is_lost_in_between_lets_nothing_pass",),
    ),
    Mutant(
        "the fence of a transaction",
        "projector/commit/fence.lua",
        {"return refuse_batch(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3]) or {'ok'}": "return {'ok'}"},
        (f"{_CARRIED}::test_what_the_fence_refuses_is_not_sent_and_the_link_goes_on",),
    ),
    Mutant(
        "the judgement of the fence, for which the writes wait",
        _CARRIER,
        {"judge(verdict, keys)": "pass"},
        (f"{_CARRIED}::test_what_the_fence_refuses_is_not_sent_and_the_link_goes_on",),
    ),
    Mutant(
        "the wait for the server's word that it has begun a transaction",
        "projector/commit/link.py",
        {
            '_, reply, _ = self.call_all([("WATCH", *watched), fence, ("MULTI",)])': (
                '_, reply = self.call_all([("WATCH", *watched), fence])'
            ),
            'self._usable.send_on, [*commands, pack(("EXEC",))])': (
                'self._usable.send_on, [pack(("MULTI",)), *commands, pack(("EXEC",))])\n'
                "        self._expected.append((lambda _reply: None, 0))"
            ),
        },
        (f"{_CARRIED}::test_an_account_that_may_not_do_all_of_it_writes_nothing_and_is_told_what_it_may_not",),
    ),
    Mutant(
        "the end of the transaction that a fence has refused",
        _CARRIER,
        {"            link.abandon()\n": ""},
        (f"{_CARRIED}::test_what_the_fence_refuses_is_not_sent_and_the_link_goes_on",),
    ),
    Mutant(
        "the refusal to send a transaction on another connection than it was begun on",
        "producer/connection/wire.py",
        {"if not self._connection.is_connected:": "if False:"},
        (f"{_CARRIED}::test_a_connection_that_another_thread_closes_in_between_lets_nothing_pass_on_a_new_one",),
    ),
    Mutant(
        "the look whether a transaction was executed at all",
        _CARRIER,
        {"if not replies:": "if not replies:\n                return then()\n            if False:"},
        (f"{_CARRIED}::test_what_another_has_committed_in_between_stands",),
    ),
    Mutant(
        "the look at what each command of a transaction has replied",
        _CARRIER,
        {"if isinstance(reply, RedisError):": "if False:"},
        (f"{_CARRIED}::test_a_key_of_another_type_fails_alone_and_is_named_with_its_cure",),
    ),
    Mutant(
        "the script in the place of a transaction where memory is full",
        _CARRIER,
        {"if not _is_full(replies):": "if True:"},
        (f"{_CARRIED}::test_with_memory_full_the_same_plan_goes_by_the_script",),
    ),
    Mutant(
        "the seq check",
        "projector/fold/sequence.py",
        {
            'return ("undecidable" if seq <= self.closed else "duplicate"), 0': 'return "new", 0',
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
            "  if exists then redis.call('XGROUP', 'DESTROY', log, ARGV[5]) end\n": "",
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
        {"if self._inspect():": "if self._inspect() and False:"},
        (f"{_FENCES}::test_entries_that_another_reader_took_are_projected_though_nothing_more_comes",),
    ),
    Mutant(
        "the identity of the log",
        _INSPECT,
        {"if added - length ~= tonumber(ARGV[4]) then": "if false then"},
        (f"{_FENCES}::test_an_entry_that_was_deleted_before_it_was_read_stops_the_projector",),
    ),
    Mutant(
        "the refusal of a rebuild without entries that are lost",
        "projector/shadow/rebuild.py",
        {"lost = max(0, ever - folded)": "lost, ever = 0, folded"},
        (f"{_LOSSES}::test_nobody_forgets_what_is_gone_until_it_is_accepted",),
    ),
    Mutant(
        "the count of lost entries",
        "projector/fold/fold.py",
        {"    history.checkpoint.lost += operation.entries\n": ""},
        (f"{_LOSSES}::test_a_second_loss_adds_up",),
    ),
    Mutant(
        "the check that nothing was deleted between the reckoning of a loss and its acceptance",
        "projector/commit/accept_loss.lua",
        {"if added - length ~= tonumber(ARGV[3]) then": "if false then"},
        (f"{_LOSSES}::test_what_is_deleted_after_the_reckoning_is_not_accepted_with_it",),
    ),
    Mutant(
        "entries added, raised by what a log that was replaced does not know",
        "projector/commit/accept_loss.lua",
        {"if ARGV[4] ~= '0' then": "if false then"},
        (f"{_LOSSES}::test_a_second_loss_adds_up",),
    ),
    Mutant(
        "the trim's bound by the checkpoint",
        _TRIM,
        {"local bound, holder = ARGV[2], ''": "local bound, holder = ARGV[4], ''"},
        (f"{_TRIMMING}::test_nothing_goes_beyond_the_checkpoint_whatever_the_archive_says",),
    ),
    Mutant(
        "the trim's bound by the archive",
        _TRIM,
        {"hold(ARGV[4], '')\n": ""},
        (f"{_TRIMMING}::test_nothing_goes_beyond_what_is_archived",),
    ),
    Mutant(
        "the trim's bound by what another group has not read",
        _TRIM,
        {"    hold(group['last-delivered-id'], 'group ' .. group.name)\n": ""},
        (f"{_TRIMMING}::test_what_another_group_has_not_read_stays",),
    ),
    Mutant(
        "the trim's bound by what another group has not acknowledged",
        _TRIM,
        {"if group.pending > 0 then": "if false then"},
        (f"{_TRIMMING}::test_what_another_group_has_not_acknowledged_stays",),
    ),
    Mutant(
        "the trim's bound by the runs in flight",
        _TRIM,
        {"if ARGV[5] ~= '' then": "if false then"},
        (f"{_TRIMMING}::test_the_start_of_a_run_in_flight_stays_until_the_run_has_ended",),
    ),
    Mutant(
        "the trim's comparison of ids as numbers",
        _TRIM,
        {"if padded(id) < padded(bound) then": "if id < bound then"},
        (f"{_TRIMMING}::test_ids_are_compared_as_numbers_of_64_bits",),
    ),
    Mutant(
        "the lease check of the trim",
        _TRIM,
        {"or refuse_lease(KEYS[2], ARGV[1]) ": ""},
        (f"{_TRIMMING}::test_who_lost_the_lease_trims_nothing",),
    ),
    Mutant(
        "the count of what was trimmed",
        _TRIM,
        {"if removed > 0 then redis.call('HINCRBY', checkpoint, 'trimmed', removed) end\n": ""},
        (f"{_TRIMMING}::test_what_is_projected_goes_if_no_archive_is_wanted_and_is_counted",),
    ),
    Mutant(
        "the count of what was trimmed, as the next commit writes it",
        "projector/worker/trimming.py",
        {"checkpoint.trimmed = int(trimmed)": "_ = trimmed"},
        (f"{_TRIMMING}::test_trimming_under_load_changes_nothing_of_the_projection_whatever_the_batches",),
    ),
    Mutant(
        "the refusal of a swap onto a key that somebody made meanwhile",
        "projector/commit/swap.lua",
        {"if not replaced[KEYS[k]] and": "if false and"},
        (
            "tests/integration/projector/restore/test_restore.py::"
            "test_an_entry_that_a_producer_appends_meanwhile_is_not_replaced",
        ),
    ),
    Mutant(
        "the hash of the manifest before, examined",
        "projector/evidence/examination.py",
        {"if manifest.previous != (self.hashes[-1] if self.hashes else None):": "if False:"},
        (f"{_EXAMINED}::test_a_single_segment_written_anew_with_its_manifest_is_named",),
    ),
    Mutant(
        "what the log says of the heads before, examined",
        "projector/evidence/examination.py",
        {"if self.hashes[number - 1] != head:": "if False:"},
        (f"{_EXAMINED}::test_a_chain_written_anew_shows_by_what_the_log_says_in_the_archive",),
    ),
    Mutant(
        "the hash of a segment that is read",
        "projector/archive/archive.py",
        {"if found != manifest.sha256:": "if False:"},
        ("tests/unit/projector/archive/test_archive.py::test_a_hole_a_changed_segment_and_a_broken_chain_are_named",),
    ),
    Mutant(
        "the look for a head of before",
        "projector/evidence/examination.py",
        {"if head and head not in walk.hashes:": "if False:"},
        (f"{_EXAMINED}::test_a_chain_written_anew_shows_by_an_old_head_and_a_head_of_before_still_stands",),
    ),
    Mutant(
        "the refusal to replace a file of the archive",
        "projector/archive/place.py",
        {"os.link(temporary, path)": "os.replace(temporary, path)"},
        ("tests/unit/projector/archive/test_place.py::test_a_file_is_created_once_and_never_replaced",),
    ),
    Mutant(
        "the comparison of a segment without a manifest with the log",
        "projector/archive/archiver.py",
        {"if entry != expected:": "if False:"},
        (f"{_ARCHIVER}::test_a_segment_that_does_not_fit_the_log_is_named_and_stays",),
    ),
    Mutant(
        "the comparison of the archive's end with the log",
        "projector/archive/archiver.py",
        {"if not same or not": "if not"},
        (f"{_ARCHIVER}::test_a_log_that_has_other_entries_since_a_failover_is_refused",),
    ),
    Mutant(
        "the comparison of the archive's head with what the log was told",
        "projector/archive/archiver.py",
        {"!= (told, checkpoint.archive_head):": "!= (told, manifest.hash if manifest else None):"},
        (f"{_ARCHIVER}::test_an_archive_whose_head_is_not_the_one_that_the_log_knows_is_refused",),
    ),
    Mutant(
        "the refusal of an archive that lacks what was trimmed",
        "projector/archive/archiver.py",
        {"if self._total < checkpoint.trimmed:": "if False:"},
        (f"{_ARCHIVER}::test_an_archive_that_lacks_entries_which_were_trimmed_is_refused",),
    ),
    Mutant(
        "the archive's end as the least id of new entries, once a failover has taken that end from the log",
        "projector/archive/archiver.py",
        {'                self._send("XSETID", self._keys.wal, newest.last_id)\n': ""},
        (f"{_ARCHIVER}::test_after_a_failover_to_a_clock_that_is_behind_new_entries_come_behind_the_archive",),
    ),
    Mutant(
        "the comparison of the end of a rebuild's archive with the log",
        "projector/shadow/archived.py",
        {"log.newest(1, last=where)": "()"},
        (f"{_REBUILT}::test_an_archive_that_ends_between_entries_of_the_log_is_refused",),
    ),
    Mutant(
        "the refusal to accept as lost what may be archived",
        "projector/shadow/rebuild.py",
        {"if self._archive is None and archived_to:": "if False:"},
        (f"{_REBUILT}::test_a_loss_is_accepted_only_beside_the_archive_which_may_have_what_is_gone",),
    ),
    Mutant(
        "what keeps an operation in its queue until it has arrived",
        "producer/delivery/sender.py",
        {
            "            if arrived and not confirming:\n                self._remove(queue, batch[:arrived])\n": (
                "            self._remove(queue, batch)\n"
            ),
        },
        (
            "tests/integration/producer/spool/test_spool.py::"
            "test_a_connection_that_breaks_in_the_middle_of_a_batch_loses_and_doubles_nothing",
            "tests/chaos/short/test_spools.py::test_writers_that_are_killed_lose_nothing_whether_or_not_the_server_is_there",
        ),
    ),
    Mutant(
        "the look at the entry before a page, which a trim may have taken",
        "projector/trail/trail.py",
        {"if page and page[0][0].decode() == stands:": "if page:"},
        (f"{_TRAIL}::test_what_is_archived_and_trimmed_between_two_pages_is_found",),
    ),
    Mutant(
        "the look into the archive anew where the stream ends backwards",
        "projector/trail/trail.py",
        {"archive.refresh()  # what was before it": "pass  # what was before it"},
        (f"{_TRAIL}::test_backwards_it_is_found_as_well",),
    ),
    Mutant(
        "the escapes of JSON, in which a text that is wanted may hide from the sieve",
        "projector/search/sieve.py",
        {"if needle not in raw:": "if needle not in raw:\n                return False\n            if False:"},
        (f"{_SCAN}::test_a_name_is_found_however_its_letters_are_written",),
    ),
    Mutant(
        "the wait of an end for its start, in records made from the log",
        "projector/search/joined.py",
        {"if found.waits:": "if False:"},
        (f"{_JOINED}::test_what_waits_for_its_start_holds_back_what_is_older",),
    ),
    Mutant(
        "the checks of a snapshot",
        "projector/snapshot/snapshots.py",
        {"if found != expected:": "if False:"},
        (f"{_SNAPSHOTS}::test_one_of_another_chain_is_reported_and_passed_over",),
    ),
    Mutant(
        "the checkpoint as the last that a shadow gets",
        "projector/shadow/history_writer.py",
        {"if rendered.key == keys.checkpoint:": "if False:"},
        (f"{_REBUILT}::test_a_rebuild_that_was_broken_off_while_it_wrote_begins_anew",),
    ),
    Mutant(
        "the check that the archive is this log's",
        "projector/shadow/archived.py",
        {"if not same:": "if False:"},
        (f"{_REBUILT}::test_an_archive_of_another_log_is_refused",),
    ),
    Mutant(
        "the deletion of rollups that have expired",
        "projector/fold/rollups/buckets.py",
        {"if self._committed is None or self.start is None else": "if True else"},
        (f"{_ROLLUPS}::test_the_first_entry_after_a_restart_deletes_what_has_expired_meanwhile",),
    ),
    Mutant(
        "the names of a bucket that only Redis has, as part of its bound",
        "projector/fold/rollups/buckets.py",
        {"len(self._rows) + self._elsewhere -": "len(self._rows) -"},
        (
            "tests/unit/projector/fold/rollups/test_rollups.py::"
            "test_names_that_only_redis_has_count_against_the_bound_of_a_bucket",
        ),
    ),
    Mutant(
        "the failed runs in Redis, loaded before others are counted",
        "projector/fold/history.py",
        {"loaded=not self.failures_elsewhere or action_id in self.actions.dropped": "loaded=True"},
        (f"{_ROLLUPS}::test_a_takeover_loads_the_rows_that_its_batch_needs",),
    ),
    Mutant(
        "the key by which a script is refused while its slot moves",
        "projector/commit/link.py",
        {"len(keys) + 1, *keys, absent": "len(keys) + 1, *keys, keys[0]"},
        (
            "tests/integration/projector/worker/test_cluster.py::"
            "test_while_the_slot_moves_key_by_key_no_commit_is_written_by_half_and_afterwards_all_is_projected",
        ),
    ),
    Mutant(
        "the agreement on the number of partitions, before a spool is delivered",
        "producer/delivery/sender.py",
        {"self._agree(self._timeout)": "pass"},
        (
            "tests/integration/producer/partitions/test_agreement.py::"
            "test_a_spool_goes_on_taking_operations_until_it_is_agreed",
        ),
    ),
)
