"""A bot that asks for an order through Signpost: bot.py <order> [<tenant>]"""

import os
import sys
import urllib.error
import urllib.parse
import urllib.request

GATEWAY = os.environ.get("SIGNPOST_URL", "http://localhost:8080")


def ask(order, tenant):
    """Gives the headers of the answer; none when the gateway is away."""
    request = urllib.request.Request(
        f"{GATEWAY}/store/orders/{urllib.parse.quote(order, safe='')}",
        headers={"X-Tenant-ID": tenant},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.headers
    except urllib.error.HTTPError as refused:  # A 404 has a route, too.
        with refused:
            return refused.headers
    except OSError:
        return {}


def answer(order, tenant):
    """Is what the bot says about the order."""
    headers = ask(order, tenant)
    route = headers.get("Signpost-Route")
    if route == "shipped":
        eta = urllib.parse.unquote(headers["Signpost-Var-Eta"])
        return f"Order {order} is on its way and arrives {eta}."
    if route == "not_found":
        return f"I cannot find order {order}."
    if route == "busy":
        return f"That was a lot of questions. Please ask again in {headers['Retry-After']} seconds."
    return "The store is not answering. Let me ask a colleague."


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    print(answer(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "acme"))
