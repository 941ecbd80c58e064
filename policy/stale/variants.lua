-- What both scripts begin with. An answer's key is a hash: m lists its variants, a line each of
-- slot:stored:bytes:vary, and the field of a slot's number holds so many bytes of payload, none where the
-- variant was ended. Vary is Name=digest,Name=digest with the digests that a request must have, an empty
-- one for a header that it must not have. The request, ARGV[1], is ,Name=digest,Name=digest, or * for any.
-- Times are in µs.
local key, request = KEYS[1], ARGV[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local function matches(vary)
  if request == '*' then
    return true
  end
  for header, digest in string.gmatch(vary, '([^=,]+)=([^,]*)') do
    local there = string.find(request, ',' .. header .. '=', 1, true)
    if digest ~= '' then
      there = not string.find(request, ',' .. header .. '=' .. digest .. ',', 1, true)
    end
    if there then
      return false
    end
  end
  return true
end

-- Gives the variants, the one stored first first, and whether the key is there. What is no list of
-- variants is not from these scripts, and what is not stored yet is from before the clock was set back.
local function variants()
  local list, kind = {}, redis.call('TYPE', key).ok
  if kind ~= 'hash' or redis.call('HSTRLEN', key, 'm') > 16384 then
    return list, kind ~= 'none'
  end
  for slot, stored, bytes, vary in string.gmatch(redis.call('HGET', key, 'm') or '', '([0-7]):(%d+):(%d+):([^\n]*)\n') do
    if #stored <= 16 and tonumber(stored) <= now and #bytes <= 8 and #list < 8 then
      list[#list + 1] = {slot = slot, stored = tonumber(stored), bytes = tonumber(bytes), vary = vary}
    end
  end
  return list, true
end
