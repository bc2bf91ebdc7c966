-- Check that log and projection belong together, and renew the lease. At the start of a session also reset the group.
--
-- KEYS[1] the log   KEYS[2] the lease   KEYS[3] the checkpoint   KEYS[4] the quarantine
-- KEYS[5…] the other keys that every projection has
-- ARGV[1] the token of the lease       ARGV[2] the lease's TTL in ms
-- ARGV[3] last_id as I know it ('' before the first entry)
-- ARGV[4] entries that the log may lack: trimmed by projectors, or lost and accepted
-- ARGV[5] the consumer group, to set it to the checkpoint; '' to leave it alone
-- ARGV[6] entries read, for the group's lag
-- ARGV[7…] for each KEYS[5…] the type it may have
-- returns {'ok', id of the entry after last_id or ''}, or a refusal of fences.lua
--      or {'deleted', entries added, length, may lack}  entries were deleted or trimmed by somebody else
--      or {'headless', key}                       a key of the projection without a checkpoint
--      or {'quarantine', found, expected}         it holds entries that nobody set aside, or from beyond last_id
local log, lease, checkpoint, quarantine = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local refused = refuse_type(log, 'stream') or refuse_type(lease, 'string') or refuse_type(checkpoint, 'hash')
  or refuse_type(quarantine, 'stream')
if refused then return refused end
for k = 5, #KEYS do
  refused = refuse_type(KEYS[k], ARGV[k + 2])
  if refused then return refused end
end

local last_id = ARGV[3]
refused = refuse_lease(lease, ARGV[1]) or refuse_checkpoint(checkpoint, last_id)
if refused then return refused end
if last_id == '' then
  for k = 4, #KEYS do
    if redis.call('EXISTS', KEYS[k]) == 1 then return {'headless', KEYS[k]} end
  end
end

-- Entries that the bound pushed out still count as set aside: the quarantine may hold fewer, never more.
local set_aside = tonumber(redis.call('HGET', checkpoint, 'quarantined') or 0) or 0
local beyond = redis.call('XRANGE', quarantine, last_id == '' and '-' or '(' .. last_id, '+', 'COUNT', 1)[1]
local held = redis.call('XLEN', quarantine)
if beyond or held > set_aside then return {'quarantine', beyond and beyond[1] or held, set_aside} end

local gone, after = refuse_gone(log, last_id)
if gone then return gone end

local exists = redis.call('EXISTS', log) == 1
if exists then
  local info, length, added = redis.call('XINFO', 'STREAM', log), nil, nil
  for i = 1, #info, 2 do
    if info[i] == 'length' then length = info[i + 1] end
    if info[i] == 'entries-added' then added = info[i + 1] end
  end
  if added - length ~= tonumber(ARGV[4]) then return {'deleted', added, length, ARGV[4]} end
end

if ARGV[5] ~= '' then
  -- With memory full the server refuses no HDEL, and then no later write. It would refuse XGROUP CREATE alone.
  redis.call('HDEL', checkpoint, 'torn')
  if exists then redis.call('XGROUP', 'DESTROY', log, ARGV[5]) end
  local from = last_id == '' and '0-0' or last_id
  redis.call('XGROUP', 'CREATE', log, ARGV[5], from, 'MKSTREAM', 'ENTRIESREAD', ARGV[6])
end
redis.call('PEXPIRE', lease, ARGV[2])
return {'ok', after}
