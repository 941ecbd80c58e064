-- Opens a cell for all. A record that is still open stands: the first trip wins,
-- but for one by a probe of that very record. What stands is told in any case.
-- KEYS: records, index. ARGV: channel, policy, field, id, the record that was
-- probed, how long it opens, how long a record is kept after that, how many there
-- may be.
local records, index = KEYS[1], KEYS[2]
local channel, policy, field, id, prior = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local left, keep, max = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local now = clock()

local standing = redis.call('HGET', records, field)
local by, till = parse(standing)
if by and by ~= prior and tonumber(till) > now then
	id, left = by, till - now
else
	for _, over in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', whole(now), 'LIMIT', 0, 2)) do
		drop(records, index, over)
	end
	if not standing and redis.call('ZCARD', index) >= max then
		drop(records, index, redis.call('ZRANGE', index, 0, 0)[1])
	end
	redis.call('HSET', records, field, id .. ' ' .. whole(now + left))
	redis.call('ZADD', index, whole(now + left + keep), field)
	stay(records, left + keep)
	stay(index, left + keep)
end
tell(channel, 'open', policy, id, whole(left), field)
