-- Check that log and projection belong together, and renew the lease. At the start of a session also reset the group.
--
-- KEYS[1] the log   KEYS[2] the lease   KEYS[3] the checkpoint   KEYS[4] the quarantine
-- KEYS[5…] the other keys that every projection has
-- ARGV[1] the token of the lease       ARGV[2] the lease's TTL in ms
-- ARGV[3] last_id as I know it ('' before the first entry)
-- ARGV[4] entries trimmed by the projector
-- ARGV[5] the consumer group, to set it to the checkpoint; '' to leave it alone
-- ARGV[6] entries read, for the group's lag
-- ARGV[7…] for each KEYS[5…] the type it may have
-- returns {'ok', id of the entry after last_id or ''}
--      or {'lease', holder}
--      or {'checkpoint', last_id, torn}
--      or {'gone', last_id}                       the checkpoint's entry is not in the log
--      or {'deleted', entries added, length, trimmed}  entries were deleted or trimmed by somebody else
--      or {'headless', key}                       a key of the projection without a checkpoint
--      or {'quarantine', found, expected}         it holds entries that nobody set aside, or from beyond last_id
--      or {'type', key, found, expected}
local function refuse_type(key, expected)
  local found = redis.call('TYPE', key).ok
  if found ~= expected and found ~= 'none' then return {'type', key, found, expected} end
end

local log, lease, checkpoint, quarantine = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local refused = refuse_type(log, 'stream') or refuse_type(lease, 'string') or refuse_type(checkpoint, 'hash')
  or refuse_type(quarantine, 'stream')
if refused then return refused end
for k = 5, #KEYS do
  refused = refuse_type(KEYS[k], ARGV[k + 2])
  if refused then return refused end
end

local holder = redis.call('GET', KEYS[2])
if holder ~= ARGV[1] then return {'lease', holder or ''} end

local stands = redis.call('HMGET', KEYS[3], 'last_id', 'torn', 'quarantined')
if (stands[1] or '') ~= ARGV[3] or stands[2] then
  return {'checkpoint', stands[1] or '', stands[2] or ''}
end
if not stands[1] then
  for k = 4, #KEYS do
    if redis.call('EXISTS', KEYS[k]) == 1 then return {'headless', KEYS[k]} end
  end
end

-- Entries that the bound pushed out still count as set aside: the quarantine may hold fewer, never more.
local set_aside = tonumber(stands[3] or 0) or 0
local beyond = redis.call('XRANGE', quarantine, stands[1] and '(' .. stands[1] or '-', '+', 'COUNT', 1)[1]
local held = redis.call('XLEN', quarantine)
if beyond or held > set_aside then return {'quarantine', beyond and beyond[1] or held, set_aside} end

local after = ''
if ARGV[3] == '' then
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  after = first and first[1] or ''
else
  local next = redis.call('XRANGE', KEYS[1], ARGV[3], '+', 'COUNT', 2)
  if not next[1] or next[1][1] ~= ARGV[3] then return {'gone', ARGV[3]} end
  after = next[2] and next[2][1] or ''
end

local exists = redis.call('EXISTS', KEYS[1]) == 1
if exists then
  local info, length, added = redis.call('XINFO', 'STREAM', KEYS[1]), nil, nil
  for i = 1, #info, 2 do
    if info[i] == 'length' then length = info[i + 1] end
    if info[i] == 'entries-added' then added = info[i + 1] end
  end
  if added - length ~= tonumber(ARGV[4]) then return {'deleted', added, length, ARGV[4]} end
end

if ARGV[5] ~= '' then
  -- With memory full the server refuses no HDEL, and then no later write. It would refuse XGROUP CREATE alone.
  redis.call('HDEL', KEYS[3], 'torn')
  if exists then redis.call('XGROUP', 'DESTROY', KEYS[1], ARGV[5]) end
  local from = ARGV[3] == '' and '0-0' or ARGV[3]
  redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[5], from, 'MKSTREAM', 'ENTRIESREAD', ARGV[6])
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {'ok', after}
