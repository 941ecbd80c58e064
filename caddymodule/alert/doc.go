// Package alert tells people, by mail and by webhook, that calls of a policy
// fail or that its answers changed. It never slows or fails a call: a call
// leaves a note in a queue that has room or counts, and goes on.
//
// What first happens to a policy is told at once. Whatever follows within the
// hour, failed calls and changed answers alike, goes into one message when it is
// over, in two parts that are counted apart: one message an hour becomes due for a
// policy at most, but that the first failed call does not wait for the end of an
// hour that began with changed answers alone. What cannot be delivered is tried again, and is part of the next
// message if that does not help: it is lost nowhere without a line in the log. A
// message holds counts, reasons and links to traces; no tenants, bodies or
// variables.
//
//	config.go   what `alerts` and `alert` say, and what is wrong with it
//	queue.go    how a call hands over what happened
//	digest.go   what happened, summed up
//	book.go     the Book: what was told when, and what waits; it outlives
//	            configurations. parcel.go, its part for deliveries
//	sender.go   the Sender: the goroutines that deliver, one configuration's;
//	            options.go, what it needs. complaints.go, its log
//	letter.go   the words of a message; text.go, their bounds
//	mail.go     delivery by SMTP; session.go, one connection
//	webhook.go  delivery by HTTP
//
// It imports no Caddy.
package alert
