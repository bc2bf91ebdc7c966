-- Put a loss on record, if log and shadow are as they were when it was reckoned.
--
-- KEYS[1] the log   KEYS[2] the lease   KEYS[3] the shadow's checkpoint
-- ARGV[1] the token of the lease   ARGV[2] the shadow's last_id
-- ARGV[3] entries added and no longer there, as they were reckoned with
-- ARGV[4] by how much to raise what the log says was ever added to it, so that its count is that of the projection
-- ARGV[5] the operation to append; '' for none: only the count is raised
-- returns {'ok'}, or a refusal by type, lease or checkpoint
--      or {'meanwhile', entries}         so many more were deleted meanwhile
local refused = refuse_type(KEYS[1], 'stream') or refuse_lease(KEYS[2], ARGV[1]) or refuse_checkpoint(KEYS[3], ARGV[2])
if refused then return refused end

local function facts()
  local found, info = {}, redis.call('EXISTS', KEYS[1]) == 1 and redis.call('XINFO', 'STREAM', KEYS[1]) or {}
  for i = 1, #info, 2 do found[info[i]] = info[i + 1] end
  return found['entries-added'] or 0, found['length'] or 0, found['last-generated-id']
end

local added, length, last_id = facts()
if added - length ~= tonumber(ARGV[3]) then return {'meanwhile', added - length - tonumber(ARGV[3])} end
-- With memory full the server refuses no HDEL, and then no later write.
redis.call('HDEL', KEYS[3], 'torn')
if ARGV[5] ~= '' then
  redis.call('XADD', KEYS[1], '*', 'op', ARGV[5])
  added, length, last_id = facts()
end
if ARGV[4] ~= '0' then redis.call('XSETID', KEYS[1], last_id, 'ENTRIESADDED', added + tonumber(ARGV[4])) end
return {'ok'}
