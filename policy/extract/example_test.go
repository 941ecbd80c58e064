package extract_test

import (
	"fmt"

	"github.com/signpost-gateway/signpost/policy/extract"
)

func Example() {
	var paths []*extract.Path
	for _, source := range []string{`$.order.status`, `$.order.items[-1].sku`, `$.order.items[?@.price > 10].sku`, `$.order.eta`} {
		path, err := extract.CompilePath(source)
		if err != nil {
			fmt.Println(err)
			return
		}
		paths = append(paths, path)
	}
	answer := []byte(`{"order": {"status": "shipped", "items": [{"sku": "KB-87", "price": 79.9}, {"sku": "CB-11", "price": 10}]}}`)

	values, err := extract.NewReader(paths).Read(answer, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, v := range values {
		fmt.Printf("%s is %s: %s\n", paths[i], v.Kind(), v.AppendText(nil))
	}
	// Output:
	// $.order.status is string: shipped
	// $.order.items[-1].sku is string: CB-11
	// $.order.items[?@.price > 10].sku is array: ["KB-87"]
	// $.order.eta is missing:
}

func ExamplePathError() {
	_, err := extract.CompilePath(`$.items[01].sku`)
	fmt.Println(err)
	// Output:
	// compiling path "$.items[01].sku": at byte 8: an index has no leading zeros
}
