-- Counts a probe that succeeded, by keeping its place, and closes the cell for all
-- when that makes the number. A probe whose lease has ended counts for nothing.
-- KEYS: records, index, places. ARGV: channel, policy, field, id, member, the
-- number, how long places are kept.
local places, member, keep = KEYS[3], ARGV[5], tonumber(ARGV[7])
local score = redis.call('ZSCORE', places, member)
if not score or tonumber(score) <= clock() then
	return
end
redis.call('ZADD', places, whole(kept), member)
stay(places, keep)
if redis.call('ZCOUNT', places, whole(kept), '+inf') >= tonumber(ARGV[6]) then
	close(KEYS[1], KEYS[2], places, ARGV[1], ARGV[2], ARGV[3], ARGV[4])
end
