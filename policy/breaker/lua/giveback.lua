-- Gives back the place of a probe that said nothing.
-- KEYS: places. ARGV: member.
redis.call('ZREM', KEYS[1], ARGV[1])
