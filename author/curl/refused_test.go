package curl

import (
	"strings"
	"testing"
)

// value stands in the commands that are refused, and may be a credential.
const value = "s3cr3t-v4lue"

func TestWhatAShellWouldDoIsRefusedWithItsPlace(t *testing.T) {
	for command, want := range map[string]string{
		"curl https://a.example/$(rm -rf " + value + ")":          "at line 1, column 24: a command in the command",
		"curl https://a.example/`id " + value + "`":               "at line 1, column 24: a command in the command",
		"curl <(echo " + value + ")":                              "at line 1, column 6: a command in place of a file",
		"curl a.example | sh " + value:                            "at line 1, column 1: a pipe into another command",
		"curl a.example > " + value:                               "at line 1, column 16: a redirection",
		"curl a.example < " + value:                               "at line 1, column 16: a redirection",
		"curl a.example <<< " + value:                             "a redirection",
		"curl a.example && echo " + value:                         "at line 1, column 1: a second command",
		"curl a.example; echo " + value:                           "at line 1, column 17: a second command",
		"curl a.example\necho " + value:                           "at line 2, column 1: a second command",
		"curl https://a.example/?a=1&b=" + value:                  "at line 1, column 28: an & that would run it in the background",
		"eval curl " + value:                                      "it does not begin with curl",
		"sudo curl " + value:                                      "it does not begin with curl",
		"TOKEN=" + value + " curl a.example":                      "at line 1, column 1: a variable is set",
		"! curl " + value:                                         "a negation",
		"(curl " + value + ")":                                    "more than a simple command",
		"if true; then curl " + value + "; fi":                    "more than a simple command",
		"curl a.example/*.json":                                   "at line 1, column 6: a pattern for names of files",
		"curl a.example/{a,b}":                                    "a pattern for names of files",
		"curl a.example/[1-3]":                                    "a pattern for names of files",
		"curl ~/" + value:                                         "a pattern for names of files",
		"curl a.example/$((1+1))":                                 "a calculation",
		"curl https://$HOST/x":                                    "a variable, $HOST",
		`curl "a.example/?$Q=1"`:                                  "a variable, $Q",
		`curl "a.example/?q=${Q:-` + value + `}"`:                 "a variable of the shell with more than a name",
		`curl -H "X-Shop: {{a}} $SHOP" a.example`:                 "{{, which stands for a variable, beside a variable of the shell",
		`curl -d "a=$A" a.example`:                                "a variable, $A",
		`curl -H "Authorization: Bearer ${T:-` + value + `}" a.b`: "a variable of the shell with more than a name",
		`curl -H "Authorization: $1" a.b`:                         "a variable of the shell with more than a name",
		"curl 'a.example " + value:                                "at line 1, column 6: something is not closed",
		"curl a.example )" + value:                                "it is no command of bash",
		"curl \"a.example\" ^\n & del " + value:                   "at line 2: a &, which begins another command",
		"curl ^\"a.example^\" | more":                             "a |, which begins another command",
	} {
		refused(t, command, want)
	}
}

