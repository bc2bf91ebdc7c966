-- Give a sign of life, and see which workers live.
--
-- KEYS[1] the registry: by the id of a worker what it says of itself, by `<id> until` how long it counts as alive, as the
--         server's time in ms
-- ARGV[1] my id   ARGV[2] what I say of myself   ARGV[3] ms for which I count as alive
-- returns id and what it says of itself, alternately, of every worker that lives, mine too
local registry, now = KEYS[1], redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
-- With memory full the server refuses no HDEL, and then no later write of this script either.
redis.call('HDEL', registry, '')
if redis.call('HGET', registry, ARGV[1]) ~= ARGV[2] then redis.call('HSET', registry, ARGV[1], ARGV[2]) end
redis.call('HSET', registry, ARGV[1] .. ' until', string.format('%.0f', now + ARGV[3]))
redis.call('PEXPIRE', registry, 10 * ARGV[3])

local rows, read, live = {}, redis.call('HGETALL', registry), {}
for i = 1, #read, 2 do rows[read[i]] = read[i + 1] end
for field, value in pairs(rows) do
  local id = string.match(field, '^(.*) until$')
  if id and tonumber(value) and tonumber(value) >= now and rows[id] then
    live[#live + 1] = id
    live[#live + 1] = rows[id]
  elseif id then
    redis.call('HDEL', registry, field, id)
  end
end
return live
