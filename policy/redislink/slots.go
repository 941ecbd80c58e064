package redislink

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

const (
	slotCount = 1 << 14

	// maxRanges bounds what a Cluster tells of who holds what: each slot by itself.
	maxRanges = slotCount
)

// slotRange are neighbouring slots of one master.
type slotRange struct {
	first, last int64
	master      string // host and port.
}

// slots is who holds which keys, in the order of slots.
type slots []slotRange

// master is who holds a slot, "" where nobody does.
func (s slots) master(slot int) string {
	i, _ := slices.BinarySearchFunc(s, int64(slot), func(r slotRange, slot int64) int { return int(r.last - slot) })
	if i == len(s) || int64(slot) < s[i].first {
		return ""
	}
	return s[i].master
}

// readSlots is what CLUSTER SLOTS answered. A node that does not say its own name
// is the one that was asked.
func readSlots(answer rueidis.RedisResult, asked string) (slots, error) {
	entries, err := answer.ToArray()
	if err != nil {
		return nil, fmt.Errorf("asking who holds which slots: %w", err)
	}
	if len(entries) > maxRanges {
		return nil, errors.New("asking who holds which slots: there are more than a cluster has")
	}
	host, _, err := net.SplitHostPort(asked)
	if err != nil {
		return nil, err
	}
	all := make(slots, 0, len(entries))
	for _, e := range entries {
		r, err := readRange(e, host)
		if err != nil {
			return nil, fmt.Errorf("reading who holds which slots: %w", err)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b slotRange) int { return int(a.first - b.first) })
	return all, nil
}

// readRange is one entry: first slot, last slot, the master, its replicas.
func readRange(entry rueidis.RedisMessage, asked string) (r slotRange, err error) {
	fields, err := entry.ToArray()
	if err != nil {
		return r, err
	}
	if len(fields) < 3 {
		return r, errors.New("an entry has no master")
	}
	if r.first, err = fields[0].AsInt64(); err != nil {
		return r, err
	}
	if r.last, err = fields[1].AsInt64(); err != nil {
		return r, err
	}
	if r.first < 0 || r.last < r.first || r.last >= slotCount {
		return r, errors.New("an entry has slots that are none")
	}
	master, err := fields[2].ToArray()
	if err != nil {
		return r, err
	}
	if len(master) < 2 {
		return r, errors.New("a master has no address")
	}
	host := asked
	if name, err := master[0].ToString(); err == nil && name != "" && name != "?" {
		host = name
	}
	port, err := master[1].AsInt64()
	if err != nil || port < 1 || port > 65535 {
		return r, errors.New("a master has no port")
	}
	r.master = net.JoinHostPort(host, strconv.FormatInt(port, 10))
	return r, nil
}

// slotOf is the slot that a key belongs to: of what stands in its first braces,
// where something does, else of all of it.
func slotOf(key string) int {
	if tag := tagOf(key); tag != "" {
		key = tag
	}
	// CRC-16/XMODEM.
	var crc uint16
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % slotCount
}

// tagOf is what stands in the first braces of a key, "" where nothing does.
func tagOf(key string) string {
	if from := strings.IndexByte(key, '{'); from >= 0 {
		if length := strings.IndexByte(key[from+1:], '}'); length > 0 {
			return key[from+1 : from+1+length]
		}
	}
	return ""
}
