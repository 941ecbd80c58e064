package breaker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxTries is how often reading records is tried anew after 20 ms, in case that
	// the link says so a moment before Redis is there. Each return is a new chance.
	maxTries = 50

	// pageSize is about how many records are read at once.
	pageSize = 256

	// maxPages bounds the reading of one policy's.
	maxPages = 1000
)

// catchUp reads what is to be read.
func (p *Peers) catchUp(ctx context.Context) {
	p.mu.Lock()
	unread, behind := p.unread, p.behind
	p.unread, p.behind = map[string]bool{}, false
	p.mu.Unlock()
	if behind {
		for _, name := range p.registry.names() {
			unread[name] = true
		}
	}
	if len(unread) == 0 || p.read(ctx, unread) == nil {
		return
	}
	p.mu.Lock()
	p.behind = p.behind || behind
	maps.Copy(p.unread, unread)
	p.tries--
	again := p.tries > 0
	p.mu.Unlock()
	if again {
		p.rouse()
	}
}

// read reads orders, and the records of policies, and tells what Redis does not know.
func (p *Peers) read(ctx context.Context, policies map[string]bool) error {
	retold, err := p.readOrders(ctx)
	if err != nil {
		return err
	}
	for _, policy := range slices.Sorted(maps.Keys(policies)) {
		if slices.ContainsFunc(retold, func(name string) bool { return isPartOf(policy, name) }) {
			continue // Their records are about to go.
		}
		if err := p.readRecords(ctx, policy); err != nil {
			return err
		}
	}
	p.registry.teller.tell()
	return nil
}

// readOrders obeys orders that were given while this sidecar did not hear, and tells
// its own that Redis does not know: the later one counts. It gives the policies of
// those.
func (p *Peers) readOrders(ctx context.Context) (retold []string, err error) {
	lines, err := p.link.Run(ctx, 0, ordersScript, []string{p.ordersKey()}, nil).AsStrSlice()
	if err != nil {
		return nil, fmt.Errorf("reading orders: %w", err)
	}
	theirs := map[string]*order{}
	for len(lines) >= 5 {
		l := newLines(strings.Join(lines[:5], "\n"))
		if o := l.order(); l.good {
			theirs[o.policy] = o
		}
		lines = lines[5:]
	}
	// A policy comes before its parts.
	for _, name := range p.registry.names() {
		ours, o := p.registry.latest(name), theirs[name]
		switch {
		case ours == nil && (o == nil || !o.held && o.since.Before(p.made)):
		case ours == nil || o != nil && ours.id != o.id && ours.since.Before(o.since):
			p.registry.impose(o)
		case ours.policy != name:
		case o != nil && ours.id == o.id:
			p.heardOf(ours)
		case o != nil || ours.holds() || p.waits(ours):
			p.tellOrder(ours, p.registry.parts(name))
			retold = append(retold, name)
		}
	}
	return retold, nil
}

// heardOf notes that Redis knows an order of this sidecar's.
func (p *Peers) heardOf(o *order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if given := p.given[o.policy]; given != nil && given.id == o.id {
		delete(p.given, o.policy)
	}
}

// waits tells whether an order of this sidecar's is not known to Redis yet.
func (p *Peers) waits(o *order) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	given := p.given[o.policy]
	return given != nil && given.id == o.id
}

// readRecords opens the cells of a policy as their records say, and tells the trips
// that have none.
func (p *Peers) readRecords(ctx context.Context, policy string) error {
	known := map[cellKey]bool{}
	cursor := "0"
	for range maxPages {
		page, err := p.link.Run(ctx, 0, recordsScript, []string{p.recordsKey(policy)},
			[]string{cursor, strconv.Itoa(pageSize)}).AsStrSlice()
		if err == nil && len(page) == 0 {
			err = errors.New("no cursor")
		}
		if err != nil {
			return fmt.Errorf("reading records: %w", err)
		}
		cursor = page[0]
		p.hearRecords(policy, page[1:], known)
		if cursor == "0" {
			break
		}
	}
	for _, b := range p.registry.breakersOf(policy) {
		for _, x := range append(b.hosts.all(), b.tenants.all()...) {
			if !known[x.key] {
				x.retell(p)
			}
		}
	}
	return nil
}

// hearRecords obeys a page of records.
func (p *Peers) hearRecords(policy string, page []string, known map[cellKey]bool) {
	for ; len(page) >= 3; page = page[3:] {
		l := newLines(page[0] + "\n" + page[1])
		record, left := l.name(maxID), l.span(MaxSpan)
		k, ok := parseField(page[2])
		if !ok || !l.good {
			continue
		}
		known[k] = true
		p.hearRecord(policy, k, record, left)
	}
}

// names gives the policies, a whole one before its parts.
func (r *Registry) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.named))
}

// parts gives a policy and its parts.
func (r *Registry) parts(policy string) []string {
	return slices.DeleteFunc(r.names(), func(name string) bool { return !isPartOf(name, policy) })
}

// latest gives the order that is in force for a policy, nil if there never was one.
func (r *Registry) latest(policy string) *order {
	r.mu.Lock()
	h := r.hands[policy]
	r.mu.Unlock()
	if h == nil {
		return nil
	}
	return h.standing()
}
