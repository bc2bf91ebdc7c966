-- Trim the log's head by one step. An entry goes only if nobody needs it any more.
--
-- KEYS[1] the log   KEYS[2] the lease   KEYS[3] the checkpoint
-- ARGV[1] the token of the lease   ARGV[2] last_id as I know it; its entry stays, because a commit begins there
-- ARGV[3] the projector's consumer group, for which the checkpoint stands
-- ARGV[4] the last entry that the archive has   ARGV[5] the start of the oldest run in flight, '' for none
-- ARGV[6] ms for which each entry stays   ARGV[7] how many entries stay   ARGV[8] how many may go at once
-- returns {'ok', entries removed, entries ever trimmed, wanted, held, holder}, or a refusal of fences.lua
-- Entries before `wanted` are old enough to go; those from `held` on stay for `holder`: 'run', 'group <name>', or ''.
local log, checkpoint = KEYS[1], KEYS[3]
local refused = refuse_type(log, 'stream') or refuse_type(KEYS[2], 'string') or refuse_type(checkpoint, 'hash')
  or refuse_lease(KEYS[2], ARGV[1]) or refuse_checkpoint(checkpoint, ARGV[2]) or refuse_gone(log, ARGV[2])
if refused then return refused end

-- A number in Lua does not hold an id exactly; texts of one length compare as the numbers in them.
local function padded(id)
  local ms, number = string.match(id, '^(%d+)-(%d+)$')
  return string.rep('0', 20 - #ms) .. ms .. string.rep('0', 20 - #number) .. number
end

local bound, holder = ARGV[2], ''
local function hold(id, by)
  if padded(id) < padded(bound) then bound, holder = id, by end
end

local now = redis.call('TIME')
hold(ARGV[4], '')
hold(string.format('%.0f-0', math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[6])), '')
local wanted = bound
if ARGV[5] ~= '' then hold(ARGV[5], 'run') end
for _, told in ipairs(redis.call('XINFO', 'GROUPS', log)) do
  local group = {}
  for i = 1, #told, 2 do group[told[i]] = told[i + 1] end
  if group.name ~= ARGV[3] then
    hold(group['last-delivered-id'], 'group ' .. group.name)
    if group.pending > 0 then hold(redis.call('XPENDING', log, group.name)[2], 'group ' .. group.name) end
  end
end

local spare = math.min(redis.call('XLEN', log) - ARGV[7], tonumber(ARGV[8]))
if spare < 1 then return {'ok', 0, redis.call('HGET', checkpoint, 'trimmed'), wanted, bound, ''} end
-- With memory full the server refuses no HDEL, and then no later write of this script either.
redis.call('HDEL', checkpoint, 'torn')
local removed = redis.call('XTRIM', log, 'MINID', '~', bound, 'LIMIT', spare)
if removed > 0 then redis.call('HINCRBY', checkpoint, 'trimmed', removed) end
return {'ok', removed, redis.call('HGET', checkpoint, 'trimmed'), wanted, bound, holder}
