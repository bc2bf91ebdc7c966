-- The fences, which `Script` puts before each script of this folder. Each returns nil, or the refusal that the script
-- has to return:
--
--   {'lease', holder}                  the lease is not mine; '' if it has run out
--   {'checkpoint', last_id, torn}      the projection stands elsewhere, or half a commit was written
--   {'gone', last_id}                  the checkpoint's entry is not in the log
--   {'type', key, found, expected}     a key has another type
--   {'neighbour', id}                  the batch does not follow the checkpoint in the log
--
-- The last of KEYS, which `Script` adds, is of no use here: it never exists (see `projector/commit/link.py`).
table.remove(KEYS)

local function refuse_type(key, expected)
  local found = redis.call('TYPE', key).ok
  if found ~= expected and found ~= 'none' then return {'type', key, found, expected} end
end

local function refuse_lease(lease, token)
  local holder = redis.call('GET', lease)
  if holder ~= token then return {'lease', holder or ''} end
end

local function refuse_checkpoint(checkpoint, last_id)
  local stands = redis.call('HMGET', checkpoint, 'last_id', 'torn')
  if (stands[1] or '') ~= last_id or stands[2] then
    return {'checkpoint', stands[1] or '', stands[2] or ''}
  end
end

-- The refusal, and without it the id of the entry that follows `last_id` ('' before the first), '' if none does.
local function refuse_gone(log, last_id)
  if last_id == '' then
    local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    return nil, first and first[1] or ''
  end
  local found = redis.call('XRANGE', log, last_id, '+', 'COUNT', 2)
  if not found[1] or found[1][1] ~= last_id then return {'gone', last_id} end
  return nil, found[2] and found[2][1] or ''
end

-- The refusal of a batch that was folded from the checkpoint at `last_id`, and begins with the entry `first`. The last
-- of the fences tells that no entry between both was taken by another reader.
local function refuse_batch(log, lease, checkpoint, token, last_id, first)
  local refused = refuse_type(log, 'stream') or refuse_type(lease, 'string') or refuse_type(checkpoint, 'hash')
    or token ~= '' and refuse_lease(lease, token) or refuse_checkpoint(checkpoint, last_id)
  if refused then return refused end
  local gone, after = refuse_gone(log, last_id)
  if gone then return gone end
  if after ~= first then return {'neighbour', after} end
end
