package drift_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/signpost-gateway/signpost/policy/drift"
)

// orderDocument is an answer of 1 KiB, as a shop gives it.
func orderDocument() []byte {
	var items []string
	for i := range 6 {
		items = append(items, fmt.Sprintf(`{"id":%d,"sku":"A-%04d","title":"A thing of beauty %d","quantity":%d,"price":{"amount":%d.95,"currency":"EUR"}}`, i, i*37, i, i+1, i*10))
	}
	return []byte(`{"order":{"id":"b1946ac9","status":"shipped","paid":true,"note":null,"customer":{"name":"Zoë Miller","email":"zoe@example.com"},` +
		`"delivery":{"carrier":"DHL","eta":"2026-11-23","tracking":["JD014600003828"]},"items":[` + strings.Join(items, ",") + `]},"meta":{"took_ms":12}}`)
}

// listDocument is a list of 64 KiB.
func listDocument() []byte {
	var b strings.Builder
	b.WriteString(`{"results":[`)
	for i := 0; b.Len() < 64<<10; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"Result number %d","tags":["a","b"],"score":%d.25,"owner":{"login":"user%d","admin":false}}`, i, i, i%100, i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

var (
	orderReads = []drift.Read{read("order.status"), read("order.delivery.eta"), read("order.items.0.title"), read("order.items.*.price.amount")}
	listReads  = []drift.Read{read("results.0.name"), read("results.*.id"), read("results.-1.owner.login")}
)

func TestComparingAllocatesNothingWhileNothingDrifts(t *testing.T) {
	for name, c := range map[string]struct {
		doc   []byte
		reads []drift.Read
	}{"order": {orderDocument(), orderReads}, "list": {listDocument(), listReads}} {
		w := learn(t, c.doc).Watch(c.reads)
		w.Compare(c.doc)
		// The pool may be emptied at any time, so that not every run is free.
		if got := testing.AllocsPerRun(50, func() { w.Compare(c.doc) }); got > 2 {
			t.Errorf("%s: got %v allocations", name, got)
		}
	}
}

func TestAWatchServesManyCallsAtOnce(t *testing.T) {
	doc := orderDocument()
	w := learn(t, doc).Watch(orderReads)
	drifted := []byte(strings.Replace(string(doc), `"status":"shipped"`, `"status":1`, 1))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				if got := w.Compare(doc); got != nil {
					t.Errorf("got %v, want no changes", got)
				}
				if got := paths(w.Compare(drifted)); len(got) != 1 || got[0] != "$.order.status" {
					t.Errorf("got %v, want $.order.status", got)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkCompare(b *testing.B) {
	for _, c := range []struct {
		name  string
		doc   []byte
		reads []drift.Read
	}{{"order", orderDocument(), orderReads}, {"list", listDocument(), listReads}, {"list-unread", listDocument(), nil}} {
		b.Run(c.name, func(b *testing.B) {
			w := learn(b, c.doc).Watch(c.reads)
			b.SetBytes(int64(len(c.doc)))
			b.ReportAllocs()
			for b.Loop() {
				if got := w.Compare(c.doc); got != nil {
					b.Fatal(got)
				}
			}
		})
	}
}

func BenchmarkCompareDrifted(b *testing.B) {
	doc := orderDocument()
	w := learn(b, doc).Watch(orderReads)
	drifted := []byte(strings.Replace(string(doc), `"status"`, `"state"`, 1))
	b.ReportAllocs()
	for b.Loop() {
		if got := w.Compare(drifted); len(got) != 1 {
			b.Fatal(got)
		}
	}
}

func BenchmarkLearn(b *testing.B) {
	doc := orderDocument()
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		learn(b, doc)
	}
}

func BenchmarkMerge(b *testing.B) {
	doc := orderDocument()
	drifted := []byte(strings.Replace(strings.Replace(string(doc), `"status"`, `"state"`, 1), `"paid":true`, `"paid":"yes"`, 1))
	old, latest := learn(b, doc), learn(b, drifted)
	changes := old.Watch(orderReads).Compare(drifted)
	b.ReportAllocs()
	for b.Loop() {
		if got := drift.Merge(old, latest, changes); got.Len() != old.Len() {
			b.Fatalf("got %s", stored(b, got))
		}
	}
}
