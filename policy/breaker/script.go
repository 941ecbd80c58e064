package breaker

import (
	"strconv"
	"time"

	"github.com/redis/rueidis"

	_ "embed" // The scripts are files of their own.
)

// What Redis keeps.
const (
	// keepRecord is how long a record is kept after its open time, for sidecars
	// that come while nobody has probed. One that comes later begins closed.
	keepRecord = 10 * time.Minute

	// keepOrder is how long an order by hand is kept at least. Sidecars that have
	// been on since keep a hold for as long as it lasts.
	keepOrder = 30 * 24 * time.Hour

	// maxOrders is how many policies and parts may have an order that is kept.
	// Those beyond are told to the sidecars that are on, and not kept.
	maxOrders = 1024
)

var (
	//go:embed lua/common.lua
	commonLua string
	//go:embed lua/trip.lua
	tripLua string
	//go:embed lua/probed.lua
	probedLua string
	//go:embed lua/closed.lua
	closedLua string
	//go:embed lua/giveback.lua
	giveBackLua string
	//go:embed lua/order.lua
	orderLua string
	//go:embed lua/records.lua
	recordsLua string
	//go:embed lua/orders.lua
	ordersLua string
)

var (
	tripScript     = newScript(tripLua)
	probedScript   = newScript(probedLua)
	closedScript   = newScript(closedLua)
	giveBackScript = newScript(giveBackLua)
	orderScript    = newScript(orderLua)
	recordsScript  = newScript(recordsLua)
	ordersScript   = newScript(ordersLua)
)

func newScript(text string) *rueidis.Lua { return rueidis.NewLuaScript(commonLua + text) }

// Scripts gives what Redis is to know before the first call.
func (p *Peers) Scripts() []*rueidis.Lua {
	return []*rueidis.Lua{
		tripScript, probedScript, closedScript, giveBackScript, orderScript, recordsScript, ordersScript,
	}
}

// recordsKey is where the records of a policy's cells are, and indexKeys where it
// says when those of hosts and those of tenants are forgotten.
func (p *Peers) recordsKey(policy string) string { return p.link.Key("b:" + policy) }

func (p *Peers) indexKeys(policy string) (hosts, tenants string) {
	return p.link.Key("b:" + policy + ":h"), p.link.Key("b:" + policy + ":t")
}

func (p *Peers) ordersKey() string { return p.link.Key("orders") }

// placesKey is where the probes of a record have their places.
func (p *Peers) placesKey(record string) string { return p.link.Key("p:" + record) }

// keys are those of a cell's record.
func (p *Peers) keys(policy string, k cellKey) []string {
	hosts, tenants := p.indexKeys(policy)
	if k.tenant != "" {
		return []string{p.recordsKey(policy), tenants}
	}
	return []string{p.recordsKey(policy), hosts}
}

// bound is how many records of the cell's kind there may be.
func bound(k cellKey) int {
	if k.tenant != "" {
		return MaxTenants
	}
	return MaxHosts
}

// tellTrip tells that a cell has opened for so long; prior is the record of which
// it was a probe that failed, if it was one.
func (p *Peers) tellTrip(policy string, k cellKey, record, prior string, left time.Duration) {
	if k.tellable() {
		p.link.Later(tripScript, p.keys(policy, k), []string{
			p.channel, policy, k.field(), record, prior, millis(left), millis(keepRecord), strconv.Itoa(bound(k)),
		})
	}
}

// tellProbed tells that the probe in a place succeeded.
func (p *Peers) tellProbed(policy string, k cellKey, record string, place Place) {
	p.link.Later(probedScript, append(p.keys(policy, k), place.Key), []string{
		p.channel, policy, k.field(), record, place.Member, strconv.Itoa(place.N), millis(keepRecord),
	})
}

// tellClosed tells that this sidecar found a cell to be well.
func (p *Peers) tellClosed(policy string, k cellKey, record string) {
	if k.tellable() {
		p.link.Later(closedScript, append(p.keys(policy, k), p.placesKey(record)),
			[]string{p.channel, policy, k.field(), record})
	}
}

// giveBack frees a place.
func (p *Peers) giveBack(place Place) {
	p.link.Later(giveBackScript, []string{place.Key}, []string{place.Member})
}

// tellOrder tells what was ordered of a policy and its parts, whose names are given.
func (p *Peers) tellOrder(o *order, names []string) {
	keys := []string{p.ordersKey()}
	for _, name := range names {
		hosts, tenants := p.indexKeys(name)
		keys = append(keys, p.recordsKey(name), hosts, tenants)
	}
	p.link.Later(orderScript, keys, []string{
		p.channel, o.policy, o.id, o.kind(), millis(time.Since(o.since)), millis(o.left()),
		millis(keepOrder), strconv.Itoa(maxOrders),
	})
}

// millis rounds up, so that what has not ended does not end in transit.
func millis(d time.Duration) string {
	return strconv.FormatInt(int64((max(d, 0)+time.Millisecond-1)/time.Millisecond), 10)
}
