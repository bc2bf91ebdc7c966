-- Write down how many partitions producers record to, and how many are projected and read: the most there ever were.
--
-- KEYS[1] {ns}:partitions   KEYS[2] {ns}:partitions:read   KEYS[3] a key that is never there
-- ARGV[1] the new number   ARGV[2] the most partitions that there can be
-- returns what both held before (0: nothing, or no number of partitions), and how many are read now
local function number(key)
  local text = redis.call('GET', key)
  local found = text and string.match(text, '^%d+$') and tonumber(text) or 0
  return found <= tonumber(ARGV[2]) and found or 0
end
local written, read = number(KEYS[1]), number(KEYS[2])
local most = math.max(written, read, tonumber(ARGV[1]))
-- With memory full the server refuses no DEL, and then no later write of this script either.
redis.call('DEL', KEYS[3])
redis.call('SET', KEYS[2], string.format('%d', most))
redis.call('SET', KEYS[1], ARGV[1])
return {written, read, most}
