-- Decides about one call of a tenant. Either every window has room for it and every
-- limit on calls in flight and every claim has a place, and the call is counted in
-- all of them, or it is counted in none. Time is Redis's own.
--
-- A window is a field of a hash, whose value is a log in bytes: 4 of how many calls
-- count, then the marks, oldest first. A mark is 7 bytes of when the youngest of its
-- calls was counted, in microseconds, and 4 of how many calls it stands for. So a log
-- is read from either end without taking it apart. Places are a sorted set of members
-- by the millisecond in which their leases end.
--
-- KEYS: the tenant's hash, the hash of all tenants together, the one that newcomers
-- share when there is no room, who has come (a sorted set by the millisecond in which
-- the tenant's hash expires), when whom was counted in the shared hash (a hash by
-- groups of tenants), then the places of calls in flight, then those of claims.
--
-- ARGV: take or look; how many windows of the tenant there are, of all together, limits
-- on calls in flight, and claims; the tenant's name when it is bounded how many like it
-- there are, else nothing; that bound; the tenant's group; how many permits are wanted;
-- the member that stands for this call; how many milliseconds it does; the names of all
-- windows; for each window how many calls and how many microseconds; for each limit on
-- calls in flight how many, how many members are known to have ended, and those; for
-- each claim the member, how many places there are, and its milliseconds.
--
-- The reply: 0 for a call that is counted, 1 for a window without room, 2 for calls in
-- flight, 3 for a claim; which of them; how long to wait; the time; when the call was
-- counted; how many permits were taken; 1 when newcomers' shared hash counted them; for
-- each window how many calls count and how long until that changes; for each limit on
-- calls in flight how many there are. Spans are in microseconds.
--
-- This runs for every call of every process, alone on one core: what is rare is in
-- functions that are only made where they are needed, and the rest runs straight down.
local HEAD, MARK, SLICES = 4, 11, 32 -- Bytes before the marks; bytes of a mark; slices of a window.
local FULL = (SLICES + 1) * MARK -- Bytes of the marks of a full log.
local MARGIN = 10000 -- By how many milliseconds a hash outlives what it counts, so that few calls set its expiry.
local LEASE = 1000000 -- Microseconds for which permits are taken in advance at most.
local FIXED, NAMES = 5, 11 -- Keys before the places; arguments before the names.
local EMPTY, ONE = '\0\0\0\0', '\0\0\0\1'

local KEYS, ARGV, call, byte, char, sub = KEYS, ARGV, redis.call, string.byte, string.char, string.sub
local counting, newcomer = ARGV[1] == 'take', ARGV[6]
local own, all, gates, claims = 0 + ARGV[2], 0 + ARGV[3], 0 + ARGV[4], 0 + ARGV[5]
local windows = own + all

local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local nowMs = (now - now % 1000) / 1000

