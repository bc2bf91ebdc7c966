-- Read many keys at one instant, where a MULTI will not do: with memory full, the server queues no command.
--
-- KEYS[i] the key of the i-th command
-- ARGV    for each of KEYS: how many words the command has, these; how many arguments follow the key, these
-- returns the replies, in order; a command's error stands in its place
local replies, at = {}, 1
for i, key in ipairs(KEYS) do
  local words, call = tonumber(ARGV[at]), {}
  for w = 1, words do call[#call + 1] = ARGV[at + w] end
  call[#call + 1] = key
  at = at + words + 1
  for a = 1, tonumber(ARGV[at]) do call[#call + 1] = ARGV[at + a] end
  at = at + tonumber(ARGV[at]) + 1
  replies[i] = redis.pcall(unpack(call))
end
return replies
