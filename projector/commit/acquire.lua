-- Take the lease of a namespace, if nobody has it.
--
-- KEYS[1] the lease
-- ARGV[1] my new token   ARGV[2] TTL in ms   ARGV[3] my token of before ('' for none), which this one replaces
-- returns {'ok'}
--      or {'lease', holder, remaining ms}
--      or {'type', key, found, expected}
local found = redis.call('TYPE', KEYS[1]).ok
if found ~= 'string' and found ~= 'none' then return {'type', KEYS[1], found, 'string'} end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[3] then
  return {'lease', holder, redis.call('PTTL', KEYS[1])}
end
-- The server refuses SET as a first write when memory is full, and then nobody could trim. DEL it never refuses.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'ok'}
