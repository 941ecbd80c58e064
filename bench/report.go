package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// column is one figure of the table.
type column struct {
	title  string
	format string
	value  func(figures) float64
}

// columns are what is said of each gateway.
var columns = []column{
	{"calls/s", "%.0f", func(f figures) float64 { return f.rate }},
	{"p50, ms", "%.2f", func(f figures) float64 { return milliseconds(f.median) }},
	{"p99, ms", "%.2f", func(f figures) float64 { return milliseconds(f.p99) }},
	{"CPU a call, µs", "%.1f", func(f figures) float64 { return 1000 * milliseconds(f.cpu) }},
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// printTable writes a Markdown table of the rounds, in which the gateways are in
// the order of names: for each column the median over all rounds, and the median
// of its ratios to the first gateway, each taken within a round. There must be
// a round.
func printTable(w io.Writer, names []string, rounds [][]figures) {
	header, rule := "| gateway |", "|---|"
	for _, c := range columns {
		header += " " + c.title + " | : " + names[0] + " |"
		rule += "---:|---:|"
	}
	fmt.Fprintln(w, header)
	fmt.Fprintln(w, rule)
	for i, name := range names {
		var line strings.Builder
		fmt.Fprintf(&line, "| %s |", name)
		for _, c := range columns {
			value := medianOf(rounds, func(r []figures) float64 { return c.value(r[i]) })
			ratio := medianOf(rounds, func(r []figures) float64 { return c.value(r[i]) / c.value(r[0]) })
			fmt.Fprintf(&line, " "+c.format+" | %.2f |", value, ratio)
		}
		fmt.Fprintln(w, line.String())
	}
}

// addition is one figure of the table of what sharing adds.
type addition struct {
	title string
	value func(shared, full figures) float64
}

// additions are what is said of each gateway that shares state.
var additions = []addition{
	{"added p50, µs", func(shared, full figures) float64 { return 1000 * milliseconds(shared.median-full.median) }},
	{"added CPU a call, µs", func(shared, full figures) float64 { return 1000 * milliseconds(shared.cpu-full.cpu) }},
	{"CPU of Redis a call, µs", func(shared, _ figures) float64 { return 1000 * milliseconds(shared.redis) }},
}

// printAdditions writes a Markdown table of what the other gateways add to the
// first: for each figure the median over all rounds of what it is within a round.
// There must be a round.
func printAdditions(w io.Writer, names []string, rounds [][]figures) {
	header, rule := "| over "+names[0]+" |", "|---|"
	for _, a := range additions {
		header += " " + a.title + " |"
		rule += "---:|"
	}
	fmt.Fprintln(w, header)
	fmt.Fprintln(w, rule)
	for i, name := range names[1:] {
		var line strings.Builder
		fmt.Fprintf(&line, "| %s |", name)
		for _, a := range additions {
			fmt.Fprintf(&line, " %.1f |", medianOf(rounds, func(r []figures) float64 { return a.value(r[i+1], r[0]) }))
		}
		fmt.Fprintln(w, line.String())
	}
}

// medianOf is the median of a figure over all rounds; of an even number, the
// lower of the two in the middle.
func medianOf(rounds [][]figures, figure func([]figures) float64) float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = figure(r)
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
