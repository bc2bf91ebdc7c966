-- Take the lease of a namespace, if nobody has it.
--
-- KEYS[1] the lease
-- ARGV[1] my new token   ARGV[2] TTL in ms   ARGV[3] my token of before ('' for none), which this one replaces
-- ARGV[4] the mark of a rebuild that took the lease from that token, and is done
-- returns {'ok'}, or {'lease', holder, remaining ms}, or a refusal by type
local refused = refuse_type(KEYS[1], 'string')
if refused then return refused end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[3] and holder ~= ARGV[4] then return {'lease', holder, redis.call('PTTL', KEYS[1])} end
-- The server refuses SET as a first write when memory is full, and then nobody could trim. DEL it never refuses.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'ok'}