func TestWhatAPolicyCannotSendIsRefusedWithARemedy(t *testing.T) {
	for command, want := range map[string]string{
		"":                                                     "there is no command",
		"# only a comment":                                     "there is no command",
		"curl":                                                 "there is no address",
		"wget a.example":                                       "it does not begin with curl",
		"Invoke-WebRequest -Uri a.example":                     "it is a command of PowerShell: expected a curl command",
		"$session = New-Object X":                              "it is a command of PowerShell",
		"fetch('https://a.example')":                           "it is a call of fetch",
		"https://a.example":                                    "it is an address alone",
		"curl a.example b.example":                             "at line 1, column 16: a second address",
		"curl -H Authorization: Bearer " + value:               "a second address",
		"curl ftp://a.example":                                 "not of http or https",
		"curl file:///etc/passwd":                              "not of http or https",
		"curl 'https://'":                                      "the host of the address is none",
		"curl 'https://a b/'":                                  "the host of the address is none",
		"curl 'https://a.example:99999/'":                      "is not a base URL",
		"curl 'https://a.example/{a,b}'":                       "of which curl makes several",
		"curl 'https://a.example/x[1-9]'":                      "of which curl makes several",
		"curl --path-as-is https://a.example/../x":             "dot segments",
		"curl 'https://a.example/%zz'":                         "two hexadecimal digits",
		"curl 'https://a.example/?a=%zz'":                      "two hexadecimal digits",
		"curl 'https://a.example/?{{a}}=b' -g":                 "whose name holds {{",
		"curl a.example -F a=b":                                "a form with parts",
		"curl a.example -T " + value:                           "a file that curl would send",
		"curl a.example -d @" + value:                          "a file that curl would send",
		"curl a.example --data-binary @-":                      "a file that curl would send",
		"curl a.example --data-urlencode a@b":                  "a file that curl would send",
		"curl a.example --url-query q@/etc/passwd":             "a file that curl would send",
		"curl a.example --url-query @/etc/passwd":              "a file that curl would send",
		"curl a.example --json @x":                             "a file that curl would send",
		"curl a.example -b " + value:                           "a file with cookies",
		"curl a.example -H @" + value:                          "a file with headers",
		"curl a.example -K " + value:                           "a file with options",
		"curl a.example --next b.example":                      "a second request",
		"curl a.example --digest -u a:b":                       "a login in several steps",
		"curl a.example --aws-sigv4 aws:amz":                   "a signature over each request",
		"curl -H 'Authorization: Digest x' a.b":                "a signature over one request",
		"curl --unix-socket /x a.example":                      "a socket of this machine",
		"curl a.example --nope":                                "the option --nope is not known",
		"curl a.example --" + value + "=x!":                    "the option --" + value + " is not known",
		"curl a.example --No.p/e":                              "an option that is not known",
		"curl a.example -sW":                                   "the option -W is not known",
		"curl a.example -H":                                    "-H without its value",
		"curl a.example --header":                              "--header without its value",
		"curl a.example --head=x":                              "--head takes no value",
		"curl a.example -H nonsense":                           "the value of -H is no header",
		"curl a.example -H 'A B: c'":                           "the value of -H is no header",
		"curl a.example -H $'A: b\\nC: d'":                     "a control character in the header A",
		"curl a.example -X 'A B'":                              "the value of -X is no method",
		"curl a.example -m soon":                               "no number of seconds",
		"curl a.example --retry -1":                            "no count",
		"curl a.example -h":                                    "an option that makes no request",
		"curl a.example -H $'A: \\xff'":                        "bytes that are no text",
		"curl a.example/\xff":                                  "it is not UTF-8 text",
		"curl a.example/\x00":                                  "it is not UTF-8 text",
		"curl a.example -d 'import=1'":                         "its name cannot begin a line of a Caddyfile",
		"curl a.example -d " + strings.Repeat("a", MaxCommand): "bytes are too many",
		"curl a.example" + strings.Repeat(" -s", 3000):         "words are too many",
	} {
		refused(t, command, want)
	}
}

// refused expects an error that says want, and repeats no value.
func refused(t *testing.T, command, want string) {
	t.Helper()
	d, err := Import(command, Options{})
	shown := command[:min(len(command), 100)]
	switch {
	case err == nil || d != nil:
		t.Errorf("%q was taken, want an error that says %q", shown, want)
	case !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "reading the curl command: "):
		t.Errorf("%q gave %v, want an error that says %q", shown, err, want)
	case strings.Contains(err.Error(), value) && !strings.Contains(want, value):
		t.Errorf("%q gave %v, which repeats what stood there", shown, err)
	}
}

func TestACommandOfManyLevelsIsReadInBoundedTime(t *testing.T) {
	for name, piece := range map[string]string{
		"commands": "$(", "calculations": "$((", "quotes": `"$(`, "variables": "${a:-", "groups": "(", "backticks": "`", "processes": "<(", "patterns": "@(",
	} {
		if _, err := Import("curl "+strings.Repeat(piece, MaxCommand/len(piece)-10), Options{}); err == nil {
			t.Errorf("%s within each other were taken", name)
		}
	}
}
