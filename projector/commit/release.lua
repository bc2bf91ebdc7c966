-- Give the lease back, if it is mine, so that a standby takes over at once.
--
-- KEYS[1] the lease
-- ARGV[1] my token
-- returns 1 if it was mine, else 0
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
