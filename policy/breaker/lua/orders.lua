-- Reads what is ordered by hand: policy, id, kind, how long ago it was given, how
-- long it has to go or 0. A hold that has ended is a reset by now.
-- KEYS: orders.
local now, found = clock(), {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
	local id, kind, at, till = string.match(all[i + 1], '^(%S+) (%S+) (%d+) (%d+) %d+$')
	if id then
		local left = 0
		if tonumber(till) > 0 then
			left = till - now
			if left <= 0 then
				kind, at, left = 'reset', till, 0
			end
		end
		table.insert(found, all[i])
		table.insert(found, id)
		table.insert(found, kind)
		table.insert(found, whole(math.max(now - at, 0)))
		table.insert(found, whole(left))
	end
end
return found
