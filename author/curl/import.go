package curl

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/author/draft"
)

// Options choose what is drafted of a command. The zero value takes what is in it.
type Options struct {
	// Name is the policy's name. Default: made of the address's host.
	Name string
}

// Import makes a policy with one operation of a curl command, which is neither run
// nor expanded: "Copy as cURL" of a browser, for bash or for the prompt of Windows,
// or what documentation prints. The command is at most MaxCommand bytes long. Errors
// say the place and what to write instead, and hold no value of the command. What
// Import gives can be printed.
func Import(command string, o Options) (d *draft.Draft, err error) {
	// The command is a stranger's, and is taken apart by a library, too: what neither of
	// us foresaw is an error as any other, and not the end of the program. It is not
	// repeated, as it may hold a credential.
	defer func() {
		if broken := recover(); broken != nil {
			d, err = nil, errors.New("reading the curl command: it could not be taken apart: write it in a simpler way")
		}
	}()
	t, err := take(command, o)
	if err != nil {
		return nil, fmt.Errorf("reading the curl command: %w", err)
	}
	return t.draft, nil
}

// take is Import that also tells what stood where.
func take(command string, o Options) (*taking, error) {
	words, err := split(command)
	if err != nil {
		return nil, err
	}
	r, err := readOptions(words)
	if err != nil {
		return nil, err
	}
	a, err := r.parseAddress()
	if err != nil {
		return nil, err
	}
	t := newTaking(r, a, o)
	if err := t.take(); err != nil {
		return nil, err
	}
	return t, t.proveSecret()
}

// foreign are the beginnings of commands that are copied by mistake, and what they
// are.
var foreign = []struct {
	begins *regexp.Regexp
	what   string
}{
	{regexp.MustCompile(`(?i)^(?:invoke-webrequest|invoke-restmethod|iwr|irm|\$session\b)`), "a command of PowerShell"},
	{regexp.MustCompile(`^(?:await\s+)?fetch\(`), "a call of fetch"},
	{regexp.MustCompile(`^(?:GET|POST|PUT|PATCH|DELETE|HEAD) `), "a request"},
	{regexp.MustCompile(`^https?://`), "an address alone"},
}

// shellPrompt stands before commands that were copied with it.
var shellPrompt = regexp.MustCompile(`^[$>%]\s+`)

// program is curl, by name or path.
var program = regexp.MustCompile(`(?i)^(?:.*[/\\])?curl(?:\.exe)?$`)

// split makes words of the command, and gives those behind curl's name.
func split(command string) ([]word, error) {
	switch {
	case len(command) > MaxCommand:
		return nil, fmt.Errorf("%d bytes are too many: expected at most %d", len(command), MaxCommand)
	case !utf8.ValidString(command) || strings.Contains(command, mark):
		return nil, errors.New("it is not UTF-8 text")
	}
	command = strings.TrimSpace(strings.ReplaceAll(command, "\r\n", "\n"))
	command = shellPrompt.ReplaceAllString(command, "")
	for _, f := range foreign {
		if f.begins.MatchString(command) {
			return nil, fmt.Errorf("it is %s: expected a curl command, in a browser's developer tools Copy as cURL (bash)", f.what)
		}
	}
	read := shellWords
	if isPrompt(command) {
		read = promptWords
	}
	words, err := read(command)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 || !program.MatchString(words[0].text) {
		return nil, errors.New("it does not begin with curl: " + remedy)
	}
	return words[1:], nil
}

// proveSecret makes sure that no credential is in what is printed: it may have stood
// in the command a second time.
func (t *taking) proveSecret() error {
	var out bytes.Buffer
	if err := t.draft.Caddyfile(&out, false); err != nil {
		return err
	}
	for _, text := range t.hidden {
		if isTelling(text) && strings.Contains(out.String(), text) && !strings.Contains(t.address.host, strings.ToLower(text)) {
			return errors.New("a credential stands in a second place of the command, where it would be shown: replace it there by another text")
		}
	}
	return nil
}
