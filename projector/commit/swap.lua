-- Put a shadow in the place of the projection. Readers see the old projection or the new one, never a mixture.
--
-- KEYS[1] the lease   KEYS[2] the shadow's checkpoint
-- KEYS[3 … 2+n] every key of the projection
-- KEYS[3+n …] every key of the shadow, and behind them, in the same order, the new name of each
-- ARGV[1] the token of the lease   ARGV[2] the shadow's last_id   ARGV[3] n
-- ARGV[4] what is to stand in the shadow's checkpoint as trimmed
-- returns {'ok'}, or a refusal by lease or by the shadow's checkpoint
--      or {'taken', key}                 a new name is another's than one of the old projection
local refused = refuse_lease(KEYS[1], ARGV[1]) or refuse_checkpoint(KEYS[2], ARGV[2])
if refused then return refused end
local old, replaced = tonumber(ARGV[3]), {}
for k = 3, 2 + old do replaced[KEYS[k]] = true end
local shadows = (#KEYS - 2 - old) / 2
for k = 3 + old + shadows, #KEYS do
  if not replaced[KEYS[k]] and redis.call('EXISTS', KEYS[k]) == 1 then return {'taken', KEYS[k]} end
end
if ARGV[2] ~= '' then
  -- With memory full the server refuses no HDEL, and then no later write.
  redis.call('HDEL', KEYS[2], 'torn')
  redis.call('HSET', KEYS[2], 'trimmed', ARGV[4])
end
for k = 3, 2 + old do redis.call('DEL', KEYS[k]) end
for k = 3 + old, 2 + old + shadows do redis.call('RENAME', KEYS[k], KEYS[k + shadows]) end
return {'ok'}
