#!/usr/bin/env bash
# A bot that asks for an order through Signpost: bot.sh <order> [<tenant>]
set -euo pipefail
order=$1
tenant=${2:-acme}

# The headers of the answer; none when the gateway is away.
headers=$(curl --silent --max-time 5 --dump-header - --output /dev/null \
	--header "X-Tenant-ID: $tenant" \
	"${SIGNPOST_URL:-http://localhost:8080}/store/orders/$order") || headers=

# header prints the value of a header, whose name is in lower case.
header() {
	printf '%s\n' "$headers" | tr -d '\r' | awk -F ': ' -v name="$1" 'tolower($1) == name { print $2 }'
}

case $(header signpost-route) in
shipped)
	eta=$(header signpost-var-eta)
	printf 'Order %s is on its way and arrives %b.\n' "$order" "${eta//%/\\x}"
	;;
not_found) echo "I cannot find order $order." ;;
busy) echo "That was a lot of questions. Please ask again in $(header retry-after) seconds." ;;
*) echo "The store is not answering. Let me ask a colleague." ;;
esac
