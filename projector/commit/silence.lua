-- Find the producers that are silent, and the end of the log at the same instant.
--
-- KEYS[1] the log   KEYS[2] the lease   KEYS[3…] the heartbeat of each producer
-- ARGV[1] the token of the lease   ARGV[2] the lease's TTL in ms
-- returns {'ok', id of the log's last entry or '', for each heartbeat 1 if it is there, else 0}, or a refusal by lease
--      or {'full', error}    the server refuses to write: no heartbeat could have been renewed
local refused = refuse_lease(KEYS[2], ARGV[1])
if refused then return refused end

-- The server refuses this SET exactly when it refuses a producer's. Otherwise it renews the lease.
local renewed = redis.pcall('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
if renewed.err then return {'full', renewed.err} end

local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local found = {'ok', last and last[1] or ''}
for k = 3, #KEYS do found[k] = redis.call('EXISTS', KEYS[k]) end
return found
