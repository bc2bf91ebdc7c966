-- Give the lease back, if it is mine, so that a standby takes over at once.
--
-- KEYS[1] the lease
-- ARGV[1] my token   ARGV[2] the mark that stays for ARGV[3] ms in its place, '' for none
-- returns 1 if it was mine, else 0
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
