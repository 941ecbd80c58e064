// Package tenant says what a tenant may be called, and reads the file that
// knows tenants by the thousand: the plan that each is on, and its variables.
//
//	tenants:
//	  acme: {plan: gold, vars: {shop: acme}}
//	  globex: {}
//
// Reading is strict, and finds every mistake of a file at once, because a
// tenant that a typing mistake moved to another plan would be noticed by nobody
// but the tenant. For the same reason a file that is empty, or lacks its one
// key, is broken rather than a file without tenants: that is what a file looks
// like while it is being written.
//
// Watcher replaces the tenants when the file changes. It asks the file system a
// few times a second instead of being told, which works alike for an editor, a
// Kubernetes volume whose links are swapped, and a network mount. A broken or
// missing file changes nothing but is reported.
package tenant
