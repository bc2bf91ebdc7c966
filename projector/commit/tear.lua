-- Mark a commit of which a write was refused within EXEC, so that no projector goes on from it.
--
-- KEYS[1] the lease   KEYS[2] the checkpoint
-- ARGV[1] the token of the lease ('' for a shadow, which has none)
-- ARGV[2] the checkpoint's last_id that the commit wrote   ARGV[3] the id of the batch's first entry
-- returns {'ok'}, or a refusal of fences.lua: the projection has gone on, or was made anew
local refused = ARGV[1] ~= '' and refuse_lease(KEYS[1], ARGV[1]) or refuse_checkpoint(KEYS[2], ARGV[2])
if refused then return refused end
redis.call('HSET', KEYS[2], 'torn', ARGV[3])
return {'ok'}
