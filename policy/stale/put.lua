-- Keeps an answer in place of those that it supersedes ("put"), or ends those ("end"), or forgets them
-- ("drop"). What was ended is remembered, so that no sidecar gives it from memory either.
--
-- KEYS[2] is the index of the shard: a sorted set of name:size by when they expire, and of bytes, whose
-- score is the sum of the sizes, negative. It is one key, so that Redis can only lose both or neither.
local index, what = KEYS[2], ARGV[2]
local at, keep, bound = now - tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local vary, payload = ARGV[6], ARGV[7]
local keyOverhead, variantOverhead = tonumber(ARGV[8]), tonumber(ARGV[9])
local name = string.match(key, '[^:]+$')
local prefix = string.sub(key, 1, -#name - 1)

local list, there = variants()
if not there and what ~= 'put' then
  return 0
end

-- What a variant occupies: the usual allocator has four sizes to each doubling, and 16 bytes at least.
local function sizeOf(v)
  local step = 16
  while step * 8 < v.bytes do
    step = step * 2
  end
  return variantOverhead + #v.vary + math.ceil(v.bytes / step) * step
end

-- What stays of the variants, and what is added. Where there are too many, those that were ended give way,
-- then those stored first.
local before, size, kept = keyOverhead, keyOverhead, {}
for _, v in ipairs(list) do
  before = before + sizeOf(v)
  local superseded, later = matches(v.vary), v.stored > at
  if superseded and later and what == 'put' then
    return 0 -- This one was overtaken.
  elseif superseded and not later and what == 'end' then
    v.stored, v.bytes, v.payload = at, 0, ''
  end
  if v.payload or v.stored >= now - keep * 1000 and (later or not superseded) then
    kept[#kept + 1] = v
    size = size + sizeOf(v)
  end
end
if what == 'put' then
  local new = {stored = at, bytes = #payload, vary = vary, payload = payload}
  size = size + sizeOf(new)
  while #kept == 8 or #kept > 0 and size > bound do
    local first = 1
    for i = #kept, 1, -1 do
      if kept[i].bytes == 0 then
        first = i
      end
    end
    size = size - sizeOf(table.remove(kept, first))
  end
  kept[#kept + 1] = new
end

-- Room in the shard: what expires first goes first.
local total, kind = 0, redis.call('TYPE', index).ok
if kind == 'zset' then
  total = math.max(0 - (tonumber(redis.call('ZSCORE', index, 'bytes')) or 0), 0)
elseif kind ~= 'none' then
  redis.call('UNLINK', index)
end

local function forget(member)
  local other, size = string.match(member, '^(.+):(%d+)$')
  if redis.call('ZREM', index, member) == 1 then
    total = math.max(total - (tonumber(size) or 0), 0)
  end
  return other
end

local function oldest(till, n)
  return redis.call('ZRANGEBYSCORE', index, 1, till, 'LIMIT', 0, n)
end

-- The keys that go are of the same shard, and so of the same slot. Each makes room for at least its overhead,
-- so this ends long before it is stopped.
local function fits()
  for _ = 1, 4096 do
    if size > bound or total + size <= bound then
      return size <= bound
    end
    local member = oldest('+inf', 1)[1]
    if not member then
      total = 0
      return true
    end
    local other = forget(member)
    if other and other ~= name then
      redis.call('UNLINK', prefix .. other)
    end
  end
  return false
end

if #list > 0 then
  forget(string.format('%s:%.0f', name, before))
end
for _, member in ipairs(oldest(now, 16)) do
  forget(member) -- Its key expired with it.
end

-- The key itself.
local room = #kept > 0 and fits()
if there and (not room or #list == 0) then
  redis.call('UNLINK', key)
end
if room then
  local used, free, lines, fields = {}, {}, {}, {}
  for _, v in ipairs(kept) do
    used[v.slot or ''] = true
  end
  for slot = 0, 7 do
    if not used[tostring(slot)] then
      free[#free + 1] = tostring(slot)
    end
  end
  for i, v in ipairs(kept) do
    v.slot = v.slot or table.remove(free)
    if v.payload then
      fields[#fields + 1], fields[#fields + 2] = v.slot, v.payload
    end
    lines[i] = string.format('%s:%.0f:%.0f:%s\n', v.slot, v.stored, v.bytes, v.vary)
  end
  if #list > 0 and #free > 0 then
    redis.call('HDEL', key, unpack(free))
  end
  local lasts = what == 'drop' and redis.call('PTTL', key) or keep
  redis.call('HSET', key, 'm', table.concat(lines), unpack(fields))
  redis.call('PEXPIRE', key, lasts)
  if redis.call('ZADD', index, now + lasts * 1000, string.format('%s:%.0f', name, size)) == 1 then
    total = total + size
  end
end
redis.call('ZADD', index, 0 - total, 'bytes')
if redis.call('PTTL', index) < keep then
  redis.call('PEXPIRE', index, keep)
end
return room and 1 or 0
