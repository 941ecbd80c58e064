-- Records what somebody ordered about a policy and its parts by hand, and tells
-- all. It replaces what was ordered of the parts, and ends all records of cells.
-- An order is "<id> <kind> <when given> <end, or 0> <when forgotten>".
-- KEYS: orders, then all keys of the cells. ARGV: channel, policy, id, kind, how
-- long ago it was given, how long it lasts or 0, how long it is kept at least, how
-- many there may be.
local orders, policy = KEYS[1], ARGV[2]
local age, left, keep, max = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local now, till = clock(), 0
if left > 0 then
	till, keep = now + left, math.max(keep, left)
end
local all, n = redis.call('HGETALL', orders), 0
for i = 1, #all, 2 do
	local gone = tonumber(string.match(all[i + 1], '(%d+)$')) or 0
	if gone <= now or all[i] == policy or string.sub(all[i], 1, #policy + 1) == policy .. '.' then
		redis.call('HDEL', orders, all[i])
	else
		n = n + 1
	end
end
if n < max then
	redis.call('HSET', orders, policy,
		table.concat({ARGV[3], ARGV[4], whole(now - age), whole(till), whole(now + keep)}, ' '))
	stay(orders, keep)
end
for i = 2, #KEYS do
	redis.call('DEL', KEYS[i])
end
tell(ARGV[1], 'order', policy, ARGV[3], ARGV[4], whole(age), whole(left))
