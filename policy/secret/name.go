package secret

import (
	"errors"
	"fmt"
	"strings"
)

const (
	// maxName bounds the name of a secret, in bytes.
	maxName = 128
	// maxTenant bounds the tenants that providers look for, in bytes. Longer names have no secrets of their own.
	maxTenant = 128
	// maxValue bounds the value of a secret read from a file, in bytes.
	maxValue = 64 << 10
	// separator stands between tenant and name where both share one word. Names cannot hold it.
	separator = "__"
)

// ParseName checks the name of a secret: [a-z0-9][a-z0-9_.-]{0,127} without "__", which separates the tenant from the
// name in environment variables and Kubernetes keys.
func ParseName(s string) error {
	switch {
	case s == "":
		return errors.New("the name of a secret is empty")
	case len(s) > maxName:
		return fmt.Errorf("the name of a secret is %d bytes long, at most %d are allowed", len(s), maxName)
	case strings.Contains(s, separator):
		return fmt.Errorf("secret name %q holds %q, which separates the tenant from the name", s, separator)
	case !validName(s):
		return fmt.Errorf("secret name %q does not match [a-z0-9][a-z0-9_.-]*", s)
	}
	return nil
}

// validName reports what [ParseName] checks, without building an error.
func validName(s string) bool {
	if s == "" || len(s) > maxName || !isLowerAlnum(s[0]) || strings.Contains(s, separator) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLowerAlnum(c) && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

func isLowerAlnum(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }
