-- Put a shadow in the place of the projection. Readers see the old projection or the new one, never a mixture.
--
-- KEYS[1] the lease   KEYS[2] the shadow's checkpoint
-- KEYS[3 … 2+n] every key of the projection
-- KEYS[3+n …] every key of the shadow, and behind them, in the same order, the new name of each
-- ARGV[1] the token of the lease   ARGV[2] the shadow's last_id   ARGV[3] n
-- returns {'ok'}
--      or {'lease', holder}
--      or {'checkpoint', last_id, torn}  of the shadow
local holder = redis.call('GET', KEYS[1])
if holder ~= ARGV[1] then return {'lease', holder or ''} end
local stands = redis.call('HMGET', KEYS[2], 'last_id', 'torn')
if (stands[1] or '') ~= ARGV[2] or stands[2] then
  return {'checkpoint', stands[1] or '', stands[2] or ''}
end
local old = tonumber(ARGV[3])
for k = 3, 2 + old do redis.call('DEL', KEYS[k]) end
local shadows = (#KEYS - 2 - old) / 2
for k = 3 + old, 2 + old + shadows do redis.call('RENAME', KEYS[k], KEYS[k + shadows]) end
return {'ok'}
