package extract

import (
	"strings"
	"testing"

	"github.com/ohler55/ojg/jp"
	"github.com/ohler55/ojg/oj"
)

// order is an answer of about 1 KiB as a shop would give it.
const order = `{
  "order": {
    "id": "A-10023", "status": "shipped", "currency": "EUR", "total": 118.40, "paid": true,
    "customer": {"id": 5512, "name": "Zo\u00eb Example", "email": "zoe@example.com", "vip": false, "notes": null},
    "items": [
      {"sku": "KB-87", "title": "Keyboard, 87 keys, \"quiet\"", "quantity": 1, "price": 79.90, "tags": ["input", "usb"]},
      {"sku": "MS-02", "title": "Mouse", "quantity": 2, "price": 14.25, "tags": []},
      {"sku": "CB-11", "title": "Cable, 2 m", "quantity": 1, "price": 10.00, "tags": ["usb"]}
    ],
    "delivery": {
      "carrier": "Parcel Example", "tracking": "PX0099887766", "eta": "2026-11-23",
      "address": {"street": "Example Street 12", "city": "Grünstadt", "zip": "04999", "country": "DE"},
      "events": [
        {"at": "2026-11-19T08:11:02Z", "code": "accepted"}, {"at": "2026-11-19T19:40:00Z", "code": "sorted"},
        {"at": "2026-11-20T06:02:51Z", "code": "on the way"}
      ]
    }
  },
  "links": {"self": "https://api.store.example/v2/orders/A-10023", "invoice": "https://api.store.example/v2/invoices/77120"}
}`

var orderPaths = []string{"$.order.status", "$.order.delivery.eta", "$.order.items[0].price", "$.order.customer.email"}

func BenchmarkReadFourSinglePaths(b *testing.B) {
	r := NewReader(mustCompile(b, orderPaths...))
	doc := []byte(order)
	var dst []Value
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = r.Read(doc, dst); err != nil {
			b.Fatal(err)
		}
	}
}

// The same four values, when the whole document is built first.
func BenchmarkReadFourSinglePathsThroughOjg(b *testing.B) {
	doc := []byte(order)
	var paths []jp.Expr
	for _, p := range orderPaths {
		paths = append(paths, jp.MustParseString(p))
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		v, err := oj.Parse(doc)
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range paths {
			if p.First(v) == nil {
				b.Fatal("missing")
			}
		}
	}
}

func BenchmarkReadFilteredList(b *testing.B) {
	r := NewReader(mustCompile(b, `$.order.items[?@.price > 12 && @.tags[0] == "input"].sku`))
	doc := []byte(order)
	var dst []Value
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = r.Read(doc, dst); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	doc := []byte(order)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckOneMebibyteOfNumbers(b *testing.B) {
	r := NewReader(nil)
	doc := []byte("[" + strings.Repeat("1,", 1<<19-1) + "1]")
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Read(doc, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func mustCompile(tb testing.TB, sources ...string) []*Path {
	tb.Helper()
	paths := make([]*Path, len(sources))
	for i, src := range sources {
		var err error
		if paths[i], err = CompilePath(src); err != nil {
			tb.Fatalf("CompilePath(%q): %v", src, err)
		}
	}
	return paths
}
