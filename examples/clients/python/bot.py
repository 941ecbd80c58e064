"""A bot that asks for orders through Signpost.

bot.py <order> [<tenant>] answers one question; bot.py alone holds a
conversation: it reads messages, one a line, and answers each.
"""

import os
import re
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


def converse(messages, tenant):
    """Gives an answer to each message."""
    for message in messages:
        order = re.search(r"[0-9]+", message)
        yield answer(order.group(), tenant) if order else "Which order? Please tell me its number."


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8")
    if len(sys.argv) > 1:
        print(answer(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "acme"))
    else:
        for said in converse(sys.stdin, os.environ.get("TENANT", "acme")):
            print(said, flush=True)
