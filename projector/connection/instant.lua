-- Read many keys at one instant, where a MULTI will not do: with memory full, the server queues no command.
--
-- KEYS    the keys that the commands read
-- ARGV    for each command: how many words it has, and these
-- returns the replies, in order; a command's error stands in its place
local replies, at = {}, 1
while at < #ARGV do
  local last = at + tonumber(ARGV[at])
  replies[#replies + 1] = redis.pcall(unpack(ARGV, at + 1, last))
  at = last + 1
end
return replies
