-- Presume runs dead: append an operation for each run that is unchanged and whose producer is still silent.
--
-- KEYS[1] the log   KEYS[2] the lease   KEYS[3] in_flight   KEYS[4…] the heartbeat of each run's producer
-- ARGV[1] the token of the lease
-- ARGV[2…] for each run: its field in in_flight, the value seen there, the operation to append
-- returns {'ok', how many were appended, id of the last or ''}, or a refusal by lease
--      or {'full', error}    the server refuses to write; nothing was appended
local refused = refuse_lease(KEYS[2], ARGV[1])
if refused then return refused end

local appended, last = 0, ''
for k = 4, #KEYS do
  local at = 3 * k - 10
  if redis.call('HGET', KEYS[3], ARGV[at]) == ARGV[at + 1] and redis.call('EXISTS', KEYS[k]) == 0 then
    local id = redis.pcall('XADD', KEYS[1], '*', 'op', ARGV[at + 2])
    if type(id) == 'table' then return {'full', id.err} end
    appended, last = appended + 1, id
  end
end
return {'ok', appended, last}
