-- Keeps places of calls in flight for so many milliseconds from now, or gives them up.
--
-- KEYS: the places' sorted set for each. ARGV: the milliseconds, 0 to give up, then the
-- member for each.
local clock = redis.call('TIME')
local ms = 0 + ARGV[1]
for i, key in ipairs(KEYS) do
  if ms == 0 then
    redis.call('ZREM', key, ARGV[i + 1])
  else
    redis.call('ZADD', key, clock[1] * 1000 + math.floor(clock[2] / 1000) + ms, ARGV[i + 1])
    if redis.call('PTTL', key) < ms then
      redis.call('PEXPIRE', key, ms)
    end
  end
end
return 1
