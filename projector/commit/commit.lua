-- Commit a folded batch, if nothing has changed since it was read; otherwise write nothing.
--
-- KEYS[1] the log   KEYS[2] the lease   KEYS[3] the checkpoint   KEYS[4…] every key that is written
-- ARGV[1] the token of the lease ('' for a shadow, which has none)   ARGV[2] the lease's TTL in ms
-- ARGV[3] the checkpoint's last_id that the batch was folded from ('' before the first entry)
-- ARGV[4] the id of the batch's first entry
-- ARGV[5] n   ARGV[6 … 5+n] pieces of one text, packed by MessagePack, three lists: for each KEYS[4…] the type it may
--         have; the checkpoint's fields and values; the writes, as text: command, index in KEYS, number of values, the
--         values. In pieces, because a server may take no argument of more than a MiB.
-- ARGV[6+n …] more writes in the same form, whose values may be no text
-- PUSH among the commands is our own: its values are the bound of a list, and what is pushed onto its head
-- returns {'ok'}, or a refusal of fences.lua
--      or {'neighbour', id}               the batch does not follow the checkpoint in the log
--      or {'refused', key, error}         a write was refused, and `torn` says that half is written
local refused = refuse_type(KEYS[1], 'stream') or refuse_type(KEYS[2], 'string') or refuse_type(KEYS[3], 'hash')
  or ARGV[1] ~= '' and refuse_lease(KEYS[2], ARGV[1]) or refuse_checkpoint(KEYS[3], ARGV[3])
if refused then return refused end

-- The neighbour fence: no entry between the checkpoint and the batch was taken by another reader.
local gone, after = refuse_gone(KEYS[1], ARGV[3])
if gone then return gone end
if after ~= ARGV[4] then return {'neighbour', after} end

local more = 6 + tonumber(ARGV[5])
local types, checkpoint, writes = unpack(cmsgpack.unpack(table.concat(ARGV, '', 6, more - 1)))
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
refused = write_all(writes, 1) or write_all(ARGV, more)
if refused then return refused end
redis.call('HSET', KEYS[3], unpack(checkpoint))
redis.call('HDEL', KEYS[3], 'torn')
if ARGV[1] ~= '' then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
return {'ok'}
