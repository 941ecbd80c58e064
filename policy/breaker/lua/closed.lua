-- Closes for all a cell that one sidecar found to be well.
-- KEYS: records, index, places. ARGV: channel, policy, field, id.
close(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
