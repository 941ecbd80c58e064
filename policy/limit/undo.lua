-- Takes back what was counted for calls that were not sent, and gives up places.
--
-- KEYS: the hash that counted the tenant's windows, the one of all tenants together,
-- then places. ARGV: how many windows there are of each hash; when the calls were
-- counted; how many they were; for each window its name and how many microseconds it
-- is long; for each place the member. Logs are as in take.lua.
local HEAD, MARK = 4, 11

local function number(log, from, width)
  local n = 0
  for i = from, from + width - 1 do
    n = n * 256 + string.byte(log, i)
  end
  return n
end

local function four(n)
  return string.char(math.floor(n / 16777216), math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256)
end

-- The log without so many of the calls of the first mark that is not older than a time:
-- marks only move forward over younger calls. Nothing when no call is left.
local function without(log, at, calls)
  local mark = HEAD + 1
  while mark < #log and number(log, mark, 7) < at do
    mark = mark + MARK
  end
  if mark > #log then
    return log
  end
  local held = number(log, mark + 7, 4)
  local left = held - math.min(held, calls)
  local total = number(log, 1, 4) - held + left
  if total == 0 then
    return nil
  end
  local stays = left > 0 and string.sub(log, mark, mark + 6) .. four(left) or ''
  return four(total) .. string.sub(log, HEAD + 1, mark - 1) .. stays .. string.sub(log, mark + MARK)
end

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local own, all, at, calls = 0 + ARGV[1], 0 + ARGV[2], 0 + ARGV[3], 0 + ARGV[4]
for w = 1, own + all do
  local key, name, span = w <= own and KEYS[1] or KEYS[2], ARGV[3 + 2 * w], ARGV[4 + 2 * w]
  -- What has expired since has nothing to give back.
  local log = at + span > now and redis.call('HGET', key, name)
  if log and #log % MARK == HEAD then
    local rest = without(log, at, calls)
    if rest then
      redis.call('HSET', key, name, rest)
    else
      redis.call('HDEL', key, name)
    end
  end
end
for i = 3, #KEYS do
  redis.call('ZREM', KEYS[i], ARGV[2 + 2 * (own + all) + i])
end
return 1
