package redislink

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestAnAddressIsReadInAllItsForms(t *testing.T) {
	for text, want := range map[string]Address{
		"redis://localhost":                    {Hosts: []string{"localhost"}},
		"redis://localhost/":                   {Hosts: []string{"localhost"}},
		"REDISS://localhost:7000/3":            {Hosts: []string{"localhost:7000"}, TLS: true, Database: 3},
		"redis://10.0.0.1,10.0.0.2:7000,b_c.d": {Hosts: []string{"10.0.0.1", "10.0.0.2:7000", "b_c.d"}},
		"redis://[::1],[2001:DB8::1]:07000":    {Hosts: []string{"[::1]", "[2001:db8::1]:7000"}},
		"redis://u:p@h":                        {Hosts: []string{"h"}, User: "u", Password: "p"},
		"redis://:p@h":                         {Hosts: []string{"h"}, Password: "p"},
		"redis://u@h":                          {Hosts: []string{"h"}, User: "u"},
		"redis://a%40b:c%3Ad%25@h":             {Hosts: []string{"h"}, User: "a@b", Password: "c:d%"},
		"redis://u:p/a?s#s@w:d@h/1":            {Hosts: []string{"h"}, User: "u", Password: "p/a?s#s@w:d", Database: 1},
		"redis://gateway:{secret.redis}@h":     {Hosts: []string{"h"}, User: "gateway", Password: "{secret.redis}"},
		"redis://{secret.a%20b}:x%20{secret.b}%20y{secret.c}@h": {
			Hosts: []string{"h"}, User: "{secret.a%20b}", Password: "x {secret.b} y{secret.c}"},
	} {
		if got, err := ParseURL(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ParseURL(%q) = %+v, %v\nwant %+v", text, got, err, want)
		}
	}
}

func TestAnAddressThatIsNoneIsRefusedWithoutAWordOfIt(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "neither redis:// nor rediss://",
		"hunter2":                             "neither redis:// nor rediss://",
		"http://hunter2":                      "neither redis:// nor rediss://",
		"unix:///hunter2":                     "neither redis:// nor rediss://",
		"redis://":                            "host 1 in the address of redis has no name",
		"redis://:hunter2":                    "has no name",
		"redis://h,":                          "host 2 in the address of redis has no name",
		"redis://h:":                          "port",
		"redis://user:hunter2":                "port",
		"redis://h:0":                         "port",
		"redis://h:65536":                     "port",
		"redis://h:+1":                        "port",
		"redis://::1":                         "[brackets]",
		"redis://[hunter2]":                   "no IPv6 address",
		"redis://[1.2.3.4]":                   "no IPv6 address",
		"redis://[::1]hunter2":                "port",
		"redis://hunter 2":                    "neither a name nor an address",
		"redis://-hunter2":                    "neither a name nor an address",
		"redis://{env.hunter2}":               "neither a name nor an address",
		"redis://" + strings.Repeat("a", 254): "neither a name nor an address",
		"redis://h/hunter2":                   "number of a database",
		"redis://h/10000":                     "number of a database",
		"redis://h/-1":                        "number of a database",
		"redis://h/0?hunter2=1":               "number of a database",
		"redis://h?hunter2=1":                 "nothing is understood",
		"redis://h#hunter2":                   "nothing is understood",
		"redis://u:hunter2%@h":                "%25",
		"redis://u:hunter2%zz@h":              "%25",
		"redis://u:%41hunter2%4@h":            "%25",
		"redis://" + strings.Repeat("h,", 64): "more than 64 hosts",
		strings.Repeat("hunter2", 1000):       "longer than 4096 bytes",
	} {
		_, err := ParseURL(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseURL(%.80q) = %v, want an error with %q", text, err, want)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ParseURL(%.80q) repeats what may be a password: %v", text, err)
		}
	}
}

func TestHostsWithoutAPortHaveThatOfWhatTheyAre(t *testing.T) {
	a, err := ParseURL("redis://a,b:1,[::1],[::1]:2")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := a.Endpoints(false), []string{"a:6379", "b:1", "[::1]:6379", "[::1]:2"}; !slices.Equal(got, want) {
		t.Errorf("servers are %q, want %q", got, want)
	}
	if got, want := a.Endpoints(true), []string{"a:26379", "b:1", "[::1]:26379", "[::1]:2"}; !slices.Equal(got, want) {
		t.Errorf("Sentinels are %q, want %q", got, want)
	}
}

func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{
		"redis://localhost:6379/0", "rediss://u:p@a,b:1,[::1]:2/3", "redis://:{secret.x}@h", "redis://a%40:%2", "redis://[", "redis://@@/", "redis://h/%30",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseURL(text)
		if err != nil {
			return
		}
		again, err := ParseURL(a.String())
		if err != nil {
			t.Fatalf("ParseURL(%q) is %q, which is none: %v", text, a, err)
		}
		if want := (Address{Hosts: a.Hosts, Database: a.Database, TLS: a.TLS}); !reflect.DeepEqual(again, want) {
			t.Errorf("ParseURL(%q) is %q, which is read as %+v, want %+v", text, a, again, want)
		}
		if len(a.Hosts) == 0 || len(a.Hosts) > maxHosts || len(a.Endpoints(false)) != len(a.Hosts) {
			t.Errorf("ParseURL(%q) has the hosts %q", text, a.Hosts)
		}
	})
}
