package redisserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	// commandTime bounds one command: connecting, sending, reading.
	commandTime = 5 * time.Second

	// maxReply bounds a reply's texts and lists: bytes, and members.
	maxReply = 16 << 20
)

// Reply is what Redis said to a command: an error, a text, or a list of Replies. A
// number is its digits, and nothing is the empty text.
type Reply struct {
	Err  error
	Text string
	List []Reply
}

// ask sends commands over a connection of its own, one after the other, and gives
// the reply to the last. A failing earlier one ends it.
func ask(address string, commands ...[]string) (reply Reply, err error) {
	conn, err := net.DialTimeout("tcp", address, commandTime)
	if err != nil {
		return Reply{}, fmt.Errorf("connecting to Redis: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(commandTime)); err != nil {
		return Reply{}, fmt.Errorf("bounding the time of a command: %w", err)
	}
	reader := bufio.NewReader(conn)
	for _, words := range commands {
		if _, err := io.WriteString(conn, command(words)); err != nil {
			return Reply{}, fmt.Errorf("sending %s: %w", words[0], err)
		}
		if reply, err = read(reader); err == nil {
			err = reply.Err
		}
		if err != nil {
			return reply, fmt.Errorf("%s: %w", words[0], err)
		}
	}
	return reply, nil
}

// command writes a command in Redis's protocol.
func command(words []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
	}
	return b.String()
}

// read reads one reply.
func read(r *bufio.Reader) (Reply, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return Reply{}, fmt.Errorf("reading a reply: %w", err)
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return Reply{}, errors.New("reading a reply: an empty line")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ':':
		return Reply{Text: rest}, nil
	case '-':
		return Reply{Err: errors.New(rest)}, nil
	case '$', '*':
		n, err := strconv.Atoi(rest)
		if err != nil || n > maxReply {
			return Reply{}, fmt.Errorf("reading a reply: the length %q", rest)
		}
		if kind == '$' {
			return readText(r, n)
		}
		return readList(r, n)
	}
	return Reply{}, fmt.Errorf("reading a reply: %.100q is none", line)
}

// readText reads a text of n bytes; fewer than none is nothing.
func readText(r *bufio.Reader, n int) (Reply, error) {
	if n < 0 {
		return Reply{}, nil
	}
	text := make([]byte, n+len("\r\n"))
	if _, err := io.ReadFull(r, text); err != nil {
		return Reply{}, fmt.Errorf("reading a reply: %w", err)
	}
	return Reply{Text: string(text[:n])}, nil
}

// readList reads a list of n replies; fewer than none is nothing.
func readList(r *bufio.Reader, n int) (reply Reply, err error) {
	for range n {
		member, err := read(r)
		if err != nil {
			return Reply{}, err
		}
		reply.List = append(reply.List, member)
	}
	return reply, nil
}

// String is a reply as lines of text, as redis-cli prints it.
func (r Reply) String() string {
	if r.Err != nil {
		return r.Err.Error()
	}
	if r.List == nil {
		return r.Text
	}
	lines := make([]string, 0, len(r.List))
	for _, member := range r.List {
		lines = append(lines, member.String())
	}
	return strings.Join(lines, "\n")
}
