-- Reads some records of a policy, from a cursor on: the next cursor, and a record
-- and its field in turn, each with the time that it has to go, which is 0 when
-- probes may pass.
-- KEYS: records. ARGV: cursor, about how many.
local now = clock()
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local found = {page[1]}
for i = 1, #page[2], 2 do
	local id, till = parse(page[2][i + 1])
	if id then
		table.insert(found, id)
		table.insert(found, whole(math.max(till - now, 0)))
		table.insert(found, page[2][i])
	end
end
return found
