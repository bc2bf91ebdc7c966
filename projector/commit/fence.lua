-- Judge whether a folded batch may be committed. Writes nothing.
--
-- KEYS[1] the log   KEYS[2] the lease   KEYS[3] the checkpoint
-- ARGV[1] the token of the lease ('' for a shadow, which has none)
-- ARGV[2] the checkpoint's last_id that the batch was folded from ('' before the first entry)
-- ARGV[3] the id of the batch's first entry
-- returns {'ok'}, or a refusal of fences.lua
return refuse_batch(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3]) or {'ok'}
