-- What the scripts below share. A record is "<id> <end of the open time>", under
-- "<host>" or "<host>\n<tenant>"; the index holds when each is forgotten. All times
-- are in ms, and Redis's own.

-- No clock reaches this score: it is that of a probe which succeeded.
local kept = 9000000000000

local function clock()
	local t = redis.call('TIME')
	return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function whole(n)
	return string.format('%d', n)
end

-- stay makes a key last for so long at least.
local function stay(key, ms)
	if redis.call('PTTL', key) < ms then
		redis.call('PEXPIRE', key, whole(ms))
	end
end

local function drop(records, index, field)
	redis.call('HDEL', records, field)
	redis.call('ZREM', index, field)
end

local function parse(record)
	if record then
		return string.match(record, '^(%S+) (%d+)$')
	end
end

local function tell(channel, ...)
	redis.call('PUBLISH', channel, table.concat({...}, '\n'))
end

-- close ends the record, unless a newer one has its place, and tells all.
local function close(records, index, places, channel, policy, field, id)
	if parse(redis.call('HGET', records, field)) == id then
		drop(records, index, field)
	end
	redis.call('DEL', places)
	tell(channel, 'closed', policy, id, field)
end
