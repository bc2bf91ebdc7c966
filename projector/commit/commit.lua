-- Commit a folded batch, if nothing has changed since it was read; otherwise write nothing.
--
-- KEYS[1] the log   KEYS[2] the lease   KEYS[3] the checkpoint   KEYS[4…] every key that is written
-- ARGV[1] the token of the lease ('' for a shadow, which has none)   ARGV[2] the lease's TTL in ms
-- ARGV[3] the checkpoint's last_id that the batch was folded from ('' before the first entry)
-- ARGV[4] the id of the batch's first entry
-- ARGV[5] packed by MessagePack, three lists: for each KEYS[4…] the type it may have; the checkpoint's fields and
--         values; the writes, as text: command, index in KEYS, number of values, the values
-- ARGV[6…] more writes in the same form, whose values may be no text
-- PUSH among the commands is our own: its values are the bound of a list, and what is pushed onto its head
-- returns {'ok'}
--      or {'lease', holder}               the lease is not mine
--      or {'checkpoint', last_id, torn}   the projection stands elsewhere, or half a commit was written
--      or {'neighbour', id}               the batch does not follow the checkpoint in the log
--      or {'gone', last_id}               the checkpoint's entry is not in the log
--      or {'type', key, found, expected}  a key has another type
--      or {'refused', key, error}         a write was refused, and `torn` says that half is written
local function type_of(key)
  return redis.call('TYPE', key).ok
end

local function refuse_type(key, expected)
  local found = type_of(key)
  if found ~= expected and found ~= 'none' then
    return {'type', key, found, expected}
  end
end

local refused = refuse_type(KEYS[1], 'stream') or refuse_type(KEYS[2], 'string') or refuse_type(KEYS[3], 'hash')
if refused then return refused end

if ARGV[1] ~= '' then
  local holder = redis.call('GET', KEYS[2])
  if holder ~= ARGV[1] then return {'lease', holder or ''} end
end

local stands = redis.call('HMGET', KEYS[3], 'last_id', 'torn')
if (stands[1] or '') ~= ARGV[3] or stands[2] then
  return {'checkpoint', stands[1] or '', stands[2] or ''}
end

-- The neighbour fence: no entry between the checkpoint and the batch was taken by another reader.
if ARGV[3] == '' then
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  if not first or first[1] ~= ARGV[4] then return {'neighbour', first and first[1] or ''} end
else
  local next = redis.call('XRANGE', KEYS[1], ARGV[3], '+', 'COUNT', 2)
  if not next[1] or next[1][1] ~= ARGV[3] then return {'gone', ARGV[3]} end
  if not next[2] or next[2][1] ~= ARGV[4] then return {'neighbour', next[2] and next[2][1] or ''} end
end

local types, checkpoint, writes = unpack(cmsgpack.unpack(ARGV[5]))
for k = 4, #KEYS do
  refused = refuse_type(KEYS[k], types[k - 3])
  if refused then return refused end
end

local function write_all(list, at)
  local length = #list
  while at <= length do
    local command, key, last = list[at], KEYS[tonumber(list[at + 1])], at + 2 + tonumber(list[at + 2])
    local reply
    if command == 'PUSH' then
      local bound = tonumber(list[at + 3])
      reply = redis.pcall('LPUSH', key, unpack(list, at + 4, last))
      if type(reply) == 'number' and reply > bound then reply = redis.pcall('LTRIM', key, 0, bound - 1) end
    else
      reply = redis.pcall(command, key, unpack(list, at + 3, last))
    end
    if type(reply) == 'table' and reply.err then return {'refused', key, reply.err} end
    at = last + 1
  end
end

-- With memory full the server refuses no HDEL, and then no later write of this script either.
redis.call('HDEL', KEYS[3], 'torn')
redis.call('HSET', KEYS[3], 'torn', ARGV[4])
refused = write_all(writes, 1) or write_all(ARGV, 6)
if refused then return refused end
redis.call('HSET', KEYS[3], unpack(checkpoint))
redis.call('HDEL', KEYS[3], 'torn')
if ARGV[1] ~= '' then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
return {'ok'}