-- The time of the mark that begins at a byte.
local function timeAt(log, i)
  local a, b, c, d, e, f, g = byte(log, i, i + 6)
  return (((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f) * 256 + g
end

-- The number of calls that begins at a byte.
local function callsAt(log, i)
  local a, b, c, d = byte(log, i, i + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

-- A number in 4 bytes, and in 7.
local function four(number)
  local d = number % 256
  number = (number - d) / 256
  local c = number % 256
  number = (number - c) / 256
  local b = number % 256
  return char((number - b) / 256, b, c, d)
end
local function seven(number)
  local low = number % 4294967296
  return sub(four((number - low) / 4294967296), 2) .. four(low)
end

-- When the oldest calls of a log expire, calls of them in number.
local function freeAt(log, mark, calls, span)
  calls = calls - callsAt(log, mark + 7)
  while calls > 0 and mark + MARK < #log do -- A log that somebody broke ends early.
    mark = mark + MARK
    calls = calls - callsAt(log, mark + 7)
  end
  return timeAt(log, mark) + span
end

-- Lets a key live for so many milliseconds at least. Says whether that was news.
local function keep(key, ms)
  if call('PTTL', key) >= ms then
    return false
  end
  call('PEXPIRE', key, math.ceil(ms) + MARGIN)
  return true
end

-- The logs that a hash holds of the windows whose names stand from one argument to
-- another. A key that somebody made something else of is dropped: it would be in the way
-- of its tenant for ever, and of all others each time.
local function read(key, from, to)
  local logs = redis.pcall('HMGET', key, unpack(ARGV, from, to))
  if logs.err then
    call('UNLINK', key)
    return {}
  end
  return logs
end

-- The logs of all windows: of the tenant's own, then of those of all together.
local hash, found, missing, strayed = KEYS[1], false, false, false
local logs = own > 0 and read(hash, NAMES + 1, NAMES + own) or {}
if all > 0 then
  for i, log in ipairs(read(KEYS[2], NAMES + own + 1, NAMES + windows)) do
    logs[own + i] = log
  end
end
for w = 1, windows do
  local log = logs[w]
  if not log or #log % MARK ~= HEAD then
    logs[w] = EMPTY
    missing = missing or w <= own
  else
    found = found or w <= own
  end
end

-- A window of the tenant's is missing, and it may be a newcomer, or have been one. One
-- that has just come shares a hash when there is no room. One that has not, or no longer,
-- starts with what was counted there while it shared it, as if all that had been its own.
if missing then
  -- Two of those whose hashes have expired are forgotten for each who asks.
  local function vacancy()
    local gone = call('ZRANGEBYSCORE', KEYS[4], '-inf', nowMs, 'LIMIT', 0, 2)
    if #gone > 0 then
      call('ZREM', KEYS[4], unpack(gone))
    end
    return call('ZCARD', KEYS[4]) < 0 + ARGV[7]
  end

  -- What was counted in the shared hash until the tenant's last call there.
  local function inherit(w)
    local span = ARGV[NAMES + windows + 2 * w]
    local log = strayed + span > now and call('HGET', KEYS[3], ARGV[NAMES + w]) or EMPTY
    local marks, total, last = {}, 0, 0
    for i = HEAD + 1, #log, MARK do
      local before, calls = last, sub(log, i + 7, i + 10)
      last = timeAt(log, i)
      if before >= strayed and last > strayed then
        break
      end
      total = total + callsAt(calls, 1)
      marks[#marks + 1] = seven(math.min(last, strayed)) .. calls
    end
    return four(total) .. table.concat(marks)
  end

  local fresh = counting and newcomer ~= '' and not found and call('EXISTS', hash) == 0
  if fresh and not vacancy() then
    hash = KEYS[3]
    for i, log in ipairs(call('HMGET', hash, unpack(ARGV, NAMES + 1, NAMES + own))) do
      logs[i] = log or EMPTY
    end
  else
    local since = fresh and call('HGET', KEYS[5], ARGV[8]) or call('HGET', hash, 'strayed')
    strayed = since and 0 + since
    for w = 1, strayed and own or 0 do
      if logs[w] == EMPTY then
        logs[w] = inherit(w)
      end
    end
    strayed = fresh and strayed
  end
end

-- What the windows come to without the marks that are one span old, by number: where
-- the marks begin, when the oldest and the youngest are of, how many calls count. There
-- is room for the usual number, so that few tables grow.
local firsts, oldest, youngest = {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}
local totals, limits, spans = {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}
local kind, which, free = 0, 0, now
for w = 1, windows do
  local log, first, old, young, total = logs[w], HEAD + 1, 0, 0, 0
  local limit, span = 0 + ARGV[NAMES + windows + 2 * w - 1], 0 + ARGV[NAMES + windows + 2 * w]
  local dead, size = now - span, #log
  if size > HEAD then
    young = timeAt(log, size - 10)
    if young > dead then
      total, old = callsAt(log, 1), timeAt(log, first)
      while old <= dead do
        total = total - callsAt(log, first + 7)
        first = first + MARK
        old = timeAt(log, first)
      end
    else
      first = size + 1
    end
  end
  if total >= limit then
    local at = freeAt(log, first, total - limit + 1, span)
    if at > free then
      kind, which, free = 1, w, at
    end
  end
  firsts[w], oldest[w], youngest[w], totals[w], limits[w], spans[w] = first, old, young, total, limit, span
end

-- How many calls are in flight, without those whose leases have ended or that are known
-- to have.
local flying, argument = {}, NAMES + 3 * windows
for i = 1, gates do
  local key, n, ended = KEYS[FIXED + i], 0 + ARGV[argument + 1], 0 + ARGV[argument + 2]
  argument = argument + 2 + ended
  if ended > 0 then
    call('ZREM', key, unpack(ARGV, argument - ended + 1, argument))
  end
  if counting then
    call('ZREMRANGEBYSCORE', key, '-inf', nowMs)
  end
  flying[i] = call('ZCOUNT', key, '(' .. nowMs, '+inf')
  if kind == 0 and flying[i] >= n then
    kind, which = 2, i
  end
end

-- Which claim cannot be met. Who has a place already needs no other.
for i = 1, claims do
  local key, claim = KEYS[FIXED + gates + i], argument + 3 * i
  call('ZREMRANGEBYSCORE', key, '-inf', nowMs)
  if kind == 0 and not call('ZSCORE', key, ARGV[claim - 2]) and call('ZCARD', key) >= 0 + ARGV[claim - 1] then
    kind, which, free = 3, i, call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] * 1000
  end
end

-- One permit is counted now. Several are at the end of the shortest slice that now lies
-- in, or of a lease, and are at most an eighth of what is left anywhere.
local taken, at = counting and kind == 0 and 1 or 0, now
if taken == 1 and ARGV[9] ~= '1' then
  taken, at = 0 + ARGV[9], now + LEASE
  for w = 1, windows do
    local slice = math.ceil(spans[w] / SLICES)
    taken = math.min(taken, math.floor((limits[w] - totals[w]) / 8))
    at = math.min(at, now - now % slice + slice - 1)
  end
  if taken <= 1 then
    taken, at = 1, now
  end
end

if taken > 0 then
  local stamp, calls = seven(at), taken == 1 and ONE or four(taken)
  local fields, till = {0, 0, 0, 0, 0, 0, 0, 0}, {0, 0}
  for w = 1, windows do
    local log, first, last, span = logs[w], firsts[w], #logs[w] - 10, spans[w]
    local time, mark, count, stays = at, stamp, calls, #log
    if last < first then
      oldest[w] = at
    else
      -- A log whose clock stepped back goes on at its latest time.
      local slice = math.ceil(span / SLICES)
      if youngest[w] > at then
        time, mark = youngest[w], sub(log, last, last + 6)
      end
      if limits[w] > SLICES and youngest[w] - youngest[w] % slice == time - time % slice or last + MARK - first >= FULL then
        count, stays = four(callsAt(log, last + 7) + taken), last - 1
        oldest[w] = last == first and time or oldest[w]
      end
    end
    totals[w] = totals[w] + taken
    logs[w], firsts[w] = four(totals[w]) .. sub(log, first, stays) .. mark .. count, HEAD + 1
    fields[2 * w - 1], fields[2 * w] = ARGV[NAMES + w], logs[w]
    local side = w <= own and 1 or 2
    till[side] = math.max(till[side], time + span)
  end

  -- Drops windows that no limit asks for any more, among a few picked at random.
  local function prune(key)
    local some = call('HRANDFIELD', key, 8, 'WITHVALUES')
    for i = 1, #some, 2 do
      local span, log = string.match(some[i], '/(%d+)us$'), some[i + 1]
      if span and #log > HEAD and timeAt(log, #log - 10) + span <= now then
        call('HDEL', key, some[i])
      end
    end
  end

  if own > 0 then
    call('HSET', hash, unpack(fields, 1, 2 * own))
    local ms = (till[1] - now) / 1000
    local longer = keep(hash, ms)
    if longer then
      prune(hash)
    end
    if hash == KEYS[3] then
      call('HSET', KEYS[5], ARGV[8], string.format('%.0f', at))
      keep(KEYS[5], ms)
    elseif newcomer ~= '' then
      if longer then
        call('ZADD', KEYS[4], nowMs + math.ceil(ms) + MARGIN, newcomer)
        keep(KEYS[4], ms + MARGIN)
      end
      if strayed then
        call('HSET', hash, 'strayed', string.format('%.0f', strayed))
      end
    end
  end
  if all > 0 then
    call('HSET', KEYS[2], unpack(fields, 2 * own + 1, 2 * windows))
    if keep(KEYS[2], (till[2] - now) / 1000) then
      prune(KEYS[2])
    end
  end
  for i = 1, gates do
    call('ZADD', KEYS[FIXED + i], nowMs + ARGV[11], ARGV[10])
    keep(KEYS[FIXED + i], 0 + ARGV[11])
    flying[i] = flying[i] + 1
  end
  for i = 1, claims do
    local key, claim = KEYS[FIXED + gates + i], argument + 3 * i
    call('ZADD', key, nowMs + ARGV[claim], ARGV[claim - 2])
    keep(key, 0 + ARGV[claim])
  end
end

local reply = {kind, which, free - now, now, at, taken, hash == KEYS[3] and 1 or 0}
for w = 1, windows do
  local total, room = totals[w], 0
  if total > limits[w] then
    room = freeAt(logs[w], firsts[w], total - limits[w] + 1, spans[w]) - now
  elseif total > 0 then
    room = oldest[w] + spans[w] - now
  end
  reply[#reply + 1] = total
  reply[#reply + 1] = room
end
for i = 1, gates do
  reply[#reply + 1] = flying[i]
end
return reply
