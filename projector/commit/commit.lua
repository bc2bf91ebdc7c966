-- Commit a folded batch, if nothing has changed since it was read; otherwise write nothing.
--
-- KEYS[1] the log   KEYS[2] the lease   KEYS[3] the checkpoint   KEYS[4…] the key of each write
-- ARGV[1] the token of the lease ('' for a shadow, which has none)   ARGV[2] the lease's TTL in ms
-- ARGV[3] the checkpoint's last_id that the batch was folded from ('' before the first entry)
-- ARGV[4] the id of the batch's first entry
-- ARGV[5] n   ARGV[6 … 5+n] the checkpoint's fields and values
-- ARGV[6+n …] for each KEYS[4…] a command, its number of values, the values
-- returns {'ok'}, or a refusal of fences.lua
--      or {'refused', key, error}         a write was refused, and `torn` says that half is written
local refused = refuse_batch(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[3], ARGV[4])
if refused then return refused end

local TYPES = {
  HSET = 'hash', HDEL = 'hash', LPUSH = 'list', LTRIM = 'list', ZADD = 'zset', ZREM = 'zset', XADD = 'stream',
  XDEL = 'stream',
}
local first = 6 + tonumber(ARGV[5])
local at = first
for k = 4, #KEYS do
  local expected = TYPES[ARGV[at]]
  refused = expected and refuse_type(KEYS[k], expected)
  if refused then return refused end
  at = at + 2 + tonumber(ARGV[at + 1])
end

-- With memory full the server refuses no HDEL, and then no later write of this script either.
redis.call('HDEL', KEYS[3], 'torn')
redis.call('HSET', KEYS[3], 'torn', ARGV[4])
at = first
for k = 4, #KEYS do
  local last = at + 1 + tonumber(ARGV[at + 1])
  local reply = redis.pcall(ARGV[at], KEYS[k], unpack(ARGV, at + 2, last))
  if type(reply) == 'table' and reply.err then return {'refused', KEYS[k], reply.err} end
  at = last + 1
end
redis.call('HSET', KEYS[3], unpack(ARGV, 6, first - 1))
redis.call('HDEL', KEYS[3], 'torn')
if ARGV[1] ~= '' then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
return {'ok'}
