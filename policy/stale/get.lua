-- Gives the age and the payload of the last answer to a request, and how long ago one was ended, -1 for
-- never. An answer that is older than ARGV[2] or larger than ARGV[3] is none: its payload is empty.
local last, ended
for _, v in ipairs((variants())) do
  if matches(v.vary) then
    if v.bytes == 0 then
      ended = math.max(ended or 0, v.stored)
    elseif not last or v.stored >= last.stored then
      last = v
    end
  end
end
local age, payload = 0, ''
if last and now - last.stored <= tonumber(ARGV[2]) and redis.call('HSTRLEN', key, last.slot) <= tonumber(ARGV[3]) then
  age, payload = now - last.stored, redis.call('HGET', key, last.slot) or ''
end
return {age, payload, ended and now - ended or -1}
