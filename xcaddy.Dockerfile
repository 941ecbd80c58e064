# A small image of Caddy with Signpost:
#
#	docker build -f xcaddy.Dockerfile -t signpost .
#	docker run --read-only --tmpfs /tmp -p 127.0.0.1:8080:8080 -v ./policies:/etc/caddy/policies:ro signpost
#
# configs/container/Caddyfile says what may be mounted.

FROM golang:1.26.8-alpine3.23 AS build
# The binary gets no capabilities: it binds no low port, and with them it would
# not start where a pod forbids privilege escalation.
ENV XCADDY_SETCAP=0
RUN go install github.com/caddyserver/xcaddy/cmd/xcaddy@v0.4.7
WORKDIR /src
COPY . .
RUN xcaddy build v2.11.9 --with github.com/signpost-gateway/signpost=. --output /caddy \
	&& /caddy list-modules | grep -q http.handlers.signpost

FROM alpine:3.23.5
RUN apk add --no-cache ca-certificates
COPY --from=build /caddy /usr/bin/caddy
COPY configs/container/Caddyfile /etc/caddy/Caddyfile
# Nothing is written but what Caddy keeps for itself.
ENV XDG_CONFIG_HOME=/tmp/config XDG_DATA_HOME=/tmp/data
USER 65532:65532
# Bots, and metrics.
EXPOSE 8080 9180
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
	CMD ["wget", "--quiet", "--output-document=/dev/null", "http://127.0.0.1:8080/health"]
ENTRYPOINT ["caddy"]
CMD ["run", "--config", "/etc/caddy/Caddyfile"]
