#!/bin/sh
# Starts Redis with redis.conf for sidecars whose prefix is "signpost". They come as
# the user signpost, with the password in /run/secrets/redis_password, and may do
# what sidecars do; nobody else may do anything. Redis itself learns the password's
# hash alone: let it be long and drawn at random (openssl rand -hex 32).
set -eu

hash=$(tr -d '\n' </run/secrets/redis_password | sha256sum | cut -d ' ' -f 1)

exec redis-server /etc/redis/redis.conf \
	--user default off \
	--user signpost on "#$hash" \
	resetkeys '~{signpost}:*' '~{signpost:s*}:*' resetchannels '&{signpost}:*' -@all \
	'+cluster|shards' '+cluster|slots' +discard +eval +evalsha +ping +publish +punsubscribe '+script|load' \
	+subscribe +sunsubscribe +unsubscribe \
	+del +exists +hdel +hget +hgetall +hmget +hrandfield +hscan +hset +hstrlen +pexpire +pttl +set +time +type \
	+unlink +zadd +zcard +zcount +zrange +zrangebyscore +zrem +zremrangebyscore +zscore
