package redislink

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"
)

// maxMessage bounds the messages that are passed on, in bytes.
const maxMessage = 64 << 10

// listener is somebody who wants to hear a channel.
type listener struct {
	channel string
	hear    func(payload string)
	back    func()
}

// Listen has hear called with each message of a channel, one at a time and from a
// goroutine of the Link's, so that it must not wait for long; messages over 64 KiB
// are left out. back is called whenever Redis is there, for the first time or
// again, and messages may have been missed: after subscribing, before There turns
// true, when Run already answers. Either may be nil. Call it before Start.
func (l *Link) Listen(channel string, hear func(payload string), back func()) {
	l.listeners = append(l.listeners, listener{channel, hear, back})
}

// subscribe hears all channels over a connection of its own, to the node with the
// counters. When it returns, no message is missed any longer.
func (s *session) subscribe() error {
	hearers := make(map[string][]func(string))
	var channels []string
	for _, each := range s.link.listeners {
		if each.hear == nil {
			continue
		}
		if hearers[each.channel] == nil {
			channels = append(channels, each.channel)
		}
		hearers[each.channel] = append(hearers[each.channel], each.hear)
	}
	if len(channels) == 0 {
		return nil
	}
	client, release := s.main[0].client.Dedicate()
	confirmed := make(chan struct{}, len(channels))
	s.running.Go(func() {
		defer release()
		s.receive(client, channels, hearers, confirmed)
	})
	return s.confirm(confirmed, len(channels))
}

// receive passes messages on until the connection ends, and with it the session.
func (s *session) receive(client rueidis.DedicatedClient, channels []string, hearers map[string][]func(string), confirmed chan<- struct{}) {
	ctx := rueidis.WithOnSubscriptionHook(s.ctx, func(rueidis.PubSubSubscription) {
		select {
		case confirmed <- struct{}{}:
		default:
		}
	})
	err := client.Receive(ctx, client.B().Subscribe().Channel(channels...).Build().SetSlot(s.key), func(m rueidis.PubSubMessage) {
		if len(m.Message) > maxMessage {
			return
		}
		for _, hear := range hearers[m.Channel] {
			hear(m.Message)
		}
	})
	if err == nil {
		err = errStopped // Redis ended the subscription.
	}
	s.fail(reason(err, 0))
}

// confirm waits until Redis has said of each channel that it is subscribed.
func (s *session) confirm(confirmed <-chan struct{}, channels int) error {
	ctx, cancel := context.WithTimeout(s.ctx, dialTimeout)
	defer cancel()
	for range channels {
		select {
		case <-confirmed:
		case <-ctx.Done():
			return fmt.Errorf("subscribing: %w", ctx.Err())
		}
	}
	return nil
}
